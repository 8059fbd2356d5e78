"""The stays of a sweep that camped: judged hop by hop, and put together with what the passes showed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.axes import shared_bins
from baselines.emitters import Emitter
from baselines.heard import floor_of
from baselines.hops import baseline_of_hops
from baselines.intercept import Intercept
from baselines.part import Bar, Part, findings_of, part_of, without_sidebands
from baselines.summary import summarise
from baselines.threat import assess
from baselines.tracking import Track, follow
from dsp.errors import RecordError
from sweep.camping import hop_of_stay
from sweep.leaf import row_arrays
from sweep.looks import Looks
from sweep.model import HOP_MEASURED, Stays, SweepRow
from sweep.plan import Layout
from sweep.units import iso_utc

__all__ = ["CAMP_SHARE", "Camp", "hop_layout", "with_stays"]

CAMP_SHARE = 0.25
"""Of the false alarms that the report of a sweep that camped may make, those of its stays; hops share it alike."""

_SAME_PLACE_BINS = 2.0

Finding = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Camp:
    """Where a sweep camped.

    Attributes
    ----------
    stays : Stays or None
        None of a sweep that did not.
    hops : mapping of int to list of int
        Numbers of the stays on each hop.
    dwells : mapping of int to int
        Dwells that were measured in them.
    dwell_s : float
    """

    stays: Stays | None
    hops: Mapping[int, list[int]]
    dwells: Mapping[int, int]
    dwell_s: float

    @classmethod
    def of(cls, layout: Layout, stays: Stays | None, heard: Intercept) -> Camp:
        """Read all stays once, and tell when each listened.

        Parameters
        ----------
        layout : Layout
            Of the plan.
        stays : Stays or None
        heard : Intercept
            Sees every stay.

        Raises
        ------
        ParameterError
            A stay has no dwell that was measured.
        """
        hops: dict[int, list[int]] = {}
        dwells: dict[int, int] = {}
        for number, stay in enumerate(() if stays is None else stays()):
            hop = hop_of_stay(layout, stay)
            measured = (stay.hop_flags & HOP_MEASURED) > 0
            hops.setdefault(hop, []).append(number)
            dwells[hop] = dwells.get(hop, 0) + int(np.count_nonzero(measured))
            heard.add_passes(slice(hop, hop + 1), stay.hop_monotonic_ns[:, None], measured[:, None])
        return cls(stays=stays, hops=hops, dwells=dwells, dwell_s=heard.dwell_s or 0.0)

    def n_dwells(self, layout: Layout) -> NDArray[np.int64]:
        """Dwells on each hop of the plan, shape (n_hops,)."""
        counts = np.zeros(layout.n_hops, np.int64)
        for hop, count in self.dwells.items():
            counts[hop] = count
        return counts

    @property
    def words(self) -> str:
        """What is to be said of it."""
        n_stays, n_hops = sum(map(len, self.hops.values())), len(self.hops)
        listened_s = self.dwell_s * sum(self.dwells.values())
        stays = "1 stay" if n_stays == 1 else f"{n_stays} stays"
        hops = "1 hop" if n_hops == 1 else f"{n_hops} hops"
        return f"after its passes the receiver camped for {listened_s:.3g} s, in {stays} on {hops}"

    def rows(self, hop: int) -> Iterator[SweepRow]:
        """Every dwell of the stays on a hop, as a row of that hop alone."""
        sequence = 0
        for number in self.hops[hop]:
            for stay in () if self.stays is None else self.stays(number, number + 1):
                for dwell in np.flatnonzero((stay.hop_flags & HOP_MEASURED) > 0):
                    yield _row_of(stay, int(dwell), sequence)
                    sequence += 1


def hop_layout(layout: Layout, hop: int) -> Layout:
    """Layout of one hop of a plan alone."""
    return replace(layout, freq_hz=layout.freq_hz[layout.hop_slice(hop)], n_hops=1)


def _row_of(stay: SweepRow, dwell: int, sequence: int) -> SweepRow:
    n_dwells = stay.hop_flags.size
    arrays: dict[str, Any] = {}
    for name, values in row_arrays(stay).items():
        width = values.size // n_dwells
        arrays[name] = values[dwell * width : (dwell + 1) * width]
    times = (int(stay.hop_utc_ns[dwell]), int(stay.hop_monotonic_ns[dwell]))
    return SweepRow(sequence=sequence, utc_ns=times[0], monotonic_ns=times[1], **arrays)


def with_stays(
    sweep: Part,
    camp: Camp,
    bar: Bar,
    looks: Looks | None,
    *,
    heard: Sequence[Finding],
    rejected: Sequence[Finding],
) -> tuple[list[Finding], list[Finding], int]:
    """Put together what the passes and the stays showed: an emitter that both heard is one finding.

    Each hop is judged as a recording of that hop alone, at its share of the false alarms.

    Parameters
    ----------
    sweep : Part
        The passes.
    camp : Camp
    bar : Bar
    looks : Looks or None
    heard, rejected : sequence of dict
        What the passes showed, as from `findings_of`.

    Returns
    -------
    list of dict, list of dict, int
        As from `findings_of`, for passes and stays. ``camp_hits`` of ``camp_dwells`` is how often an emitter was heard
        while the receiver camped on its hop; None where it did not.
    """
    result, refused = [{**item, "camp_hits": None, "camp_dwells": None} for item in heard], list(rejected)
    cut = 0
    for hop in sorted(camp.hops):
        part = _part_of_hop(sweep, camp, hop, bar)
        if part is None:
            continue
        first, last = part.layout.freq_hz[0], part.layout.freq_hz[-1]
        for number, item in enumerate(result):
            if first <= item["center_freq_hz"] <= last:
                result[number] = {**item, "camp_hits": 0, "camp_dwells": part.summary.n_rows}
        tracks = follow(part.layout, part.rows(), part.outcome.emitters, ppm=part.outcome.errors_ppm)
        followed = list(zip(part.outcome.emitters, tracks, strict=True))
        alone = {id(emitter) for emitter, _ in without_sidebands(followed, part.spectrum)}
        fresh = []
        for index, (emitter, track) in enumerate(followed):
            if part.outcome.kinds[index] == "missing" or _find(emitter, refused, part.layout) is not None:
                continue
            at = _find(emitter, result, part.layout)
            if at is not None:
                result[at] = _also_heard(result[at], emitter, track, bar)
            elif id(emitter) in alone:  # a lobe of what the passes showed is that
                fresh.append(index)
        findings, artefacts, n_cut = findings_of(_only(part, fresh), looks)
        result += [_as_camped(item, sweep, bar) for item in findings]
        refused += [_as_camped(item, sweep, bar) for item in artefacts]
        cut += n_cut
    return result, refused, cut


def _part_of_hop(sweep: Part, camp: Camp, hop: int, bar: Bar) -> Part | None:
    """The stays on one hop, judged; None where nothing came, or the baseline has nothing of this hop."""
    layout = hop_layout(sweep.layout, hop)
    if bar.baseline is not None and not shared_bins(layout, bar.baseline.layout).any():
        return None
    rows = partial(camp.rows, hop)
    try:
        summary = summarise(layout, rows())
    except RecordError:
        return None
    baseline = None if bar.baseline is None else baseline_of_hops(bar.baseline, layout)
    error = None if bar.baseline is None else sweep.outcome.error
    share = CAMP_SHARE / len(camp.hops)
    return part_of(rows, summary, floor_of(summary), replace(bar, baseline=baseline), share=share, error=error)


def _only(part: Part, chosen: Sequence[int]) -> Part:
    outcome = part.outcome
    emitters, kinds = [outcome.emitters[index] for index in chosen], [outcome.kinds[index] for index in chosen]
    errors_ppm = [outcome.errors_ppm[index] for index in chosen]
    return replace(part, outcome=replace(outcome, emitters=emitters, kinds=kinds, errors_ppm=errors_ppm))


def _find(emitter: Emitter, findings: Sequence[Finding], layout: Layout) -> int | None:
    """Which of some findings is the same emitter, the nearest of several."""
    away = [
        abs(item["center_freq_hz"] - emitter.center_freq_hz)
        - max(item["occupied_bw_hz"] or 0.0, emitter.occupied_bw_hz) / 2
        if item["kind"] != "missing"
        else np.inf
        for item in findings
    ]
    nearest = int(np.argmin(away)) if away else 0
    return nearest if away and away[nearest] <= _SAME_PLACE_BINS * layout.bin_width_hz else None


def _also_heard(finding: Finding, emitter: Emitter, track: Track, bar: Bar) -> Finding:
    """A finding of the passes with what the stays tell of it: they hear bursts whole, and from one to the next."""
    chances = [value for value in (finding["p_value"], emitter.p_value) if value is not None]
    seen = [value for value in (track.first_utc_ns, track.last_utc_ns) if value is not None]
    told: Finding = {
        "camp_hits": max(track.hits, finding["camp_hits"] or 0),
        "p_value": min(chances) if chances else None,
        "first_seen": min([finding["first_seen"], *map(iso_utc, seen)], key=lambda text: text or "~"),
        "last_seen": max([finding["last_seen"], *map(iso_utc, seen)], key=lambda text: text or ""),
    }
    if track.burst_length_s is not None or track.burst_period_s is not None:
        for name in ("burst_length_s", "burst_period_s", "burst_resolution_s"):
            value = getattr(track, name)
            told[name] = None if value is None else round(value, 6)
    merged = {**finding, **told}
    return {**merged, "threat": assess(merged, compared=bar.baseline is not None)}


def _as_camped(finding: Finding, sweep: Part, bar: Bar) -> Finding:
    """What only stays heard: it was in no pass, and in so many dwells."""
    heard = {"camp_hits": finding["hits"], "camp_dwells": finding["passes"]}
    told = {**finding, **heard, "hits": 0, "passes": sweep.summary.n_rows}
    return {**told, "threat": assess(told, compared=bar.baseline is not None)}
