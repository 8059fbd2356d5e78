"""Wire formats of IQ samples: decoding to complex64, level at the rails, full scale of float captures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError

__all__ = ["SAMPLE_FORMATS", "as_components", "clip_fraction", "component_scale", "decode", "guess_full_scale"]

SAMPLE_FORMATS: dict[str, np.dtype[Any]] = {
    "cu8": np.dtype("u1"),
    "ci8": np.dtype("i1"),
    "ci16_le": np.dtype("<i2"),
    "cf32_le": np.dtype("<f4"),
}
"""Component type of each format, by its SigMF name; I and Q alternate."""

_OFFSET = {"cu8": 127.5, "ci8": 0.0, "ci16_le": 0.0, "cf32_le": 0.0}
_SCALE = {"cu8": 128.0, "ci8": 128.0, "ci16_le": 32768.0, "cf32_le": 1.0}
_RAILS = {"cu8": (0, 255), "ci8": (-128, 127), "ci16_le": (-32768, 32767)}
_FLOAT_SCALES = (1.0, 128.0, 2048.0, 32768.0, 8388608.0)  # unit, 8, 12, 16 and 24 bit converters


def as_components(raw: NDArray[Any], sample_format: str) -> NDArray[Any]:
    """Check raw samples and give their components as a flat array; nothing is copied.

    Parameters
    ----------
    raw : ndarray, shape (2 * n,)
        Interleaved I and Q in the wire type of the format.
    sample_format : str
        A key of `SAMPLE_FORMATS`.

    Raises
    ------
    ParameterError
        Unknown format, wrong type, or an odd number of components.
    """
    if sample_format not in SAMPLE_FORMATS:
        raise ParameterError(f"sample format {sample_format!r} is unknown; use one of {', '.join(SAMPLE_FORMATS)}")
    if raw.dtype != SAMPLE_FORMATS[sample_format] or raw.ndim != 1 or raw.size % 2:
        raise ParameterError(
            f"{sample_format} samples are a flat array of {SAMPLE_FORMATS[sample_format]} with I and Q in turn, "
            f"not {raw.dtype} of shape {raw.shape}"
        )
    return raw


def component_scale(sample_format: str, full_scale: float = 1.0) -> tuple[float, float]:
    """Offset and full scale (both in wire units) of one component.

    Examples
    --------
    >>> component_scale("cu8")
    (127.5, 128.0)
    """
    if not full_scale > 0:
        raise ParameterError(f"full scale {full_scale} is not above 0")
    return _OFFSET[sample_format], _SCALE[sample_format] * full_scale


def decode(raw: NDArray[Any], sample_format: str, *, full_scale: float = 1.0) -> NDArray[np.complex64]:
    """Decode interleaved components to complex samples.

    Parameters
    ----------
    raw : ndarray, shape (2 * n,)
        Interleaved I and Q in the wire type.
    sample_format : str
        ``cu8`` is (u - 127.5) / 128, ``ci8`` is /128, ``ci16_le`` is /32768, ``cf32_le`` is as it stands.
    full_scale : float
        Divides the result; for float captures that are not scaled to 1.

    Returns
    -------
    ndarray of complex64, shape (n,)
        1 is a full-scale component. A new array; ``raw`` is left as it was.

    Raises
    ------
    ParameterError
        Unknown format, wrong type, an odd number of components, or a full scale that is not positive.

    Examples
    --------
    >>> decode(np.array([0, 255], np.uint8), "cu8").tolist()
    [(-0.99609375+0.99609375j)]
    """
    components = as_components(raw, sample_format).astype(np.float32)
    offset, scale = component_scale(sample_format, full_scale)
    components -= np.float32(offset)
    components *= np.float32(1.0 / scale)
    return components.view(np.complex64)


def clip_fraction(raw: NDArray[Any], sample_format: str, *, full_scale: float = 1.0) -> float:
    """Fraction of components at the rails of the converter.

    Parameters
    ----------
    raw : ndarray, shape (2 * n,)
    sample_format : str
    full_scale : float
        For float captures: a component at or above it counts.

    Returns
    -------
    float
        Between 0 and 1; 0 for no samples.

    Examples
    --------
    >>> clip_fraction(np.array([0, 128, 255, 127], np.uint8), "cu8")
    0.5
    """
    components = as_components(raw, sample_format)
    if components.size == 0:
        return 0.0
    if sample_format in _RAILS:
        low, high = _RAILS[sample_format]
        if (
            np.minimum.reduce(components) > low and np.maximum.reduce(components) < high
        ):  # as most often: a third of the time of counting
            return 0.0
        n_clipped = int(np.count_nonzero(components == low) + np.count_nonzero(components == high))
    else:
        n_clipped = int(np.count_nonzero(np.abs(components) >= np.float32(full_scale)))
    return n_clipped / components.size


def guess_full_scale(peak: float) -> float:
    """Full scale of a float capture from the largest component in it.

    Values up to 1 (and a hair of filter overshoot) are taken as scaled to 1. Beyond that they are converter counts:
    the smallest of 128, 2048, 32768 and 8388608 that holds them.

    Parameters
    ----------
    peak : float
        Largest absolute component of the whole capture.

    Raises
    ------
    ParameterError
        The peak is not finite or is beyond 24 bits.

    Examples
    --------
    >>> guess_full_scale(0.7), guess_full_scale(1740.0)
    (1.0, 2048.0)
    """
    for scale in _FLOAT_SCALES:
        if peak <= scale * (1.5 if scale == 1.0 else 1.0):
            return scale
    raise ParameterError(f"float samples reach {peak}, beyond 24-bit counts; scale the capture to 1 first")
