"""The visit as the receiver heard it: the spectrum that the tests look at, and the strong part of it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.emitters import Emitter
from baselines.receivers import Part, by_receivers, parts_of, receiver_at
from baselines.shifts import NO_ERROR, FrequencyError
from baselines.summary import VisitSummary
from dsp.statistics import effective_averages, log_power_variance
from sweep.plan import Layout

__all__ = ["HeardSpectrum", "Strong", "heard_spectrum"]

_STRONG_RATIO = 100.0  # 20 dB over the floor
_MOST_STRONG = 400
_EDGE_RATIO = 10**-2.6
_GAP_BINS = 4
_BURST_KURTOSIS_DB = 2.0
_RATE_HOPS = 1.25  # a hop is the central 80 % of what is sampled
_REACH_RATES = 0.62  # what lies further from the tuned frequency is filtered away


@dataclass(frozen=True, slots=True, kw_only=True)
class Strong:
    """A run of bins that stands 20 dB above the noise floor.

    Attributes
    ----------
    start, stop : int
        Bins of the row.
    center_freq_hz, width_hz : float
    power : float
        Linear, over the floor, noise-bandwidth corrected.
    over_floor : float
        Its highest bin over the floor, a ratio.
    in_bursts : bool
        Whether its highest bin has the kurtosis of bursts.
    """

    start: int
    stop: int
    center_freq_hz: float
    width_hz: float
    power: float
    over_floor: float
    in_bursts: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class HeardSpectrum:
    """One visit on its own frequencies, with nothing taken out.

    Linear power, 1 at full scale; each array of shape (n_bins,) unless it says otherwise.

    Attributes
    ----------
    layout : Layout
    groups : ndarray of float32, shape (G, n_bins)
        Mean power of each group of passes.
    mean : ndarray of float64
        Mean over the groups; 0 where nothing was measured.
    background : ndarray of float64
        What the baseline, or without one the noise floor, has there.
    floor : ndarray of float64
    kurtosis_db : ndarray of float32 or None
        Spectral kurtosis, 10 log10; None where it is not known.
    overloaded : ndarray of bool, shape (n_hops,)
        Hops that were overloaded in any pass.
    n_rows : int
    ppm : float
        Frequency correction that the receiver applied, where there was one: see ``correction_ppm``.
    compared : bool
        Whether the background is a baseline.
    has_hops : bool
        Whether the hops are those of the receiver; spectra of other tools have lost them.
    instrument : mapping
        As in the record: of several receivers each has its own hops, gain and correction.
    frame : mapping
        Instrument of the first visit of the baseline.
    error : FrequencyError
        That of the visit against its baseline.
    gain_db : ndarray of float32 or None
        Gain over the baseline that was taken out; None without one.
    """

    layout: Layout
    groups: NDArray[np.float32]
    mean: NDArray[np.float64]
    background: NDArray[np.float64]
    floor: NDArray[np.float64]
    kurtosis_db: NDArray[np.float32] | None
    overloaded: NDArray[np.bool_]
    n_rows: int
    ppm: float
    compared: bool
    has_hops: bool
    instrument: Mapping[str, Any] = field(default_factory=dict)
    frame: Mapping[str, Any] = field(default_factory=dict)
    error: FrequencyError = NO_ERROR
    gain_db: NDArray[np.float32] | None = None

    @cached_property
    def excess(self) -> NDArray[np.float64]:
        """Power over the noise floor; may be below 0."""
        return np.where(self.mean > 0, self.mean - self.floor, 0.0)

    @cached_property
    def bin_variance(self) -> float:
        """Variance of the mean of a noise bin, relative to its square."""
        return log_power_variance(effective_averages((self.layout.n_averages or 1) * max(1, self.n_rows)))

    @cached_property
    def strong(self) -> tuple[Strong, ...]:
        """The strongest emissions, new or not, in order of frequency."""
        runs = _runs(self.excess > _STRONG_RATIO * self.floor, self.layout.hop_bins)
        found = [self._strong(start, stop) for start, stop in runs]
        found = sorted(found, key=lambda one: -one.power)[:_MOST_STRONG]
        return tuple(sorted(found, key=lambda one: one.start))

    @cached_property
    def _parts(self) -> tuple[Part, ...]:
        return parts_of(self.layout, self.instrument)

    def correction_ppm(self, freq_hz: float) -> float:
        """Frequency correction that the receiver of a frequency applied."""
        receiver = receiver_at(self.instrument, freq_hz)
        return self.ppm if receiver is self.instrument else float(receiver.get("ppm") or 0.0)

    def fall_db(self, emitter: Emitter) -> float:
        """How far the level of the visit lies below that of the baseline where an emitter is; 0 where it does not."""
        gain_db = np.zeros(1) if self.gain_db is None else self.gain_db[emitter.start : emitter.stop]
        known = gain_db[np.isfinite(gain_db)]
        return max(0.0, -float(np.median(known))) if known.size else 0.0

    def own_bins(self, hop: int) -> slice:
        """Bins around a hop that its receiver heard."""
        center = self.center_bin(hop)
        return next(part.bins for part in self._parts if part.bins.start <= center < part.bins.stop)

    def own_hops(self, hop: int) -> frozenset[int]:
        """Hops that the receiver of a hop heard, and that one receiver heard in the baseline."""
        parts = parts_of(self.layout, self.instrument, (self.frame,))
        size = self.layout.hop_bins
        for group, _ in by_receivers(parts):
            hops = frozenset(n for part in group for n in range(part.bins.start // size, -(-part.bins.stop // size)))
            if hop in hops:
                return hops
        return frozenset((hop,))

    def gain_over_db(self, freq_hz: float, other_hz: float) -> float:
        """Gain setting at a frequency over that at another one, which another receiver may have heard."""
        gain_db, other_db = (receiver_at(self.instrument, one).get("gain_db") for one in (freq_hz, other_hz))
        return 0.0 if gain_db is None or other_db is None or len(self._parts) == 1 else float(gain_db - other_db)

    def shown_hz(self, freq_hz: NDArray[np.float64], hop: int) -> NDArray[np.float64]:
        """Where what the receiver of a hop would show at some frequencies is shown by the one that heard them."""
        if len(self._parts) == 1:
            return freq_hz
        away_ppm = self.error.at(float(np.mean(freq_hz))) - self.error.at(self.tuned_hz(hop))
        return np.asarray(freq_hz * (1 + away_ppm * 1e-6))

    def hop_of(self, emitter: Emitter | Strong) -> int:
        """Hop in which the middle of an emitter lies."""
        return (emitter.start + emitter.stop) // 2 // self.layout.hop_bins

    def center_bin(self, hop: int) -> int:
        """Bin to which a hop is tuned."""
        return hop * self.layout.hop_bins + self.layout.hop_bins // 2

    def tuned_hz(self, hop: int) -> float:
        """Frequency to which a hop is tuned."""
        return float(self.layout.freq_hz[self.center_bin(hop)])

    @property
    def sample_rate_hz(self) -> float:
        """Bandwidth that was sampled; what lies beyond folds back by it."""
        return _RATE_HOPS * self.layout.hop_bins * self.layout.bin_width_hz

    def strong_near(self, hop: int) -> list[Strong]:
        """Strong emissions that the receiver takes in while it is tuned to a hop, also from beside it."""
        reach_hz, tuned_hz = _REACH_RATES * self.sample_rate_hz, self.tuned_hz(hop)
        return [one for one in self.strong if abs(one.center_freq_hz - tuned_hz) <= reach_hz]

    def bins_at(self, freq_hz: NDArray[np.float64]) -> NDArray[np.int64]:
        """Bins that hold these frequencies; -1 where none was measured there."""
        axis = self.layout.freq_hz
        nearest = np.clip(np.searchsorted(axis, freq_hz - 0.5 * self.layout.bin_width_hz), 0, axis.size - 1)
        inside = (np.abs(axis[nearest] - freq_hz) <= self.layout.bin_width_hz) & (self.mean[nearest] > 0)
        return np.where(inside, nearest, -1).astype(np.int64)

    def _strong(self, start: int, stop: int) -> Strong:
        excess = self.excess[start:stop]
        kept = np.flatnonzero(excess > _EDGE_RATIO * excess.max())
        first, last, top = int(kept[0]), int(kept[-1]) + 1, int(excess.argmax())
        part = np.maximum(excess[first:last], 0.0)
        center = float(np.sum(part * self.layout.freq_hz[start + first : start + last]) / part.sum())
        return Strong(
            start=start + first,
            stop=start + last,
            center_freq_hz=center,
            width_hz=(last - first) * self.layout.bin_width_hz,
            power=float(part.sum() / self.layout.enbw_bins),
            over_floor=float(np.max(excess / self.floor[start:stop])),
            in_bursts=self.kurtosis_db is not None and bool(self.kurtosis_db[start + top] > _BURST_KURTOSIS_DB),
        )


def heard_spectrum(
    summary: VisitSummary,
    *,
    background: NDArray[np.floating] | None,
    floor: NDArray[np.floating],
    ppm: float,
    instrument: Mapping[str, Any],
    frame: Mapping[str, Any],
    error: FrequencyError,
    gain_db: NDArray[np.float32] | None = None,
) -> HeardSpectrum:
    """Gather what the tests need of a visit.

    Parameters
    ----------
    summary : VisitSummary
        On its own axis.
    background : ndarray, shape (n_bins,), or None
        Linear power of the aligned baseline, on the frequencies of this visit; None without one, NaN where it has
        none.
    floor : ndarray, shape (n_bins,)
        Linear noise floor.
    ppm : float
        Correction that the receiver applied.
    instrument : mapping
        As in the record.
    frame : mapping
        Of the first visit of the baseline; empty without one.
    error : FrequencyError
        That of the visit against its baseline.
    gain_db : ndarray of float32, shape (n_bins,), optional
        Gain over the baseline that was taken out.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # bins never measured stay NaN
        mean = np.asarray(np.nanmean(summary.mean, axis=0, dtype=np.float64))
    known_floor = np.nan_to_num(np.asarray(floor, np.float64), nan=1e-30)
    behind = known_floor if background is None else np.asarray(background, np.float64)
    return HeardSpectrum(
        layout=summary.layout,
        groups=summary.mean,
        mean=np.nan_to_num(mean),
        background=np.where(np.isfinite(behind), behind, known_floor),
        floor=known_floor,
        kurtosis_db=summary.kurtosis_db,
        overloaded=summary.overloaded > 0,
        n_rows=summary.n_rows,
        ppm=ppm,
        compared=background is not None,
        has_hops=summary.layout.n_averages is not None,
        instrument=instrument,
        frame=frame,
        error=error,
        gain_db=gain_db,
    )


def _runs(marked: NDArray[np.bool_], hop_bins: int) -> list[tuple[int, int]]:
    """Runs of marked bins, joined over short gaps, cut at the borders of hops."""
    where = np.flatnonzero(marked)
    if not where.size:
        return []
    ends = (np.diff(where) > _GAP_BINS) | (np.diff(where // hop_bins) > 0)
    first = np.concatenate([[where[0]], where[1:][ends]])
    last = np.concatenate([where[:-1][ends], [where[-1]]])
    return [(int(start), int(stop) + 1) for start, stop in zip(first, last, strict=True)]
