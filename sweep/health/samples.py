"""What a stretch of raw samples says of the receiver that gave it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SampleFacts", "complex_samples", "level_dbfs", "sample_facts"]

_PACKET_BYTES = 512
_LEAST_POWER = 1e-14


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFacts:
    """Facts of 8-bit samples.

    Attributes
    ----------
    n_codes : int
        Different bytes among them; a converter that works gives three at the least.
    repeated_share : float
        Packets of 512 bytes that an earlier packet equals byte for byte. Noise never does that.
    clip_fraction : float
        Components at either rail.
    dc_dbfs, level_dbfs : float
        Of the mean, and of the power around it, relative to full scale.
    image_db : float
        How far the image lies below the signal: from the circularity E[x^2] / E[|x|^2] of samples, 2 g / (1 + g^2)
        where g x* is the image (Schreier and Scharf, Statistical Signal Processing of Complex-Valued Data, 2010).
    """

    n_codes: int
    repeated_share: float
    clip_fraction: float
    dc_dbfs: float
    level_dbfs: float
    image_db: float


def sample_facts(raw: NDArray[np.uint8]) -> SampleFacts:
    """Measure a stretch of samples.

    Parameters
    ----------
    raw : ndarray of uint8, shape (2 * n_samples,)
        I, Q, I, Q ...; at least one packet of 512 bytes.

    Examples
    --------
    >>> facts = sample_facts(np.full(4096, 131, np.uint8))
    >>> facts.n_codes, facts.repeated_share, facts.clip_fraction
    (1, 0.875, 0.0)
    """
    counts = np.bincount(raw, minlength=256)
    packets = raw[: raw.size // _PACKET_BYTES * _PACKET_BYTES].view(np.dtype((np.void, _PACKET_BYTES)))
    iq = complex_samples(raw)
    mean = complex(iq.mean())
    iq = iq - np.complex64(mean)
    power = max(float(np.mean(iq.real**2 + iq.imag**2)), _LEAST_POWER)
    circularity = min(1.0, abs(complex(np.mean(iq * iq))) / power)
    image = circularity / (1 + np.sqrt(1 - circularity**2))
    return SampleFacts(
        n_codes=int(np.count_nonzero(counts)),
        repeated_share=1 - len(set(packets.tolist())) / packets.size,
        clip_fraction=float(counts[0] + counts[255]) / raw.size,
        dc_dbfs=_db(abs(mean) ** 2),
        level_dbfs=_db(power),
        image_db=-_db(image**2),
    )


def complex_samples(raw: NDArray[np.uint8]) -> NDArray[np.complex64]:
    """Decode 8-bit samples; full scale is 1. Shape (n_samples,)."""
    components = (raw.astype(np.float32) - np.float32(127.5)) / np.float32(128)
    return components.view(np.complex64)


def level_dbfs(raw: NDArray[np.uint8]) -> float:
    """Power of samples around their mean, in dB relative to full scale.

    Examples
    --------
    >>> round(level_dbfs(np.tile(np.array([255, 127, 0, 127], np.uint8), 100)), 2)
    -0.03
    """
    iq = complex_samples(raw)
    return _db(float(np.var(iq)))


def _db(power: float) -> float:
    return float(10 * np.log10(max(power, _LEAST_POWER)))
