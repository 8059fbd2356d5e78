"""Harmonics of strong emitters: linked to their fundamental, never rejected, since a transmitter may make them too."""

from __future__ import annotations

from baselines.artefacts.heard_spectrum import HeardSpectrum
from baselines.artefacts.receiver import level_of
from baselines.emitters import Emitter

__all__ = ["fundamental_of"]

_ORDERS = (2, 3, 4, 5)
_STRONGER, _OVER_FLOOR = 100.0, 1000.0
_SLACK_BINS, _SLACK_SHARE = 2.0, 0.1


def fundamental_of(emitter: Emitter, spectrum: HeardSpectrum) -> tuple[int, float] | None:
    """Order and frequency in Hz of the strong emitter whose harmonic this may be.

    The fundamental is at least 20 dB stronger and 30 dB over the noise; of several the one of the lowest order.
    """
    for order in _ORDERS:
        near = [
            (abs(emitter.center_freq_hz - order * one.center_freq_hz), one.center_freq_hz)
            for one in spectrum.strong
            if one.power >= _STRONGER * level_of(emitter)
            and one.over_floor >= _OVER_FLOOR
            and abs(emitter.center_freq_hz - order * one.center_freq_hz)
            <= _SLACK_BINS * spectrum.layout.bin_width_hz + _SLACK_SHARE * one.width_hz
        ]
        if near:
            return order, min(near)[1]
    return None
