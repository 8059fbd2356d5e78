"""From candidates to emitters: split, centred, with bandwidth and level over their background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.candidates import Candidate, axis_breaks
from baselines.joining import Piece, join_pieces
from baselines.summary import VisitSummary
from dsp.bandwidths import occupied_bandwidth, x_db_bandwidth
from dsp.emitters import split_at_valleys
from dsp.groups import known_mean
from dsp.statistics import to_linear
from sweep.plan import Layout

__all__ = ["Emitter", "measure_emitters"]

_MEAN_SIGMAS = 5.0
_BLOCK_BINS, _LEAST_MARGIN = 100, 8
_BOXES_TO_SPLIT = 4
_EMISSION_RATIO = 10**-2.6  # the -26 dB points bound an emission


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitter:
    """One emitter of a visit, before it is followed over the passes.

    Attributes
    ----------
    start, stop : int
        Bins of the row that hold its occupied bandwidth.
    center_freq_hz, occupied_bw_hz : float
        Centroid and 99 % occupied bandwidth (ITU-R SM.443) of the power over the background.
    mean_power, background_power, floor_power : float
        Linear, within its bins, noise-bandwidth corrected: the emitter averaged over the visit, what was there
        before, and the noise floor.
    peak_power : float
        Linear power of its strongest frames over the background, summed over its bins.
    kurtosis_db : float or None
        Spectral kurtosis at its strongest bin, 10 log10.
    channels_heard : int
        Above 1 for a frequency hopper.
    width_6db_hz, width_26db_hz : float or None
        Widths at 6 and 26 dB under the highest bin (ITU-R SM.443), the resolution of the window included; None where
        the emitter is not that far above its background.
    """

    start: int
    stop: int
    center_freq_hz: float
    occupied_bw_hz: float
    mean_power: float
    background_power: float
    floor_power: float
    peak_power: float | None
    kurtosis_db: float | None
    channels: tuple[str, ...]
    p_value: float | None
    confirmed: bool
    channels_heard: int = 1
    width_6db_hz: float | None = None
    width_26db_hz: float | None = None

    @property
    def level(self) -> float:
        """Linear power to rank intermittent emitters by: of the strongest frames where they are known."""
        return self.peak_power or self.mean_power


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Visit:
    """A visit over all its groups, with what it is held against; linear power of each bin."""

    summary: VisitSummary
    mean: NDArray[np.floating]
    peak: NDArray[np.floating] | None
    background: NDArray[np.floating]
    floor: NDArray[np.floating]

    def sigma(self, behind: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviation of the mean power of bins that hold so much background."""
        sigma: NDArray[np.float64] = behind * np.sqrt(self.summary.group_variance / self.summary.n_groups)
        return sigma


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Excess:
    """Power of a candidate's bins over what was there before: the one to split by, the mean, the held maxima."""

    basis: NDArray[np.float64]
    mean: NDArray[np.float64]
    peak: NDArray[np.float64] | None
    behind: NDArray[np.float64]

    @property
    def widest(self) -> NDArray[np.float64]:
        """The held maxima where there are any: speech leaves a transmitter unmodulated most of the time."""
        return self.peak if self.peak is not None and self.peak.max() > 0 else np.maximum(self.basis, 0.0)


def measure_emitters(
    summary: VisitSummary,
    candidates: Sequence[Candidate],
    background: NDArray[np.floating],
    floor: NDArray[np.floating],
    peak: NDArray[np.floating] | None = None,
) -> list[Emitter]:
    """Measure what each candidate is made of.

    Parameters
    ----------
    summary : VisitSummary
    candidates : sequence of Candidate
    background : ndarray, shape (n_bins,)
        Linear power that was there without the emitter: the noise floor, or the aligned baseline.
    floor : ndarray, shape (n_bins,)
        Linear noise floor.
    peak : ndarray, shape (n_bins,), optional
        Linear power of the largest frames; by default those of the summary.

    Returns
    -------
    list of Emitter
        Ascending in frequency; a candidate gives one or more, or none where nothing is left over its background.
    """
    mean = known_mean(summary.mean, np.float32)
    if peak is None and summary.max_hold is not None:
        peak = to_linear(summary.max_hold.max(axis=0))
    visit = _Visit(summary=summary, mean=mean, peak=peak, background=background, floor=floor)
    pieces = [
        Piece(start=candidate.start + int(start), stop=candidate.start + int(stop), sources=(number,))
        for number, candidate in enumerate(candidates)
        for start, stop in _split(visit, candidate)
    ]
    behind = np.nan_to_num(np.asarray(background, np.float64))
    over = np.nan_to_num(np.asarray(mean, np.float64) - behind)
    joined = join_pieces(pieces, over, visit.sigma(behind), axis_breaks(summary.layout))
    return [
        emitter
        for piece, window in zip(joined, _windows(joined, summary.layout), strict=True)
        for emitter in _emitter(visit, _joined_candidate([candidates[n] for n in piece.sources]), piece, window)
    ]


def _windows(pieces: Sequence[Piece], layout: Layout) -> list[slice]:
    """Bins in which each piece is measured: its own, and beside them as many again up to its neighbours."""
    jumps = np.concatenate([[-1], axis_breaks(layout), [layout.n_bins - 1]])
    windows = []
    reached = 0  # by what starts before
    for number, piece in enumerate(pieces):
        margin = max(_LEAST_MARGIN, piece.width) if piece.width <= _BLOCK_BINS else _LEAST_MARGIN
        after = min((other.start for other in pieces[number + 1 : number + 2]), default=layout.n_bins)
        jump = int(np.searchsorted(jumps, piece.start))
        low = max(piece.start - margin, min(reached, piece.start), int(jumps[jump - 1]) + 1)
        high = min(piece.stop + margin, max(after, piece.stop) if reached <= piece.start else piece.stop)
        windows.append(slice(low, min(high, int(jumps[np.searchsorted(jumps, piece.stop - 1)]) + 1)))
        reached = max(reached, piece.stop)
    return windows


def _joined_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """What speaks for an emitter that was found in several places."""
    return Candidate(
        start=min(one.start for one in candidates),
        stop=max(one.stop for one in candidates),
        channels=tuple(dict.fromkeys(name for one in candidates for name in one.channels)),
        p_value=min(one.p_value for one in candidates),
        confirmed=any(one.confirmed for one in candidates),
        resolution=min(one.resolution for one in candidates),
    )


def _excess(visit: _Visit, run: slice, inner: slice) -> _Excess | None:
    """Excess over the background of a run of bins; None where its inner ones have none to measure."""
    behind = np.nan_to_num(np.asarray(visit.background[run], np.float64), nan=0.0)
    mean = np.nan_to_num(np.asarray(visit.mean[run], np.float64) - behind, nan=0.0)
    held = None if visit.peak is None else _peak_excess(visit.summary, np.asarray(visit.peak[run], np.float64), behind)
    own, sigma = mean[inner], visit.sigma(behind)[inner]
    steady = own.sum() > _MEAN_SIGMAS * np.sqrt(np.sum(sigma**2)) and own.max() > 3 * sigma.max()
    basis = mean if steady or held is None else held
    if not basis[inner].max() > 0:  # a sweep in which it stood out was outweighed by the others
        return None
    return _Excess(basis=basis, mean=mean, peak=held, behind=behind)


def _split(visit: _Visit, candidate: Candidate) -> NDArray[np.int64]:
    """Bins of each emitter from the start of a candidate."""
    if candidate.resolution > 1 and candidate.stop - candidate.start <= _BOXES_TO_SPLIT * candidate.resolution:
        return np.array([[0, candidate.stop - candidate.start]], np.int64)  # its peaks are those of noise
    run = slice(candidate.start, candidate.stop)
    over = _excess(visit, run, slice(None))
    if over is None:
        return np.empty((0, 2), np.int64)
    # A bin next to a deep notch of the background is leakage: the noise floor bounds what can be told apart.
    resolved = np.maximum(over.behind, np.nan_to_num(np.asarray(visit.floor[run], np.float64)))
    return split_at_valleys(over.basis, resolved)


def _peak_excess(summary: VisitSummary, peak: NDArray[np.float64], behind: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the largest frames exceed the largest of as many frames of noise by."""
    excess: NDArray[np.float64] = np.maximum(np.nan_to_num(peak) - behind * _crest_of_noise(summary), 0.0)
    return excess


def _crest_of_noise(summary: VisitSummary) -> float:
    n_frames = max(2.0, float(summary.passes.sum()) * float(summary.layout.n_averages or 1))
    return float(np.log(n_frames)) + 2.0


def _emitter(visit: _Visit, candidate: Candidate, piece: Piece, window: slice) -> list[Emitter]:
    """Measure one; gives none where nothing is left over the background."""
    inner = slice(piece.start - window.start, piece.stop - window.start)
    over = _excess(visit, window, inner)
    if over is None:
        return []
    layout, summary, first = visit.summary.layout, visit.summary, window.start
    center = inner.start + occupied_bandwidth(np.maximum(over.basis[inner], 0.0) + 1e-30).center
    low, high = _edges(over, inner)
    start = min(max(0, int(np.floor(low + 0.5))), int(center))
    stop = max(min(over.basis.size, int(np.ceil(high + 0.5))), int(center) + 1)
    inside, bins = slice(start, stop), slice(first + start, first + stop)
    strongest = bins.start + int(over.basis[inside].argmax())
    one = Emitter(
        start=bins.start,
        stop=bins.stop,
        center_freq_hz=float(layout.freq_hz[first] + center * layout.bin_width_hz),
        occupied_bw_hz=float((high - low) * layout.bin_width_hz),
        mean_power=float(max(over.mean[inside].sum(), 0.0) / layout.enbw_bins),
        background_power=float(over.behind[inside].sum() / layout.enbw_bins),
        floor_power=float(np.nansum(visit.floor[bins]) / layout.enbw_bins),
        peak_power=None if over.peak is None else float(over.peak[inside].sum() / layout.enbw_bins),
        kurtosis_db=None if summary.kurtosis_db is None else float(summary.kurtosis_db[strongest]),
        channels=candidate.channels,
        p_value=candidate.p_value,
        confirmed=candidate.confirmed,
        width_6db_hz=_width_hz(visit, over, 6.0),
        width_26db_hz=_width_hz(visit, over, 26.0),
    )
    return [one]


def _edges(over: _Excess, inner: slice) -> tuple[float, float]:
    """Edges in bins of the occupied bandwidth: of what is within 26 dB of the highest bin, and hangs together."""
    shown = over.widest.copy()
    if inner.stop - inner.start > _BLOCK_BINS:  # parts of a block fade apart by more than that
        shown[: inner.start] = shown[inner.stop :] = 0
    elif over.peak is not None and over.peak[inner].max() > 0:
        top = inner.start + int(shown[inner].argmax())
        weak = np.flatnonzero(shown < shown[top] * _EMISSION_RATIO)
        before, after = weak[weak < top], weak[weak > top]
        shown[: before[-1] + 1 if before.size else 0] = 0
        shown[after[0] if after.size else shown.size :] = 0
        shown = _without_stronger(shown, top)
    else:
        shown = np.maximum(over.basis, 0.0) + 1e-30
        shown[: inner.start] = shown[inner.stop :] = 0
    occupied = occupied_bandwidth(shown)
    return occupied.low, occupied.high


def _width_hz(visit: _Visit, over: _Excess, x_db: float) -> float | None:
    """Width at so many dB under the highest bin of the window."""
    background = float(over.behind.max()) * (_crest_of_noise(visit.summary) if over.widest is over.peak else 1.0)
    width = x_db_bandwidth(over.widest, background, x_db)
    return None if width is None else width * visit.summary.layout.bin_width_hz


def _without_stronger(held: NDArray[np.float64], top: int) -> NDArray[np.float64]:
    """Cut off, at the valley before it, a stronger neighbour on either side: its power is not this emitter's."""
    own = held.copy()
    stronger = np.flatnonzero(held > held[top])
    before, after = stronger[stronger < top], stronger[stronger > top]
    if before.size:
        own[: before[-1] + int(held[before[-1] : top + 1].argmin())] = 0
    if after.size:
        own[top + int(held[top : after[0] + 1].argmin()) + 1 :] = 0
    return own
