"""Bringing a visit onto the baseline's frequency and level before anything is compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.ndimage
from numpy.typing import NDArray

from dsp.floor import whittaker
from dsp.groups import known_median
from sweep.plan import Layout

__all__ = ["align_gain", "block_medians", "estimate_ppm", "shift_bins", "staying_bins", "trusted_ppm"]

_MIN_QUIET = 8
_RUNNING_BLOCKS, _GAUSSIAN_BLOCKS = 9, 1.5
_BISQUARE_ROUNDS, _BISQUARE_SIGMAS, _SPREAD_BLOCKS, _STIFFNESS = 3, 4.7, 31, 4.0
_EXTERNAL_HZ = (45e6, 75e6)
_SIGMAS_PER_MAD, _SMALLEST_SPREAD = 1.4826, 0.004
_SPECTRA_BLOCK_BINS = 64
_LARGEST_RECORDING_BINS = 16384
_PPM_REACH, _PPM_STEP = 60.0, 1.0
_PPM_GAIN = 0.01
_PASS_BINS, _PASS_REACH_BINS = (1.0, 20.0), 80
_BLOCK_BINS = 2840  # and what reaches over: 3000 points are quick
_CRYSTAL_HZ, _OWN_HZ, _SKIRT_HZ = 14.4e6, 12_500.0, 22_500.0
_STRONG_NEPERS = 0.8
_MIN_STRONG, _MOST_STRONG = 12, 20_000
_HALVES_BINS = 64


def align_gain(difference: NDArray[np.floating], quiet: NDArray[np.bool_], layout: Layout) -> NDArray[np.float32]:
    """Gain of a visit over the baseline, smooth over hops, from bins that are quiet in the baseline.

    Parameters
    ----------
    difference : ndarray, shape (n_bins,)
        ln(visit) - ln(baseline); NaN where either was not measured.
    quiet : ndarray of bool, shape (n_bins,)
        Bins of the baseline that hold noise only. An emitter's own fading must not pass for gain.
    layout : Layout

    Returns
    -------
    ndarray of float32, shape (n_bins,)
        To be subtracted from ln(visit). Where no quiet bin is near, that of the nearest hops; where there is none at
        all, the median over all bins.
    """
    block = _block_bins(layout)
    usable = np.isfinite(difference)
    if not usable.any():
        return np.zeros(layout.n_bins, np.float32)
    trusted = usable & quiet
    if np.count_nonzero(trusted) < _MIN_QUIET:
        return np.full(layout.n_bins, np.median(difference[usable]), np.float32)
    middle = block_medians(difference, trusted, block)
    n_blocks = middle.size
    known = np.flatnonzero(np.isfinite(middle))
    if known.size == 0:
        return np.full(layout.n_bins, np.median(difference[trusted]), np.float32)
    freq_hz = layout.freq_hz[np.minimum(np.arange(n_blocks) * block + block // 2, layout.n_bins - 1)]
    # A slope over frequency first: neighbours in the plan may be far apart on the air.
    slope = np.polyfit(freq_hz[known] - freq_hz[0], middle[known], min(1, known.size - 1))
    trend = np.polyval(slope, freq_hz - freq_hz[0])
    rest = _smooth(np.where(np.isfinite(middle), middle - trend, np.nan), freq_hz)
    return np.repeat(trend + rest, block)[: layout.n_bins].astype(np.float32)


def _smooth(values: NDArray[np.float64], freq_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth curve through the gains of blocks that a few blocks full of signal do not bend.

    Starts from the running median over nine blocks; then a Whittaker curve of blocks weighted by their distance from
    it (Tukey's bisquare) follows what the median cuts off. At the low end of the band, where noise from outside is all
    that is heard (ITU-R P.372) and an antenna's pattern bends within a few blocks, it is each block's own.
    """
    known = np.flatnonzero(np.isfinite(values))
    filled = np.interp(np.arange(values.size), known, values[known])
    if values.size < 3:
        return np.asarray(scipy.ndimage.gaussian_filter1d(filled, _GAUSSIAN_BLOCKS, mode="nearest"))
    size = min(_RUNNING_BLOCKS, (values.size - 1) // 2 * 2 + 1)
    curve = np.asarray(scipy.ndimage.median_filter(filled, size, mode="nearest"), np.float64)
    curve = scipy.ndimage.gaussian_filter1d(curve, _GAUSSIAN_BLOCKS, mode="nearest")
    for _ in range(_BISQUARE_ROUNDS):
        away = np.abs(filled - curve)
        local = scipy.ndimage.median_filter(away, _SPREAD_BLOCKS, mode="nearest")
        spread = np.maximum(_SIGMAS_PER_MAD * local, _SMALLEST_SPREAD)
        weight = np.clip(1 - (away / (_BISQUARE_SIGMAS * spread)) ** 2, 0, None) ** 2
        curve = whittaker(filled, np.where(np.isfinite(values), weight, 0.0), _STIFFNESS)
    follows = np.clip((_EXTERNAL_HZ[1] - freq_hz) / (_EXTERNAL_HZ[1] - _EXTERNAL_HZ[0]), 0.0, 1.0)
    return np.asarray(curve + follows * (filled - curve))


def block_medians(values: NDArray[np.floating], trusted: NDArray[np.bool_], block: int) -> NDArray[np.float64]:
    """Median of the trusted bins of each block.

    Parameters
    ----------
    values : ndarray, shape (n_bins,)
    trusted : ndarray of bool, shape (n_bins,)
    block : int
        Bins of a block; the last one may be shorter.

    Returns
    -------
    ndarray of float64, shape (n_blocks,)
        NaN for a block with too few.
    """
    filled = np.full((-(-values.size // block), block), np.nan, values.dtype)
    filled.ravel()[: values.size] = np.where(trusted, values, values.dtype.type(np.nan))
    middle = known_median(filled.T)
    middle[np.count_nonzero(np.isfinite(filled), axis=1) < min(_MIN_QUIET, block // 4 + 1)] = np.nan
    return middle


def _block_bins(layout: Layout) -> int:
    """Bins that share one gain: a hop; all of a lone recording; few where the hops are not known any more."""
    if layout.n_hops > 1:
        return layout.hop_bins
    if layout.n_averages is not None and layout.n_bins <= _LARGEST_RECORDING_BINS:
        return layout.n_bins
    return min(_SPECTRA_BLOCK_BINS, layout.n_bins)


def estimate_ppm(
    test: NDArray[np.floating], reference: NDArray[np.floating], layout: Layout
) -> tuple[float, float] | None:
    """Frequency error of a visit against the baseline from the emitters that both hear.

    Minimises the clipped square of the difference of the two band-passed log spectra over the shift, with cubic
    interpolation (linear interpolation pins the estimate at 0), on the strong narrow parts of the reference away
    from DC, hop edges and the crystal's harmonics.

    Parameters
    ----------
    test, reference : ndarray, shape (n_bins,)
        Natural logarithm of power, on the same axis.
    layout : Layout

    Returns
    -------
    (float, float) or None
        Parts per million to add to the baseline's frequencies to find its emitters in the test, and the gain in
        squared error over no shift (relative), the smaller one of two halves of the axis: a device on top of a
        broadcaster must not pass for a shift of all. None where too few strong bins exist.
    """
    ref = _band_pass(reference)
    chosen = _clear_bins(np.flatnonzero(ref > _STRONG_NEPERS), layout)
    if chosen.size < _MIN_STRONG:
        return None
    chosen = np.sort(chosen[np.argsort(ref[chosen])[-_MOST_STRONG:]])
    aim = _Aim(
        spline=np.pad(scipy.ndimage.spline_filter1d(np.nan_to_num(_band_pass(test))), 2, mode="reflect"),
        bins=chosen,
        bins_a_ppm=1e-6 * layout.freq_hz[chosen] / layout.bin_width_hz,
        wanted=ref[chosen],
    )
    half = chosen // _HALVES_BINS % 2 == 1
    trial = np.arange(-_PPM_REACH, _PPM_REACH + _PPM_STEP / 2, _PPM_STEP)
    coarse = trial[np.argmin([aim.cost(ppm).sum() for ppm in trial])]
    fine = coarse + np.arange(-1.0, 1.01, 0.1)
    best = float(fine[np.argmin([aim.cost(ppm).sum() for ppm in fine])])
    still, moved = aim.cost(0.0), aim.cost(best)
    halves = [part for part in (half, ~half) if np.count_nonzero(part) >= _MIN_STRONG // 2] or [half | True]
    return best, min(_gained(still[part].sum(), moved[part].sum()) for part in halves)


def trusted_ppm(estimate: tuple[float, float] | None) -> float | None:
    """Frequency error in parts per million of an estimate that explains enough to be believed, else None."""
    return None if estimate is None or estimate[1] < _PPM_GAIN else estimate[0]


def shift_bins(
    values: NDArray[np.float32], layout: Layout, ppm: float, stays: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Take each bin from where a frequency error put it, to the nearest whole bin.

    Parameters
    ----------
    values : ndarray of float32, shape (..., n_bins)
    layout : Layout
    ppm : float
    stays : ndarray of bool, shape (n_bins,), optional
        Bins that are not moved; by default those of what the receiver makes itself, its offset and the harmonics of
        its crystal, which lie in its own frame.

    Returns
    -------
    ndarray of float32, same shape
        NaN where the source bin lies beyond a gap of the frequency axis.
    """
    source, valid = _sources(layout, ppm)
    stays = _receivers_own(layout) if stays is None else stays
    moved = np.take(values, source, axis=-1)
    np.copyto(moved, np.nan, where=~valid)
    np.copyto(moved, values, where=stays)
    return moved


def staying_bins(
    log_power: NDArray[np.floating], reference: NDArray[np.floating], layout: Layout, ppm: float
) -> NDArray[np.bool_]:
    """Bins for `shift_bins` to leave, of those where the receiver's own and what is on the air may meet.

    There a bin is taken from wherever it is more like the reference: the receiver's own stays where it is, and a
    known emitter beside it moves.

    Parameters
    ----------
    log_power, reference : ndarray, shape (n_bins,)
        In nats, before and after the shift.
    layout : Layout
    ppm : float
    """
    own = _receivers_own(layout, _SKIRT_HZ)  # flicker noise does not rise with the gain: it stands out at a lower one
    source, valid = _sources(layout, ppm)
    away = np.asarray(log_power, np.float64) - reference
    gain = float(np.median(away[np.isfinite(away)])) if np.isfinite(away).any() else 0.0
    moved = np.where(valid, log_power[source] - reference, np.nan)
    nearer = np.abs(away - gain) < np.nan_to_num(np.abs(moved - gain), nan=np.inf)
    return np.asarray((own | own[source]) & nearer)


def _sources(layout: Layout, ppm: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Bin that a frequency error put each bin into, and whether it is there: not beyond a gap of the axis."""
    offset = np.rint(ppm * 1e-6 * layout.freq_hz / layout.bin_width_hz).astype(np.int64)
    source = np.arange(layout.n_bins) + offset
    valid = (source >= 0) & (source < layout.n_bins)
    source = np.clip(source, 0, layout.n_bins - 1)
    if layout.n_hops > 1:
        # over the border of neighbouring hops the next bin is as good
        valid &= np.abs(layout.freq_hz[source] - layout.freq_hz - offset * layout.bin_width_hz) < layout.bin_width_hz
    return source, valid


def _receivers_own(layout: Layout, reach_hz: float = _OWN_HZ) -> NDArray[np.bool_]:
    own = _off_crystal_hz(layout.freq_hz) <= 2 * layout.bin_width_hz
    if layout.n_averages is not None:
        position = np.arange(layout.n_bins) % layout.hop_bins - layout.hop_bins // 2
        own |= np.abs(position) * layout.bin_width_hz <= reach_hz
    return own


def _off_crystal_hz(freq_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the nearest harmonic of the crystal."""
    return np.asarray(np.abs(freq_hz - _CRYSTAL_HZ * np.rint(freq_hz / _CRYSTAL_HZ)))


def _band_pass(log_power: NDArray[np.floating]) -> NDArray[np.float64]:
    """Gaussian of a bin less that of twenty bins, at once and by transforms of blocks: it is long."""
    filled = np.nan_to_num(np.asarray(log_power, np.float64), nan=float(np.nanmedian(log_power)))
    impulse = np.zeros(2 * _PASS_REACH_BINS + 1)
    impulse[_PASS_REACH_BINS] = 1.0
    narrow, wide = (scipy.ndimage.gaussian_filter1d(impulse, sigma, mode="constant") for sigma in _PASS_BINS)
    n_blocks = -(-filled.size // _BLOCK_BINS)
    padded = np.zeros(n_blocks * _BLOCK_BINS + 2 * _PASS_REACH_BINS)
    padded[: filled.size + 2 * _PASS_REACH_BINS] = np.pad(filled, _PASS_REACH_BINS, mode="symmetric")
    size = _BLOCK_BINS + 2 * _PASS_REACH_BINS
    blocks = np.lib.stride_tricks.sliding_window_view(padded, size)[::_BLOCK_BINS]
    spectra = scipy.fft.rfft(blocks) * scipy.fft.rfft(narrow - wide, size)
    return np.asarray(scipy.fft.irfft(spectra, size)[:, 2 * _PASS_REACH_BINS :].ravel()[: filled.size])


def _clear_bins(bins: NDArray[np.int64], layout: Layout) -> NDArray[np.int64]:
    """Those of some bins that are not near DC, hop edges or the crystal's harmonics."""
    position = bins % layout.hop_bins
    clear = np.abs(position - layout.hop_bins // 2) > 2
    clear &= (position >= 8) & (position < layout.hop_bins - 8)
    clear &= _off_crystal_hz(layout.freq_hz[bins]) > 12_000
    return bins[clear]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Aim:
    """Strong bins of the reference, and the coefficients of a cubic spline through the test, two more at each end."""

    spline: NDArray[np.float64]
    bins: NDArray[np.int64]
    bins_a_ppm: NDArray[np.float64]
    wanted: NDArray[np.float64]

    def cost(self, ppm: float) -> NDArray[np.float64]:
        """Clipped square of what each bin of the test, so far off, differs from the reference."""
        where = np.clip(self.bins + ppm * self.bins_a_ppm, 0, self.spline.size - 5)
        first = where.astype(np.int64)
        after = where - first
        before = 1 - after
        moved = before * before * before * self.spline[first + 1] + after * after * after * self.spline[first + 4]
        moved += (4 - 3 * after * after * (2 - after)) * self.spline[first + 2]
        moved += (4 - 3 * before * before * (2 - before)) * self.spline[first + 3]
        return np.asarray(np.clip(moved / 6 - self.wanted, -2, 2) ** 2)


def _gained(before: float, after: float) -> float:
    return 0.0 if before <= 0 else float(1 - after / before)
