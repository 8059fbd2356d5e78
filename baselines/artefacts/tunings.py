"""Which tuning shows an emitter again, away from whatever the receiver makes there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from baselines.artefacts.heard_spectrum import HeardSpectrum
from baselines.artefacts.look_levels import covered
from baselines.artefacts.mixing import WAYS
from baselines.artefacts.receiver import level_of
from baselines.emitters import Emitter
from sweep.looks import MAX_LOOKS, Look, LookRequest, Looks

__all__ = ["NOT_TAKEN", "LookBook", "moved_tunings"]

_SHARES = (0.18, 0.21, 0.155, 0.23, 0.135)
"""Of the width of a hop: 346, 403, 298, 442 and 259 kHz of 1.92 MHz."""

_COVERED = 0.7
_IMAGE_RATIO = 100.0  # no image is less than 20 dB below its emitter
_MOST_FAILURES = 3

NOT_TAKEN = "not possible: there is no second look at it with the tuning moved"


class LookBook:
    """Looks that are shared by emitters, and the word for those that are not to be had.

    Parameters
    ----------
    looks : Looks or None
        None for a recording without any.
    """

    def __init__(self, looks: Looks | None) -> None:
        self._looks = looks
        self.n_cut = 0

    @property
    def taken(self) -> Sequence[Look]:
        """Looks that are there already."""
        return () if self._looks is None else self._looks.taken

    def get(self, request: LookRequest) -> Look | str:
        """A look, or why there is none."""
        if self._looks is None:
            return NOT_TAKEN
        look = next((one for one in self.taken if one.request == request), None)
        if look is None:
            failures = [one.failure for one in self.taken if one.failure is not None]
            if len(self.taken) >= MAX_LOOKS:
                self.n_cut += 1
                return f"not possible: a sweep takes {MAX_LOOKS} second looks, and stronger candidates had them"
            if len(failures) >= _MOST_FAILURES:
                return f"not possible: {failures[-1]}"
            look = self._looks.look(request)
        if look is None:
            return NOT_TAKEN
        return look if look.failure is None and len(look.flags) else f"not possible: {look.failure}"

    def moved(self, emitter: Emitter, spectrum: HeardSpectrum, *, other_than_hz: float | None = None) -> Look | str:
        """A look with the tuning moved that shows the emitter; one that is there already, if one does.

        Parameters
        ----------
        emitter : Emitter
        spectrum : HeardSpectrum
        other_than_hz : float, optional
            A tuning that was looked at already; the new one lies to the other side of the sweep's.
        """
        wanted = [
            center_freq_hz
            for center_freq_hz in moved_tunings(emitter, spectrum)
            if other_than_hz is None or _is_other_side(center_freq_hz, other_than_hz, emitter, spectrum)
        ]
        if not wanted:
            return "not possible: it is too wide to be seen whole at another tuning"
        for look in self.taken:
            if look.request.gain_step_db == 0 and look.request.center_freq_hz in wanted:
                return self.get(look.request)
        return self.get(LookRequest(center_freq_hz=wanted[0]))


def moved_tunings(emitter: Emitter, spectrum: HeardSpectrum) -> list[int]:
    """Tunings 13 to 23 % of a hop from the sweep's that show the emitter, the best first.

    Those in which a strong emitter is heard at the emitter's place by an image or a harmonic are left out, if others
    are left.
    """
    layout = spectrum.layout
    hop = spectrum.hop_of(emitter)
    if emitter.stop - emitter.start > _SHARES[-1] * layout.hop_bins:
        return []
    found = [
        round(spectrum.tuned_hz(hop) + shift * layout.bin_width_hz)
        for shift in _shifts(hop, spectrum)
        if covered(emitter, spectrum, spectrum.tuned_hz(hop) + shift * layout.bin_width_hz) >= _COVERED
    ]
    clear = [center_freq_hz for center_freq_hz in found if not _is_disturbed(emitter, spectrum, center_freq_hz)]
    return clear or found


def _shifts(hop: int, spectrum: HeardSpectrum) -> Iterator[int]:
    """Shifts in bins; the last hop moves down first, as nothing may be tunable above it."""
    sides = (-1, 1) if hop == spectrum.layout.n_hops - 1 else (1, -1)
    for share in _SHARES:
        for side in sides:
            yield side * max(1, round(share * spectrum.layout.hop_bins))


def _is_disturbed(emitter: Emitter, spectrum: HeardSpectrum, center_freq_hz: float) -> bool:
    reach_hz = 0.5 * emitter.occupied_bw_hz
    for way in WAYS:
        source_hz = way.a * center_freq_hz + way.b * emitter.center_freq_hz + way.offset_hz
        for one in spectrum.strong:
            near = abs(one.center_freq_hz - source_hz) <= reach_hz + 0.5 * one.width_hz
            if near and one.power > _IMAGE_RATIO * level_of(emitter):
                return True
    return False


def _is_other_side(center_freq_hz: float, other_hz: float, emitter: Emitter, spectrum: HeardSpectrum) -> bool:
    tuned_hz = spectrum.tuned_hz(spectrum.hop_of(emitter))
    apart_hz = 0.05 * spectrum.layout.hop_bins * spectrum.layout.bin_width_hz
    opposite = (center_freq_hz - tuned_hz) * (other_hz - tuned_hz) < 0
    return opposite or abs(center_freq_hz - other_hz) >= apart_hz
