"""The passband of the simulated receiver."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["REACH", "Response"]

_FLAT = 0.42  # of the sample rate
REACH = 0.62
"""Beyond this fraction of the sample rate from the centre nothing is received."""
_RIPPLE = 0.02  # 0.2 dB


@dataclass(frozen=True, slots=True)
class Response:
    """Voltage response over baseband frequency: flat but for a ripple, then a raised cosine.

    It is not zero at half the sample rate, so a strong signal just outside folds back, as in a real dongle:
    3.7 dB down at the edge of the passband, 32 dB where the image falls on the edge of the central 80 %.

    Examples
    --------
    >>> response = Response(2_400_000)
    >>> round(response.at(1_200_000), 2), response.at(1_500_000)
    (0.65, 0.0)
    """

    sample_rate_hz: int

    def over(self, freqs_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Response at each frequency, dimensionless."""
        place = np.abs(freqs_hz) / self.sample_rate_hz
        edge = np.clip((place - _FLAT) / (REACH - _FLAT), 0, 1)
        ripple = 1 + _RIPPLE * np.cos(5 * np.pi * freqs_hz / self.sample_rate_hz + 0.7)
        return np.asarray(0.5 * (1 + np.cos(np.pi * edge)) * ripple, np.float64)

    def at(self, freq_hz: float) -> float:
        """Response at one frequency, dimensionless."""
        place = abs(freq_hz) / self.sample_rate_hz
        edge = min(1.0, max(0.0, (place - _FLAT) / (REACH - _FLAT)))
        ripple = 1 + _RIPPLE * math.cos(5 * math.pi * freq_hz / self.sample_rate_hz + 0.7)
        return 0.5 * (1 + math.cos(math.pi * edge)) * ripple
