"""A visit in bounded memory: its passes gathered into at most eight groups, whatever their number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from baselines.deafness import HopFloors
from baselines.intercept import Intercept
from baselines.minutes import MINUTE_PARTS, count_by_minute
from dsp.errors import RecordError
from dsp.statistics import effective_averages, log_power_variance, to_linear
from sweep.model import FILL, HOP_MEASURED, HOP_OVERLOADED, HOP_UNLOCKED, SweepRow
from sweep.plan import Layout
from sweep.row_blocks import RowBlock, side_by_side

__all__ = ["BURST_BOXES", "VisitSummary", "box_bins", "summarise"]

MAX_GROUPS = 8

_SILENCE_DBFS = -140.0
"""No receiver is this quiet: samples that are all zero were muted or lost, not measured."""

_FAINTEST_CDB = np.int16(-30000)  # a power of zero has no ratio

BURST_BOXES = {"burst_8": 8, "burst_8x4": 8, "burst_64": 64, "burst_512": 512}
"""Width in bins of the boxes of each stored burst feature; a box starts every half width."""


_Boxes = TypeVar("_Boxes", int, NDArray[np.int64])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VisitSummary:
    """What detection needs of one visit.

    G groups of consecutive passes; each is judged as one sweep. Linear power, 1 at full scale, NaN where nothing was
    measured; but largest values are kept as they are stored: int16 hundredths of a dB, ``FILL`` for nothing.

    Attributes
    ----------
    layout : Layout
    passes : ndarray of int64, shape (G,)
        Passes in each group.
    mean : ndarray of float32, shape (G, n_bins)
    max_hold : ndarray of int16, shape (G, n_bins), or None
        None where the source gives no extremes; then there are no burst features either.
    burst_1 : ndarray of int16, shape (G, n_bins), or None
        Largest ratio of a frame's power to the mean of its own pass.
    bursts : dict of ndarray of int16, shape (G, n_boxes)
        Largest burst features over the passes of a group.
    kurtosis_db : ndarray of float32, shape (n_bins,), or None
        Mean over all passes of the spectral kurtosis in 10 log10; NaN where it was never measured.
    fluctuation_db : ndarray of float32, shape (G, n_hops)
        Largest common fluctuation of each hop.
    measured, overloaded : ndarray of float64, shape (n_hops,)
        Share of the passes in which the hop was measured, and was overloaded.
    n_lossy, n_unlocked, n_deaf : int
        Dwells over all passes that lack samples, of a tuner that was not locked, and with a noise floor 3 dB or more
        below that which the hop began with, at the same gain.
    level_drift_db : float
        How far the noise floor of the middle hop moved from the first pass to the last.
    n_rows : int
    start_utc_ns, stop_utc_ns : int
        Of the first and the last pass.
    pass_variance : float
        Variance of ln(mean) of a noise bin in one pass.
    lowered : ndarray of bool, shape (n_hops,), or None
        Hops that were taken at another gain than the rest (see `baselines.referral`); None where that is not known.
    by_minute : ndarray of int32, shape (G, n_hops, 120), or None
        Dwells that began in each half second of a minute.
    """

    layout: Layout
    passes: NDArray[np.int64]
    mean: NDArray[np.float32]
    max_hold: NDArray[np.int16] | None
    burst_1: NDArray[np.int16] | None
    bursts: dict[str, NDArray[np.int16]]
    kurtosis_db: NDArray[np.float32] | None
    fluctuation_db: NDArray[np.float32]
    measured: NDArray[np.float64]
    overloaded: NDArray[np.float64]
    n_lossy: int
    n_unlocked: int
    n_deaf: int
    level_drift_db: float
    n_rows: int
    start_utc_ns: int
    stop_utc_ns: int
    pass_variance: float
    lowered: NDArray[np.bool_] | None = None
    by_minute: NDArray[np.int32] | None = None

    def was_lowered(self, freq_hz: float) -> bool:
        """Whether the hop that holds a frequency was taken at another gain than the rest."""
        if self.lowered is None:
            return False
        nearest = int(np.abs(self.layout.freq_hz - freq_hz).argmin())
        return bool(self.lowered[nearest // self.layout.hop_bins])

    @property
    def n_groups(self) -> int:
        """Groups, at most eight."""
        return len(self.passes)

    @property
    def log_mean(self) -> NDArray[np.float32]:
        """Natural logarithm of the mean of each group, shape (G, n_bins)."""
        return np.log(np.maximum(self.mean, np.float32(1e-30)))

    @property
    def group_variance(self) -> float:
        """Variance of ln(mean) of a noise bin in a typical group."""
        return self.pass_variance / float(np.median(self.passes))


@dataclass(slots=True)
class _Group:
    passes: int
    n_measured: NDArray[np.int32]  # by hop; by bin where the row is a single hop
    total: NDArray[np.float32]
    max_hold: NDArray[np.int16] | None
    burst_1: NDArray[np.int16] | None
    bursts: dict[str, NDArray[np.int16]]
    fluctuation_db: NDArray[np.float32]
    by_minute: NDArray[np.int32]

    def absorb(self, other: _Group) -> None:
        """Take in the passes of a later group."""
        self.total += other.total
        self._absorb_rest(other)

    def absorb_rows(self, rows: _Group, linear: NDArray[np.float32]) -> None:
        """Take in later passes, their powers one after another: of float32 the order of a sum is part of it."""
        for power in linear:
            self.total += power
        self._absorb_rest(rows)

    def _absorb_rest(self, other: _Group) -> None:
        self.passes += other.passes
        self.n_measured += other.n_measured
        self.by_minute += other.by_minute
        for mine, theirs in (
            (self.max_hold, other.max_hold),
            (self.burst_1, other.burst_1),
            (self.fluctuation_db, other.fluctuation_db),
            *((self.bursts[name], other.bursts[name]) for name in self.bursts),
        ):
            if mine is not None and theirs is not None:
                np.fmax(mine, theirs, out=mine)  # FILL is the lowest of all stored values


def box_bins(feature: str, box: _Boxes, hop_bins: int) -> tuple[_Boxes, _Boxes]:
    """First bin and the one after the last, within the row, of a burst box or of several, counted over all hops.

    Examples
    --------
    >>> box_bins("burst_8", 191, 768)
    (768, 776)
    """
    width = BURST_BOXES.get(feature, 1)  # burst_1 has a value for each bin
    step = max(1, width // 2)
    hop, index = divmod(box, max(0, hop_bins // step - width // step + 1))
    start = hop * hop_bins + index * step
    return start, start + width


def summarise(layout: Layout, rows: Iterable[SweepRow], heard: Intercept | None = None) -> VisitSummary:
    """Read the rows of a visit once.

    Parameters
    ----------
    layout : Layout
    rows : iterable of SweepRow
    heard : Intercept, optional
        Told of every dwell.

    Raises
    ------
    RecordError
        There is no row, or no bin of any row was measured.
    """
    groups: list[_Group] = []
    per_group = 1
    n_rows = 0
    start_utc_ns = stop_utc_ns = 0
    kurtosis = np.zeros(layout.n_bins, np.float32)
    n_kurtosis = np.zeros(layout.n_bins, np.int32)
    measured = np.zeros(layout.n_hops)
    overloaded = np.zeros(layout.n_hops)
    n_lossy = n_unlocked = 0
    floors = HopFloors(layout)
    for block in side_by_side(rows):
        start_utc_ns = start_utc_ns if n_rows else block.times[0][0]
        stop_utc_ns = block.times[-1][0]
        n_rows += len(block)
        flags = block.arrays["hop_flags"]
        measured += np.count_nonzero(flags & HOP_MEASURED, axis=0)
        if heard is not None:
            heard.add_passes(slice(None), block.arrays["hop_monotonic_ns"], (flags & HOP_MEASURED) > 0)
        overloaded += np.count_nonzero(flags & HOP_OVERLOADED, axis=0)
        n_unlocked += int(np.count_nonzero(flags & HOP_UNLOCKED))
        floors.add(block)
        n_lossy += int(np.count_nonzero(block.arrays["hop_dropped_samples"]))
        if "spectral_kurtosis" in block.arrays:
            known = block.arrays["spectral_kurtosis"] != FILL
            n_kurtosis += np.count_nonzero(known, axis=0)
            for values in np.where(known, block.arrays["spectral_kurtosis"], 0) * np.float32(0.01):
                kurtosis += values
        at = 0
        while at < len(block):
            if len(groups) == MAX_GROUPS and groups[-1].passes == per_group:
                groups = _halve(groups)
                per_group *= 2
            if not groups or groups[-1].passes == per_group:
                groups.append(_no_passes(block, layout))
            stop = min(len(block), at + per_group - groups[-1].passes)
            groups[-1].absorb_rows(*_group_of(block, at, stop))
            at = stop
    if not any(group.n_measured.any() for group in groups):
        raise RecordError(f"nothing was measured in {n_rows} passes; there is nothing to judge or to learn")
    groups = [group for group in groups if group.n_measured.any()]
    if len(groups) > 1 and groups[-1].passes * 2 < per_group:
        last = groups.pop()
        groups[-1].absorb(last)
    return VisitSummary(
        layout=layout,
        passes=np.array([group.passes for group in groups]),
        mean=np.array([_mean(group) for group in groups]),
        max_hold=_stack([group.max_hold for group in groups]),
        burst_1=_stack([group.burst_1 for group in groups]),
        bursts={name: np.array([group.bursts[name] for group in groups]) for name in groups[0].bursts},
        kurtosis_db=_mean_kurtosis(kurtosis, n_kurtosis),
        fluctuation_db=np.array([group.fluctuation_db for group in groups]),
        measured=measured / n_rows,
        overloaded=overloaded / n_rows,
        n_lossy=n_lossy,
        n_unlocked=n_unlocked,
        n_deaf=floors.n_deaf,
        level_drift_db=floors.drift_db,
        n_rows=n_rows,
        start_utc_ns=start_utc_ns,
        stop_utc_ns=stop_utc_ns,
        pass_variance=_pass_variance(layout, groups),
        by_minute=np.array([group.by_minute for group in groups]),
    )


def _no_passes(block: RowBlock, layout: Layout) -> _Group:
    """An empty group for rows with the arrays of these."""
    lowest = {name: np.full(values.shape[1], FILL, np.int16) for name, values in block.arrays.items()}
    has_max = "max_hold" in block.arrays
    return _Group(
        passes=0,
        n_measured=np.zeros(layout.n_hops if layout.n_hops > 1 else layout.n_bins, np.int32),
        total=np.zeros(layout.n_bins, np.float32),
        max_hold=lowest["max_hold"] if has_max else None,
        burst_1=np.full(layout.n_bins, FILL, np.int16) if has_max else None,
        bursts={name: lowest[name] for name in BURST_BOXES if name in lowest and lowest[name].size},
        fluctuation_db=np.full(layout.n_hops, np.nan, np.float32),
        by_minute=np.zeros((layout.n_hops, MINUTE_PARTS), np.int32),
    )


def _group_of(block: RowBlock, start: int, stop: int) -> tuple[_Group, NDArray[np.float32]]:
    """A group of some rows, all but their total, and their powers."""
    arrays = {name: values[start:stop] for name, values in block.arrays.items()}
    n_rows, n_hops = arrays["hop_flags"].shape
    mean, max_hold = arrays["mean"], arrays.get("max_hold")
    muted = arrays["hop_rms_dbfs"] < _SILENCE_DBFS
    if muted.any():
        mean = mean.copy()
        mean.reshape(n_rows, n_hops, -1)[muted] = FILL
    known = mean != FILL
    linear = np.where(known, to_linear(mean), np.float32(0))
    by_hop = known.reshape(n_rows, n_hops, -1).any(axis=2) if n_hops > 1 else known
    group = _Group(
        passes=n_rows,
        n_measured=np.count_nonzero(by_hop, axis=0).astype(np.int32),
        total=np.empty(0, np.float32),
        max_hold=None if max_hold is None else max_hold.max(axis=0),
        burst_1=None if max_hold is None else _over_mean(max_hold, mean, known).max(axis=0),
        bursts={name: arrays[name].max(axis=0) for name in BURST_BOXES if name in arrays and arrays[name].size},
        fluctuation_db=np.fmax.reduce(arrays["hop_fluctuation_db"], axis=0),
        by_minute=count_by_minute(arrays),
    )
    return group, linear


def _over_mean(max_hold: NDArray[np.int16], mean: NDArray[np.int16], known: NDArray[np.bool_]) -> NDArray[np.int16]:
    ratio = np.subtract(max_hold, np.maximum(mean, _FAINTEST_CDB), dtype=np.int32)
    return np.where(known & (max_hold != FILL), np.clip(ratio, FILL + 1, -FILL - 1, out=ratio), FILL).astype(np.int16)


def _mean(group: _Group) -> NDArray[np.float32]:
    n_measured = group.n_measured[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = group.total.reshape(len(group.n_measured), -1) / n_measured
    return np.where(n_measured > 0, mean, np.nan).ravel().astype(np.float32)


def _mean_kurtosis(total: NDArray[np.float32], n_known: NDArray[np.int32]) -> NDArray[np.float32] | None:
    if not n_known.any():
        return None
    return np.where(n_known > 0, total / np.maximum(n_known, 1), np.nan).astype(np.float32)


def _stack(arrays: list[NDArray[np.int16] | None]) -> NDArray[np.int16] | None:
    known = [array for array in arrays if array is not None]
    return np.array(known) if len(known) == len(arrays) else None


def _halve(groups: list[_Group]) -> list[_Group]:
    """Join neighbours in pairs, so that the number of groups stays bounded."""
    for left, right in zip(groups[0::2], groups[1::2], strict=True):
        left.absorb(right)
    return groups[0::2]


def _pass_variance(layout: Layout, groups: list[_Group]) -> float:
    """From the number of averages where it is known, else from how neighbouring groups differ in quiet bins."""
    if layout.n_averages is not None:
        return log_power_variance(effective_averages(layout.n_averages))
    if len(groups) >= 2:
        logs = np.log(np.maximum([_mean(group) for group in groups], 1e-30))
        steps = np.diff(logs, axis=0)
        steps = np.abs(steps - np.nanmedian(steps, axis=1, keepdims=True))
        per_group = float(np.nanmedian(steps) / 0.6745) ** 2 / 2
    else:
        step = np.diff(np.log(np.maximum(_mean(groups[0]), 1e-30)))
        per_group = float(np.nanmedian(np.abs(step)) / 0.6745) ** 2 / 2
    return max(per_group, 1e-4) * groups[0].passes
