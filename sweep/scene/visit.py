"""What is different at each visit: the dongle's gain and crystal, the antenna's place."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sweep.scene.draws import uniform
from sweep.scene.loading import TUNER_RANGE_HZ
from sweep.scene.schema import Scene

__all__ = ["VisitState"]

_REFERENCE_HZ = 100e6
_MAN_MADE_DB_PER_DECADE = -27.7  # ITU-R P.372, man-made noise
_RIPPLES_PER_OCTAVE = (0.31, 0.73, 1.37)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitState:
    """The state of one visit.

    Attributes
    ----------
    gain_db : float
        Of this visit against the scene's, at mid band.
    slope_db : float
        Gain at the top of the tuner's range minus that at its bottom, on top of that.
    ppm : float
        Error of the crystal, positive when it is fast.
    antenna_sd_db : float
    antenna_turns : tuple of float
        Phases of the ripples of the antenna pattern over frequency, in cycles.
    """

    gain_db: float
    slope_db: float
    ppm: float
    antenna_sd_db: float
    antenna_turns: tuple[float, ...]

    @classmethod
    def drawn(cls, scene: Scene, seed: int, visit: int) -> VisitState:
        """Draw the state of a visit, evenly within the spreads that the scene gives."""

        def even(spread: float, name: str) -> float:
            return spread * (2 * uniform(seed, "visit", visit, name) - 1)

        return cls(
            gain_db=even(scene.visits.gain_spread_db, "gain"),
            slope_db=even(scene.visits.slope_spread_db, "slope"),
            ppm=scene.receiver.ppm + even(scene.visits.ppm_spread, "ppm"),
            antenna_sd_db=scene.visits.antenna_sd_db,
            antenna_turns=tuple(uniform(seed, "visit", visit, "antenna", k) for k in range(len(_RIPPLES_PER_OCTAVE))),
        )

    def receiver_gain_db(self, freq_hz: float) -> float:
        """Gain of this visit against the scene's, of everything after the antenna."""
        low, high = TUNER_RANGE_HZ
        return self.gain_db + self.slope_db * ((freq_hz - low) / (high - low) - 0.5)

    def antenna_db(self, freq_hz: float) -> float:
        """Antenna pattern of this visit: smooth over frequency, zero mean."""
        octaves = math.log2(freq_hz / _REFERENCE_HZ)
        waves = zip(_RIPPLES_PER_OCTAVE, self.antenna_turns, strict=True)
        total = sum(math.cos(2 * math.pi * (ripples * octaves + turn)) for ripples, turn in waves)
        return self.antenna_sd_db * math.sqrt(2 / len(_RIPPLES_PER_OCTAVE)) * total

    def noise_density(self, scene: Scene, freq_hz: float) -> float:
        """Noise power per Hz, relative to full scale, before the converter, at the scene's reference gain."""
        receiver = 10 ** (scene.receiver.noise_dbfs_per_hz / 10)
        external = 0.0
        if scene.receiver.man_made_noise_db is not None:
            slope_db = _MAN_MADE_DB_PER_DECADE * math.log10(freq_hz / _REFERENCE_HZ)
            rise_db = scene.receiver.man_made_noise_db + slope_db + self.antenna_db(freq_hz)
            external = receiver * 10 ** (rise_db / 10)
        return (receiver + external) * 10 ** (self.receiver_gain_db(freq_hz) / 10)
