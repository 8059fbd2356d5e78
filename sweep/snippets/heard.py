"""How strongly each finding was heard in each dwell, from the rows of the sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.statistics import to_linear
from sweep.camping import hop_of_stay
from sweep.model import SweepRow
from sweep.plan import Layout
from sweep.row_blocks import side_by_side

__all__ = ["Band", "Heard", "bands_of", "heard_in"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The part of a finding that lies in one hop.

    Attributes
    ----------
    finding : int
        Number of the finding.
    hop : int
    start, stop : int
        Bins of the row.
    """

    finding: int
    hop: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """A band in every dwell on its hop, in order of time; arrays of shape (n,).

    Attributes
    ----------
    band : Band
    power : ndarray of float32
        Sum over its bins of the highest level over what was there before; NaN where it was not measured.
    monotonic_ns : ndarray of int64
        Start of each dwell.
    first_utc_ns, last_utc_ns : ndarray of int64
        Of the pass or stay that the dwell is of: start of its first and of its last dwell.
    """

    band: Band
    power: NDArray[np.float32]
    monotonic_ns: NDArray[np.int64]
    first_utc_ns: NDArray[np.int64]
    last_utc_ns: NDArray[np.int64]


def bands_of(layout: Layout, findings: Sequence[Mapping[str, Any]]) -> list[Band]:
    """Where findings lie: of each at least one bin, and a band for every hop that it reaches into."""
    bands = []
    for number, finding in enumerate(findings):
        reach = max(finding["occupied_bw_hz"] or 0.0, layout.bin_width_hz) / 2
        edges = np.searchsorted(layout.freq_hz, finding["center_freq_hz"] + np.array([-reach, reach]))
        start = min(int(edges[0]), layout.n_bins - 1)
        stop = max(int(edges[1]), start + 1)
        for hop in range(start // layout.hop_bins, (stop - 1) // layout.hop_bins + 1):
            whole = layout.hop_slice(hop)
            bands.append(
                Band(finding=number, hop=hop, start=max(start, whole.start), stop=min(stop, whole.stop)),
            )
    return bands


def heard_in(
    layout: Layout,
    bands: Sequence[Band],
    background_dbfs: NDArray[np.float32],
    rows: Iterable[SweepRow],
    stays: Callable[[], Iterable[SweepRow]] | None,
) -> list[Heard]:
    """Read the rows and the stays once.

    Parameters
    ----------
    layout : Layout
    bands : sequence of Band
    background_dbfs : ndarray of float32, shape (n_bins,)
        What was there before; NaN where that is not known.
    rows : iterable of SweepRow
    stays : callable or None

    Returns
    -------
    list of Heard
        One for each band. Memory grows by 28 bytes a band and dwell.
    """
    quiet = np.power(10.0, -background_dbfs.astype(np.float64) / 10)
    parts: list[list[tuple[NDArray[Any], ...]]] = [[] for _ in bands]
    for number, part in _in_rows(bands, quiet, rows):
        parts[number].append(part)
    for number, part in _in_stays(layout, bands, quiet, stays() if stays is not None else ()):
        parts[number].append(part)
    return [
        _in_time(band, *map(np.concatenate, zip(*own, strict=True))) for band, own in zip(bands, parts, strict=True)
    ]


def _in_time(band: Band, power: NDArray[Any], *times: NDArray[Any]) -> Heard:
    order = np.argsort(times[0], kind="stable")
    monotonic_ns, first_utc_ns, last_utc_ns = (values[order] for values in times)
    return Heard(
        band=band,
        power=power[order],
        monotonic_ns=monotonic_ns,
        first_utc_ns=first_utc_ns,
        last_utc_ns=last_utc_ns,
    )


def _in_rows(
    bands: Sequence[Band], quiet: NDArray[np.float64], rows: Iterable[SweepRow]
) -> Iterator[tuple[int, tuple[NDArray[Any], ...]]]:
    for block in side_by_side(rows):
        highest = block.arrays.get("max_hold", block.arrays["mean"])
        first = np.array([utc_ns for utc_ns, _ in block.times], np.int64)
        last = np.maximum(first, block.arrays["hop_utc_ns"].max(axis=1))
        for number, band in enumerate(bands):
            power = _power(highest[:, band.start : band.stop], quiet[band.start : band.stop])
            yield number, (power, block.arrays["hop_monotonic_ns"][:, band.hop], first, last)


def _in_stays(
    layout: Layout, bands: Sequence[Band], quiet: NDArray[np.float64], stays: Iterable[SweepRow]
) -> Iterator[tuple[int, tuple[NDArray[Any], ...]]]:
    for stay in stays:
        hop = hop_of_stay(layout, stay)
        highest = (stay.mean if stay.max_hold is None else stay.max_hold).reshape(-1, layout.hop_bins)
        first = np.full(len(highest), stay.utc_ns, np.int64)
        last = np.full(len(highest), max(stay.utc_ns, int(stay.hop_utc_ns.max())), np.int64)
        for number, band in enumerate(bands):
            if band.hop == hop:
                own, away = slice(band.start, band.stop), hop * layout.hop_bins
                power = _power(highest[:, band.start - away : band.stop - away], quiet[own])
                yield number, (power, stay.hop_monotonic_ns, first, last)


def _power(highest: NDArray[np.int16], quiet: NDArray[np.float64]) -> NDArray[np.float32]:
    """Sum over bins of the ratio to what was there before, of those bins for which it is known."""
    ratio = to_linear(highest) * quiet
    measured = np.isfinite(ratio)
    power = np.where(measured, ratio, 0.0).sum(axis=1)
    power[~measured.any(axis=1)] = np.nan
    return np.asarray(power, np.float32)
