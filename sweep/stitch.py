"""From the spectra of hops to the rows that are stored: one row is one pass over the plan."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.spectra import BURST_WIDTHS, HopSpectra, box_count, hop_spectra
from sweep.model import FILL, HOP_MEASURED, HOP_OVERLOADED, HOP_UNLOCKED, HopDone, HopGap, HopSamples, SweepRow
from sweep.plan import SweepPlan

__all__ = ["PassAssembler", "RowBuilder", "StoredHop", "examine", "is_overloaded", "row_bytes", "to_centidecibels"]

OVERLOAD_CLIP_FRACTION = 1e-4
OVERLOAD_RMS_DBFS = 20 * np.log10(0.3)
"""Beyond either, the converter itself makes signals (``detection.md`` of the project; AD-conversion practice)."""

_LOWEST = FILL + 1  # a measured power of zero: the lowest level that can be stored
_MEASURES = ("mean", "max_hold", "min_hold", "spectral_kurtosis")
_HOP_FIELDS: dict[str, tuple[type[np.generic], float]] = {
    "hop_utc_ns": (np.int64, 0),
    "hop_monotonic_ns": (np.int64, 0),
    "hop_center_freq_hz": (np.float64, np.nan),
    "hop_gain_db": (np.float32, np.nan),
    "hop_clip_fraction": (np.float32, np.nan),
    "hop_rms_dbfs": (np.float32, np.nan),
    "hop_dc_dbfs": (np.float32, np.nan),
    "hop_fluctuation_db": (np.float32, np.nan),
    "hop_dropped_samples": (np.int32, 0),
    "hop_flags": (np.uint8, 0),
}
_FACTS = np.dtype([(name, kind) for name, (kind, _) in _HOP_FIELDS.items()], align=True)
_NO_FACTS = tuple(empty for _, empty in _HOP_FIELDS.values())
_in_order = operator.itemgetter(*_HOP_FIELDS)


def to_centidecibels(power: NDArray[np.float32]) -> NDArray[np.int16]:
    """Quantise linear power to hundredths of a dB.

    Parameters
    ----------
    power : ndarray of float32
        Linear, not negative; NaN where nothing was measured.

    Returns
    -------
    ndarray of int16, same shape
        1000 log10(power), rounded to even, kept between -32767 and 32767; `FILL` for NaN.

    Examples
    --------
    >>> to_centidecibels(np.array([1.0, 0.5, 0.0, np.nan], np.float32)).tolist()
    [0, -301, -32767, -32768]
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # NaN becomes some whole number, and then FILL
        levels = np.log10(power)
        levels *= np.float32(1000)
        np.rint(levels, out=levels)
        np.maximum(levels, np.float32(_LOWEST), out=levels)
        np.minimum(levels, np.float32(-_LOWEST), out=levels)
        stored = levels.astype(np.int16)
    unknown = np.isnan(levels)
    if unknown.any():
        stored[unknown] = FILL
    return stored


def row_bytes(plan: SweepPlan) -> int:
    """Bytes of one row of a plan, to know what a sweep needs on disk."""
    levels = np.dtype(np.int16).itemsize * sum(_level_sizes(plan.hop_bins).values())
    return plan.n_hops * (levels + sum(np.dtype(kind).itemsize for kind, _ in _HOP_FIELDS.values()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredHop:
    """One hop in stored units, before it has its place in a row.

    Attributes
    ----------
    pass_index, hop_index : int
    levels : ndarray of int16, shape (n_levels,)
        All measures one after another, as in a ``SweepRow``.
    facts : mapping of str to float
        Its ``hop_*`` fields of a ``SweepRow``.
    """

    pass_index: int
    hop_index: int
    levels: NDArray[np.int16]
    facts: Mapping[str, Any]

    @property
    def utc_ns(self) -> int:
        """Start of its samples, in nanoseconds since 1970 UTC."""
        return int(self.facts["hop_utc_ns"])

    @property
    def monotonic_ns(self) -> int:
        """Start of its samples on the monotonic clock."""
        return int(self.facts["hop_monotonic_ns"])


class RowBuilder:
    """Collects the hops of one pass; what never comes stays ``FILL``, with its flags 0.

    Parameters
    ----------
    plan : SweepPlan
    """

    def __init__(self, plan: SweepPlan) -> None:
        self._sizes = _level_sizes(plan.hop_bins)
        self._levels = np.full((plan.n_hops, sum(self._sizes.values())), FILL, np.int16)
        self._facts: list[tuple[Any, ...]] = [_NO_FACTS] * plan.n_hops
        self._start: tuple[int, int] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no hop has come."""
        return self._start is None

    @property
    def n_measured(self) -> int:
        """Hops that have come."""
        return sum(facts is not _NO_FACTS for facts in self._facts)

    def add(self, hop: StoredHop) -> None:
        """Put one hop in its place."""
        self._levels[hop.hop_index] = hop.levels
        self._facts[hop.hop_index] = _in_order(hop.facts)
        if self._start is None:
            self._start = (hop.utc_ns, hop.monotonic_ns)

    def build(self, sequence: int) -> SweepRow:
        """Give the row; its time is that of the first hop that came.

        Parameters
        ----------
        sequence : int
            Number of the row within its record.

        Raises
        ------
        ParameterError
            No hop has come: such a pass is a gap, not a row.
        """
        if self._start is None:
            raise ParameterError(f"pass {sequence} has no hop, so it is no row; record a gap instead")
        arrays: dict[str, Any] = {}
        start = 0
        for name, size in self._sizes.items():
            arrays[name] = self._levels[:, start : start + size].ravel()
            start += size
        facts = np.array(self._facts, _FACTS)
        arrays |= {name: facts[name] for name in _HOP_FIELDS}
        return SweepRow(sequence=sequence, utc_ns=self._start[0], monotonic_ns=self._start[1], **arrays)


class PassAssembler:
    """Turns the examined blocks of a source into rows, one for each pass in which anything was measured.

    Parameters
    ----------
    plan : SweepPlan
    """

    def __init__(self, plan: SweepPlan) -> None:
        self._plan = plan
        self._builder = RowBuilder(plan)
        self._n_rows = 0
        self._n_in_pass = 0  # receivers that share a plan give its hops in another order
        self._last: StoredHop | HopGap | None = None

    def is_next_pass(self, outcome: StoredHop | HopGap) -> bool:
        """Whether a hop is of another pass than the one before it."""
        return self._last is not None and outcome.pass_index != self._last.pass_index

    def has_finished(self, passes: int | None) -> bool:
        """Whether the hop before was the last one of so many passes."""
        last = self._last
        return last is not None and last.pass_index + 1 == passes and self._ends_pass(last)

    def take(self, outcome: StoredHop | HopGap) -> Iterator[HopDone | HopGap | SweepRow]:
        """Take the next hop or gap (see `examine`).

        Yields
        ------
        HopDone, HopGap or SweepRow
            What it completed: the row of an earlier pass, its own hop, the row of its pass.
        """
        if self.is_next_pass(outcome):
            yield from self.finish()
            self._n_in_pass = 0
        self._last = outcome
        self._n_in_pass += 1
        if isinstance(outcome, HopGap):
            yield outcome
        else:
            self._builder.add(outcome)
            yield HopDone(
                pass_index=outcome.pass_index,
                hop_index=outcome.hop_index,
                n_hops=self._plan.n_hops,
                overloaded=bool(outcome.facts["hop_flags"] & HOP_OVERLOADED),
            )
        if self._ends_pass(outcome):
            yield from self.finish()

    def finish(self) -> Iterator[SweepRow]:
        """Give the row of the current pass, if anything was measured in it and it was not given yet."""
        if not self._builder.is_empty:
            yield self._builder.build(self._n_rows)
            self._builder = RowBuilder(self._plan)
            self._n_rows += 1

    def break_off(self, cause: str) -> Iterator[HopGap | SweepRow]:
        """End the sweep within or after the current pass: a gap that says where, and the part that was measured.

        Parameters
        ----------
        cause : str
            Put before the place, for example "stopped by the user".
        """
        last, n_hops = self._last, self._plan.n_hops
        if last is None:
            return
        if last.hop_index is None or last.hop_index == n_hops - 1:
            pass_index, n_done = last.pass_index + 1, 0
        else:
            pass_index, n_done = last.pass_index, self._n_in_pass
        dwell_ns = round(self._plan.dwell_s * 1e9)
        yield HopGap(
            pass_index=pass_index,
            hop_index=None,
            utc_ns=last.utc_ns + dwell_ns,
            monotonic_ns=last.monotonic_ns + dwell_ns,
            reason=f"{cause} at hop {n_done} of {n_hops}",
        )
        yield from self.finish()

    def _ends_pass(self, outcome: StoredHop | HopGap) -> bool:
        return outcome.hop_index is None or outcome.hop_index == self._plan.n_hops - 1


def examine(plan: SweepPlan, block: HopSamples | HopGap) -> StoredHop | HopGap:
    """Analyse the samples of a hop and bring them in stored units.

    Parameters
    ----------
    plan : SweepPlan
    block : HopSamples or HopGap
        What a source gave.

    Returns
    -------
    StoredHop or HopGap
        A gap where there are no samples, or none that can be put on the bins of the plan.
    """
    if isinstance(block, HopGap):
        return block
    unusable = _unusable(plan, block)
    if unusable is not None:
        return unusable
    spectra = _analyse(plan, block)
    overloaded = is_overloaded(block, spectra)
    return StoredHop(
        pass_index=block.pass_index,
        hop_index=block.hop_index,
        levels=to_centidecibels(np.concatenate([getattr(spectra, name) for name in _level_sizes(plan.hop_bins)])),
        facts={
            "hop_utc_ns": block.utc_ns,
            "hop_monotonic_ns": block.monotonic_ns,
            "hop_center_freq_hz": block.center_freq_hz,
            "hop_gain_db": np.nan if block.gain_db is None else block.gain_db,
            "hop_clip_fraction": spectra.clip_fraction,
            "hop_rms_dbfs": spectra.rms_dbfs,
            "hop_dc_dbfs": spectra.dc_dbfs,
            "hop_fluctuation_db": spectra.fluctuation_db,
            "hop_dropped_samples": block.dropped_samples,
            "hop_flags": HOP_MEASURED | HOP_OVERLOADED * overloaded | HOP_UNLOCKED * (not block.tuner_locked),
        },
    )


def _unusable(plan: SweepPlan, hop: HopSamples) -> HopGap | None:
    """Why the samples of a hop cannot be put on the bins of the plan, if they cannot."""
    wanted_hz, n_samples = plan.hop_centers_hz[hop.hop_index], hop.raw.size // 2
    reason = None
    if abs(_offset_bins(plan, hop)) > max(0.5, (plan.n_fft - plan.hop_bins) / 2):
        reason = f"tuned to {hop.center_freq_hz:.0f} Hz where the plan has {wanted_hz} Hz"
    elif n_samples < plan.hop_samples:
        reason = f"{n_samples} samples came where the plan has {plan.hop_samples}"
    if reason is None:
        return None
    return HopGap(
        pass_index=hop.pass_index,
        hop_index=hop.hop_index,
        utc_ns=hop.utc_ns,
        monotonic_ns=hop.monotonic_ns,
        reason=reason,
    )


def _analyse(plan: SweepPlan, hop: HopSamples) -> HopSpectra:
    return hop_spectra(
        hop.raw,
        hop.sample_format,
        n_fft=plan.n_fft,
        n_frames=plan.n_frames,
        hop_bins=plan.hop_bins,
        full_scale=hop.full_scale,
        offset_bins=_offset_bins(plan, hop),
    )


def _offset_bins(plan: SweepPlan, hop: HopSamples) -> float:
    """How far above the grid the receiver was tuned, in bins."""
    return (hop.center_freq_hz - plan.hop_centers_hz[hop.hop_index]) / plan.bin_width_hz


@lru_cache(maxsize=16)
def _level_sizes(hop_bins: int) -> dict[str, int]:
    """Values of each stored measure in one hop."""
    boxes = {width: box_count(hop_bins, width) for width in BURST_WIDTHS}
    sizes = dict.fromkeys(_MEASURES, hop_bins)
    return sizes | {f"burst_{width}": count for width, count in boxes.items()} | {"burst_8x4": boxes[8]}


def is_overloaded(hop: HopSamples, spectra: HopSpectra) -> bool:
    """Whether a hop drove the converter too far.

    A float capture has lost the level of its converter, so for it only the rails count.
    """
    too_loud = hop.sample_format != "cf32_le" and spectra.rms_dbfs > OVERLOAD_RMS_DBFS
    return bool(too_loud or spectra.clip_fraction > OVERLOAD_CLIP_FRACTION)
