"""Levels packed into text, small enough to put every bin of a sweep into a page."""

from __future__ import annotations

import base64

import deflate
import numpy as np
from numpy.typing import NDArray

__all__ = ["pack"]

_NOT_MEASURED = -32768
_LOWEST, _HIGHEST = -32767, 32767


def pack(level_db: NDArray[np.floating]) -> str:
    """Pack levels as tenths of a decibel: 16-bit numbers, all low bytes before all high ones, zlib, base64.

    A tenth is what the texts of a report give too, and far less than the uncertainty of any level.

    Parameters
    ----------
    level_db : ndarray of float
        In dB; NaN where nothing was measured. Taken in C order.

    Returns
    -------
    str
        Of ASCII letters, digits, ``+``, ``/`` and ``=``.

    Examples
    --------
    >>> import zlib
    >>> zlib.decompress(base64.b64decode(pack(np.array([0.3, np.nan, 25.6])))).hex()
    '030000008001'
    """
    tenths = np.clip(np.rint(np.asarray(level_db, np.float64).ravel() * 10), _LOWEST, _HIGHEST)
    stored = np.where(np.isfinite(tenths), tenths, _NOT_MEASURED).astype("<i2")
    planes = np.ascontiguousarray(stored.view(np.uint8).reshape(-1, 2).T)
    return base64.b64encode(deflate.zlib_compress(planes.tobytes(), 9)).decode("ascii")
