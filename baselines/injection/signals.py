"""What is injected: transmitters as the frames of a receiver show them, at unit power."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sweep.plan import Layout
from sweep.scene.audio import integral, speech

__all__ = ["KINDS", "Kind", "frames_of", "half_width"]

_SPEECH_S, _SPEECH_POINTS = 4.0, 1 << 19
_SKIRT_BINS, _MIN_POINTS = 3, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of transmitter.

    Attributes
    ----------
    name : str
    span_hz : float
        That holds all but skirts of it.
    reference_hz : float
        Bandwidth of the noise that its level is held against.
    deviation_hz : float
        Peak deviation by speech; 0 of a plain carrier.
    keyed : bool
        On for a second in each minute only; else always.
    """

    name: str
    span_hz: float
    reference_hz: float
    deviation_hz: float
    keyed: bool = False


KINDS = (
    Kind(name="nfm", span_hz=11e3, reference_hz=11e3, deviation_hz=2.5e3),
    Kind(name="wfm", span_hz=126e3, reference_hz=120e3, deviation_hz=60e3),
    Kind(name="carrier", span_hz=0.0, reference_hz=3e3, deviation_hz=0.0),
    Kind(name="burst_1s_per_min", span_hz=11e3, reference_hz=11e3, deviation_hz=2.5e3, keyed=True),
)


def half_width(kind: Kind, bin_width_hz: float) -> int:
    """Bins on either side of its own that an emitter reaches.

    Examples
    --------
    >>> half_width(KINDS[0], 2500), half_width(KINDS[1], 2500)
    (6, 29)
    """
    return int(np.ceil(kind.span_hz / 2 / bin_width_hz)) + _SKIRT_BINS


def frames_of(
    kind: Kind, layout: Layout, offset_bins: float, n_dwells: int, rng: np.random.Generator
) -> NDArray[np.complex64]:
    """Spectra of the half-overlapping Hann frames of some dwells, each somewhere in four seconds of speech.

    Frames of few points hold as much time as those of the receiver, and have the same bins.

    Parameters
    ----------
    kind : Kind
    layout : Layout
        With a known number of averages.
    offset_bins : float
        Of the carrier from the middle of its bin.
    n_dwells : int
    rng : Generator

    Returns
    -------
    ndarray of complex64, shape (n_dwells, n_frames, 2 * half_width + 1)
        A mean power of 1 in all, once divided by the noise bandwidth of the window, as levels are given.
    """
    half = half_width(kind, layout.bin_width_hz)
    n_fft = max(_MIN_POINTS, 1 << (4 * half - 1).bit_length())
    n_frames, rate_hz = int(layout.n_averages or 0), n_fft * layout.bin_width_hz
    time_s = np.arange((n_frames + 1) * n_fft // 2) / rate_hz
    cycles = np.broadcast_to(offset_bins * layout.bin_width_hz * time_s, (n_dwells, time_s.size))
    if kind.deviation_hz:
        cycles = cycles + kind.deviation_hz * _speech_from(rng.uniform(0, _SPEECH_S, (n_dwells, 1)) + time_s)
    turns = (2 * np.pi * np.mod(cycles + rng.uniform(0, 1, (n_dwells, 1)), 1.0)).astype(np.float32)
    samples = np.empty(turns.shape, np.complex64)
    np.cos(turns, out=samples.real)
    np.sin(turns, out=samples.imag)
    halves = samples.reshape(n_dwells, n_frames + 1, n_fft // 2)
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    spectra = fft.fft(
        np.concatenate([halves[:, :-1], halves[:, 1:]], axis=2) * (window / window.sum()), axis=2, overwrite_x=True
    )
    wanted = np.arange(-half, half + 1) % n_fft
    return np.asarray(spectra[:, :, wanted], np.complex64)


def _speech_from(time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral of speech at some times, between its points on straight lines."""
    points = _speech()
    at = time_s * (_SPEECH_POINTS / _SPEECH_S)
    before = at.astype(np.int64)
    at -= before
    left, right = points[before % _SPEECH_POINTS], points[(before + 1) % _SPEECH_POINTS]
    return np.asarray(left + at * (right - left), np.float64)


@functools.lru_cache(maxsize=1)
def _speech() -> NDArray[np.float64]:
    """Integral of four seconds of speech in s, from seam to seam."""
    return integral(speech(_SPEECH_S), _SPEECH_S, _SPEECH_POINTS)
