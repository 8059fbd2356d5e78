"""Taking the frequency error and the gain of each receiver out of a visit, by itself in each part.

Where two receivers meet, what the one no longer hears is taken from the other, as far as that hears it: crystals that
differ by 35 ppm leave 35 kHz of every GHz to neither, or show them twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from baselines.alignment import align_gain, estimate_ppm, shift_bins, staying_bins, trusted_ppm
from baselines.receivers import Bins, Part, by_receivers
from sweep.plan import Layout
from sweep.units import format_hz

__all__ = ["NO_ERROR", "FrequencyError", "Shift", "align_gains", "displaced_back", "displaced_by", "measure_shift"]

_WORTH_SAYING_PPM = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyError:
    """How far the frequencies of a visit are off the baseline's.

    Attributes
    ----------
    starts_hz : tuple of float
        Where each part but the first begins, on the frequencies of the baseline.
    ppm : tuple of (float or None)
        Parts per million to add to the baseline's frequencies to find them in the visit, for each part; None where
        that could not be measured.
    """

    starts_hz: tuple[float, ...] = ()
    ppm: tuple[float | None, ...] = (None,)

    def at(self, freq_hz: float) -> float:
        """Parts per million at a frequency; 0 where it could not be measured.

        Examples
        --------
        >>> error = FrequencyError(starts_hz=(900e6,), ppm=(20.0, None))
        >>> error.at(433e6), error.at(900e6)
        (20.0, 0.0)
        """
        return self.ppm[int(np.searchsorted(self.starts_hz, freq_hz, side="right"))] or 0.0


NO_ERROR = FrequencyError()
"""Of a visit that was not held against anything."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shift:
    """What takes the frequency error out of the spectra of a visit.

    Attributes
    ----------
    error : FrequencyError
    parts : tuple of Part
        On the frequencies of the baseline: each ends where its receiver hears no more.
    stays : ndarray of bool, shape (n_bins,)
        Bins of what a receiver makes itself, which are not moved.
    """

    error: FrequencyError
    parts: tuple[Part, ...]
    stays: NDArray[np.bool_]

    def error_of(self, start: int, stop: int) -> float:
        """Parts per million by which what fills these bins is off; 0 of what a receiver makes itself."""
        middle = (start + stop) // 2
        if 2 * np.count_nonzero(self.stays[start:stop]) > stop - start:
            return 0.0
        part = next(part for part in self.parts if part.bins.start <= middle < part.bins.stop)
        return self.error.at(part.middle_hz)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said of it."""
        groups = [(group, self.error.at(group[0].middle_hz)) for group, _ in by_receivers(self.parts)]
        said = [
            f"frequencies were {ppm:+.1f} ppm off the baseline's and were corrected" + self._where(group)
            for group, ppm in groups
            if abs(ppm) > _WORTH_SAYING_PPM
        ]
        return (*said, *self._seams())

    @property
    def unmeasured(self) -> list[list[Part]]:
        """Parts of each receiver whose frequency error could not be measured."""
        unknown = {part.receivers for part, ppm in zip(self.parts, self.error.ppm, strict=True) if ppm is None}
        return [group for group, _ in by_receivers(self.parts) if group[0].receivers in unknown]

    def _where(self, group: Sequence[Part]) -> str:
        return "" if len(self.parts) == 1 else f" ({', '.join(part.words for part in group)})"

    def _seams(self) -> list[str]:
        """Where two receivers meet, and neither heard what lies between them."""
        said = []
        for before, part, below, above in zip(
            self.parts, self.parts[1:], self.error.ppm, self.error.ppm[1:], strict=False
        ):
            if before.stop_hz < part.start_hz:
                continue
            apart_ppm = (below or 0.0) - (above or 0.0)
            lost_hz = part.start_hz * 1e-6 * (apart_ppm if part.begins == "visit" else -apart_ppm)
            if part.begins in ("visit", "other") and abs(apart_ppm) > _WORTH_SAYING_PPM and lost_hz > 0:
                whose = "of the receivers that meet there" if part.begins == "visit" else "of those of the baseline"
                at = format_hz(round(part.start_hz))
                said.append(f"{lost_hz / 1e3:.0f} kHz at {at} were heard by neither {whose}; give each its --ppm")
        return said


def measure_shift(
    log_power: NDArray[np.floating],
    reference: NDArray[np.floating],
    layout: Layout,
    parts: Sequence[Part],
    *,
    known: FrequencyError | None = None,
) -> Shift:
    """Measure the frequency error of each part of a visit, and what of it does not move.

    Parameters
    ----------
    log_power, reference : ndarray, shape (n_bins,)
        In nats.
    layout : Layout
    parts : sequence of Part
    known : FrequencyError, optional
        Then it is not measured.
    """
    found = (
        _errors(log_power, reference, layout, parts) if known is None else [known.at(one.middle_hz) for one in parts]
    )
    moved = _recut(layout, parts, found)
    stays = np.zeros(layout.n_bins, bool)
    for part, ppm in zip(moved, found, strict=True):
        if ppm:
            region, axis = _region(layout, part, ppm)
            staying = staying_bins(_heard(log_power, part, region), reference[region], axis, ppm)
            stays[part.bins] = staying[_within(part.bins, region)]
    starts_hz = tuple(part.start_hz for part in moved[1:])
    return Shift(error=FrequencyError(starts_hz=starts_hz, ppm=tuple(found)), parts=moved, stays=stays)


def displaced_by(values: NDArray[np.float32], layout: Layout, shift: Shift) -> NDArray[np.float32]:
    """Take each bin from where the frequency error of its part put it.

    Parameters
    ----------
    values : ndarray of float32, shape (..., n_bins)
    layout : Layout
    shift : Shift

    Returns
    -------
    ndarray of float32, same shape
        NaN where no receiver heard what belongs there; the same array where nothing moves.
    """
    if not any(shift.error.ppm):
        return values
    if len(shift.parts) == 1:
        return shift_bins(values, layout, shift.error.ppm[0] or 0.0, shift.stays)
    moved = values.copy()
    for part, ppm in zip(shift.parts, shift.error.ppm, strict=True):
        if ppm:
            region, axis = _region(layout, part, ppm)
            shifted = shift_bins(_heard(values, part, region), axis, ppm, shift.stays[region])
            moved[..., part.bins] = shifted[..., _within(part.bins, region)]
        elif part.bins.start < part.heard.start:
            moved[..., part.bins.start : part.heard.start] = np.nan
    return moved


def displaced_back(values: NDArray[np.float32], layout: Layout, error: FrequencyError) -> NDArray[np.float32]:
    """Take a curve on the frequencies of the baseline to those of the visit.

    Parameters
    ----------
    values : ndarray of float32, shape (n_bins,)
    layout : Layout
    error : FrequencyError
    """
    cuts = [0, *np.searchsorted(layout.freq_hz, error.starts_hz).tolist(), layout.n_bins]
    back = [
        shift_bins(values, layout, -(ppm or 0.0))[start:stop]
        for ppm, start, stop in zip(error.ppm, cuts, cuts[1:], strict=False)
    ]
    return back[0] if len(back) == 1 else np.concatenate(back)


def align_gains(
    difference: NDArray[np.floating], quiet: NDArray[np.bool_], layout: Layout, parts: Sequence[Part]
) -> NDArray[np.float32]:
    """Gain of a visit over what it is held against (see `baselines.alignment.align_gain`), by itself in each part."""
    if len(parts) == 1:
        return align_gain(difference, quiet, layout)
    gains = np.empty(layout.n_bins, np.float32)
    for _, bins in by_receivers(parts):
        gains[bins] = align_gain(difference[bins], quiet[bins], _axis_of(layout, bins))
    return gains


def _errors(
    log_power: NDArray[np.floating], reference: NDArray[np.floating], layout: Layout, parts: Sequence[Part]
) -> list[float | None]:
    """Error of each part, measured over all that the same receivers heard."""
    errors: dict[tuple[int, ...], float | None] = {}
    for group, _ in by_receivers(parts):
        bins = group[0].bins if len(parts) == 1 else np.r_[tuple(_whole_hops(layout, part.bins)[0] for part in group)]
        estimate = estimate_ppm(log_power[bins], reference[bins], _axis_of(layout, bins))
        errors[group[0].receivers] = _believed(estimate)
    return [errors[part.receivers] for part in parts]


def _believed(estimate: tuple[float, float] | None) -> float | None:
    """An estimate that is trusted; 0 where one that is not says that there is hardly any error, else None."""
    trusted = trusted_ppm(estimate)
    small = estimate is not None and abs(estimate[0]) <= _WORTH_SAYING_PPM
    return 0.0 if trusted is None and small else trusted


def _recut(layout: Layout, parts: Sequence[Part], errors_ppm: Sequence[float | None]) -> tuple[Part, ...]:
    """Let each part of the visit end where its receiver hears no more; the next one begins there."""
    starts = [0]
    for part, below in zip(parts[1:], errors_ppm, strict=False):
        start = part.bins.start
        if part.begins == "visit" and layout.freq_hz[start] - layout.freq_hz[start - 1] < 1.5 * layout.bin_width_hz:
            start_hz = part.start_hz / (1 + (below or 0.0) * 1e-6)
            start = int(np.searchsorted(layout.freq_hz + layout.bin_width_hz / 2, start_hz, side="right"))
        starts.append(min(max(start, starts[-1] + 1), layout.n_bins - 1))
    stops = [*starts[1:], layout.n_bins]
    half_hz = layout.bin_width_hz / 2
    return tuple(
        replace(
            part,
            bins=slice(start, stop),
            start_hz=float(layout.freq_hz[start] - half_hz),
            stop_hz=float(layout.freq_hz[stop - 1] + half_hz),
        )
        for part, start, stop in zip(parts, starts, stops, strict=True)
    )


def _region(layout: Layout, part: Part, ppm: float) -> tuple[slice, Layout]:
    """Whole hops around a part and all that it is taken from, and their axis."""
    reach = int(abs(ppm) * 1e-6 * part.stop_hz / layout.bin_width_hz) + 1
    first, last = max(0, part.bins.start - reach), min(layout.n_bins, part.bins.stop + reach)
    return _whole_hops(layout, slice(first, last))


def _heard(values: NDArray[np.floating], part: Part, region: slice) -> NDArray[np.floating]:
    """Values of a region, NaN where the receiver of the part did not hear them."""
    own = values[..., region].copy()
    own[..., : max(0, part.heard.start - region.start)] = np.nan
    own[..., max(0, part.heard.stop - region.start) :] = np.nan
    return own


def _whole_hops(layout: Layout, bins: slice) -> tuple[slice, Layout]:
    """Bins in whole hops, as an axis knows where in its hop a bin lies; and their axis."""
    if layout.n_hops > 1:
        size = layout.hop_bins
        bins = slice(bins.start // size * size, -(-bins.stop // size) * size)
    return bins, _axis_of(layout, bins)


def _axis_of(layout: Layout, bins: Bins) -> Layout:
    freq_hz = layout.freq_hz[bins]
    if freq_hz.size == layout.n_bins:
        return layout
    if layout.n_hops == 1:
        return replace(layout, freq_hz=freq_hz, hop_bins=freq_hz.size)
    return replace(layout, freq_hz=freq_hz, n_hops=max(1, freq_hz.size // layout.hop_bins))


def _within(bins: slice, whole: slice) -> slice:
    return slice(bins.start - whole.start, bins.stop - whole.start)
