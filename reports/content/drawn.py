"""Figures beside spectrum and waterfall, with captions, and descriptions for those who cannot see them."""

from __future__ import annotations

from baselines.occupancy import THRESHOLD_DB
from reports.content.acquisition import revisit
from reports.content.blocks import Block, facts, figure, paragraph
from reports.content.material import ReportContent
from reports.content.timeline import sweep_times, visit_times
from reports.content.wording import NOT_RECORDED, bandwidth, count, frequency_range, listed, seconds, utc
from reports.figures.camps import camped_hops
from reports.figures.occupancies import occupancy_by_band
from reports.figures.positions import levels_by_position

__all__ = ["camp_blocks", "difference_blocks", "level_blocks", "occupancy_blocks", "timeline_blocks"]

_MOST_NAMED = 12


def difference_blocks(content: ReportContent) -> list[Block]:
    """What rose over the baseline."""
    if content.baseline_dbfs is None:
        return [paragraph("There was no baseline to compare with.")]
    caption = "Mean of all passes over the baseline."
    if content.threshold_db is not None:
        caption += (
            " Below the dashed line no single bin is listed; of the room's own emitters more is asked. Wide emitters "
            "and bursts are found below it."
        )
    marked = [
        f"{item['id']} ({item['excess_db']:.1f} dB)" for item in content.findings if item.get("excess_db") is not None
    ]
    names = f" Marked: {listed(marked)}." if marked else " Nothing is marked."
    return [figure("difference", caption, f"Level over the baseline in dB over frequency.{names}")]


def level_blocks(content: ReportContent) -> list[Block]:
    """Level of each finding at every position; nothing where there was only one."""
    told = {str(item["id"]): levels_by_position(item) for item in content.findings}
    told = {name: levels for name, levels in told.items() if len(levels) > 1}
    if not told:
        return []
    names = [
        f"{name} is strongest at {max(heard, key=lambda level: level.power_dbfs or 0.0).place}"
        for name, levels in told.items()
        if (heard := [level for level in levels if level.power_dbfs is not None])
    ]
    caption = "Level of each finding by position. Hollow: not heard there, and weaker than this."
    if any(level.expanded_db is not None for levels in told.values() for level in levels):
        caption += " Bars: expanded uncertainty (k = 2), of the parts that are known."
    return [figure("positions", caption, f"Levels of the findings by position. {listed(names, most=_MOST_NAMED)}.")]


def occupancy_blocks(content: ReportContent) -> list[Block]:
    """Occupancy of channels and bands."""
    bands = occupancy_by_band(content)
    if not bands:
        return [paragraph("Not known: how much the spectra of this recording were averaged is not recorded.")]
    caption = (
        "Above, channel occupancy: the share of passes in which the busiest bin of each column was in use. Below, band "
        "occupancy: the share of all samples of a band; outlined, the share of its bins that were in use at least "
        "once. Terms of ITU-R SM.1880. "
    )
    samples = count(bands[0][1].n_samples, "sample")
    caption += f"{samples} of each bin: a share is known no finer than that, and says nothing of other times."
    said = [f"{name} {100 * band.share:.1f} %" for name, band in bands]
    rows = [
        ("Channel", f"a bin of {bandwidth(content.layout.bin_width_hz)}"),
        ("Threshold", f"{THRESHOLD_DB:g} dB over the noise floor of the bin"),
        ("Samples of a channel", f"{samples}, the mean level of each pass"),
        ("Dwell of a sample", NOT_RECORDED if content.plan is None else seconds(content.plan.dwell_s)),
        ("Revisit time (mean)", revisit(content)),
        ("Time observed", f"{utc(content.start.get('start_time'))} to {utc(content.end_time)}"),
    ]
    return [figure("occupancy", caption, f"Band occupancy: {listed(said, most=len(said))}."), facts(rows)]


def timeline_blocks(content: ReportContent) -> list[Block]:
    """When the steps of the visit ended, and what this sweep did when."""
    if content.passes.begun_ns is None:
        return []
    steps, times = visit_times(content), sweep_times(content)
    caption = (
        "Above, the steps of the visit, each from the end of the one before it. Below, this sweep"
        if steps
        else "This sweep"
    )
    caption += ": its passes, stays and gaps, and the highest level of each finding."
    kinds = [one.kind for one in times]
    said = [
        count(kinds.count("pass"), "pass", "passes"),
        count(kinds.count("stay"), "stay"),
        count(kinds.count("gap"), "gap"),
    ]
    return [figure("timeline", caption, f"Timeline: {listed(said)}.")]


def camp_blocks(content: ReportContent) -> list[Block]:
    """Stays on the hops of what was found; nothing of a sweep that had none."""
    hops = camped_hops(content)
    if not hops:
        return []
    said = [f"{frequency_range(hop.start_hz, hop.stop_hz)}, {count(len(hop.starts), 'stay')}" for hop in hops]
    caption = "Where the sweep camped on what was found, dwell by dwell, time downwards. White lines part the stays."
    return [figure("camp", caption, f"Level over frequency and time while camping: {listed(said)}.")]
