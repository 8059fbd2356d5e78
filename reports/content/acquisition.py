"""With what parameters each segment of the spectrum was received."""

from __future__ import annotations

import numpy as np

from reports.content.blocks import Block, bullets, facts, paragraph, table
from reports.content.material import ReportContent
from reports.content.wording import NOT_RECORDED, bandwidth, count, frequency_range, listed, number, seconds
from reports.segments import contiguous_slices
from sweep.model import Instrument

__all__ = ["acquisition_blocks", "revisit"]

_DASH = "\u2013"
_MAX_SEGMENTS = 60


def acquisition_blocks(content: ReportContent) -> list[Block]:
    """Parameters of the whole plan, then those of each segment."""
    layout, plan = content.layout, content.plan
    rows = [
        ("Resolution: width of a bin", bandwidth(layout.bin_width_hz)),
        ("Noise bandwidth of a bin", bandwidth(round(layout.bin_width_hz * layout.enbw_bins, 1))),
        ("Bins and hops", f"{count(layout.n_bins, 'bin')} in {count(layout.n_hops, 'hop')}"),
        ("Spectra averaged in a pass", NOT_RECORDED if layout.n_averages is None else str(layout.n_averages)),
        ("Passes", str(content.n_rows)),
        ("Mean time between passes", revisit(content)),
    ]
    if plan is None:
        rows.append(("Plan", "none: the spectra were made by another program"))
    else:
        rows += [
            ("Sample rate", f"{plan.sample_rate_hz / 1e6:g} MS/s"),
            ("Transform", f"{plan.n_fft} points, {plan.window} window, half overlap"),
            ("Dwell of a hop in a pass", seconds(plan.dwell_s)),
            ("Detector", "mean power, and largest power of any spectrum (max hold)"),
            ("Digest of the plan", plan.digest),
        ]
    notes: list[Block] = [bullets(layout.notes)] if layout.notes else []
    return [facts(rows), *notes, *_segments(content)]


def revisit(content: ReportContent) -> str:
    """Mean time from a pass to the next one."""
    times_s = content.passes.times_s
    if len(times_s) < 2:
        return NOT_RECORDED
    return seconds(float(times_s[-1, 0] - times_s[0, 0]) / (len(times_s) - 1))


def _segments(content: ReportContent) -> list[Block]:
    layout, plan = content.layout, content.plan
    rows = []
    for bins in contiguous_slices(layout.freq_hz, layout.bin_width_hz):
        low, high = float(layout.freq_hz[bins.start]), float(layout.freq_hz[bins.stop - 1])
        floor = content.noise_floor_dbfs[bins]
        n_hops = (bins.stop - bins.start) // layout.hop_bins
        rows.append(
            (
                frequency_range(low, high),
                str(n_hops),
                _gain(content, low, high),
                _DASH if plan is None else seconds(plan.dwell_s * content.n_rows),
                number(float(np.nanmedian(floor)), content.level_unit) if np.isfinite(floor).any() else _DASH,
            )
        )
    if not rows:
        return []
    head = ("Segment", "Hops", "Gain", "Dwell, all passes", "Noise floor (median)")
    blocks: list[Block] = [
        paragraph("The segments, each of hops side by side; a dash stands for what was not measured:", sticky=True),
        table(head, rows[:_MAX_SEGMENTS], widths=(34, 10, 16, 19, 21), right=(1, 2, 3, 4)),
    ]
    if len(rows) > _MAX_SEGMENTS:
        blocks.append(paragraph(f"{len(rows) - _MAX_SEGMENTS} more segments are in the record."))
    return blocks


def _gain(content: ReportContent, low_hz: float, high_hz: float) -> str:
    """Gain of each receiver that heard the segment."""
    told = content.instrument.receivers or (content.instrument,)
    heard = [one.gain_db for one in told if _overlaps(one, low_hz, high_hz)]
    plan_db = None if content.plan is None else content.plan.gain_db
    known = [gain for gain in heard or [plan_db] if gain is not None] or ([] if plan_db is None else [plan_db])
    return listed([number(gain, "dB") for gain in dict.fromkeys(known)]) or NOT_RECORDED


def _overlaps(receiver: Instrument, low_hz: float, high_hz: float) -> bool:
    return not receiver.ranges_hz or any(start < high_hz and low_hz < stop for start, stop in receiver.ranges_hz)
