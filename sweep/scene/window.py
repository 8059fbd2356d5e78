"""A window of complex baseband into which emitters are added.

Phases are unsigned 32-bit fractions of a turn, as in a numerically controlled oscillator: they wrap by themselves,
they are exact after years of simulated time, and one table turns them into complex numbers, so constant-envelope
signals cost a few nanoseconds a sample.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.scene.response import Response
from sweep.scene.schedule import Interval

__all__ = ["Coarse", "Span", "Window", "cycles_at", "to_phase"]

_TABLE_BITS = 16  # phase steps of 96 urad: spurs below -90 dBc, far under 8-bit quantisation
_SHIFT = np.uint32(32 - _TABLE_BITS)
_TABLE = np.exp(2j * np.pi * (np.arange(1 << _TABLE_BITS) + 0.5) / (1 << _TABLE_BITS)).astype(np.complex64)
_RAMP_S = 50e-6  # keying a carrier faster than this would splash over its neighbours


def cycles_at(freq_hz: float, time_ns: int) -> float:
    """Give the phase of an oscillator that has run since 1970, in cycles from 0 to 1, exact to a millihertz."""
    return (round(freq_hz * 1000) * time_ns) % 10**12 / 1e12


def to_phase(cycles: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Turn cycles into 32-bit fractions of a turn."""
    turns = cycles - np.floor(cycles)
    turns *= 2.0**32
    return turns.astype(np.uint64).astype(np.uint32)


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Samples ``start`` to ``stop`` of a window in which an emitter is on; its envelope, None when flat."""

    start: int
    stop: int
    envelope: NDArray[np.float32] | None


@dataclass(frozen=True, slots=True, eq=False)
class Coarse:
    """Points of a periodic waveform, ``step`` samples apart, that cover a window and one point more.

    The first sample of the window lies ``lead`` samples after the first point; ``first`` is the number of that point
    since 1970.
    """

    points: NDArray[np.generic]
    step: int
    lead: int
    first: int

    def phase(self, points: NDArray[np.uint32], n: int) -> NDArray[np.uint32]:
        """Interpolate phases: between two points the frequency is constant."""
        if self.step == 1:
            return points[:n]
        slope = (np.diff(points).view(np.int32) // np.int32(self.step)).view(np.uint32)
        steps = np.arange(self.step, dtype=np.uint32)
        return (points[:-1, None] + slope[:, None] * steps).ravel()[self.lead : self.lead + n]

    def baseband(self, points: NDArray[np.complex64], n: int) -> NDArray[np.complex64]:
        """Interpolate complex baseband along straight lines."""
        if self.step == 1:
            return points[:n]
        steps = np.arange(self.step, dtype=np.float32) / np.float32(self.step)
        return (points[:-1, None] + np.diff(points)[:, None] * steps).ravel()[self.lead : self.lead + n]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Window:
    """Samples of one hop while they are put together.

    Attributes
    ----------
    iq : ndarray of complex64, shape (n,)
        1 is full scale; emitters are added in place.
    sample_rate_hz : int
    start_ns : int
        UTC of the first sample.
    response : Response or None
        Passband of the receiver; None is flat.
    """

    iq: NDArray[np.complex64]
    sample_rate_hz: int
    start_ns: int
    response: Response | None

    @property
    def n(self) -> int:
        """Number of samples."""
        return self.iq.size

    @property
    def time(self) -> Interval:
        """Start and stop in ns."""
        return self.start_ns, self.start_ns + self.n * 1_000_000_000 // self.sample_rate_hz + 1

    @property
    def first_sample(self) -> int:
        """Number of the first sample since 1970."""
        return self.start_ns * self.sample_rate_hz // 1_000_000_000

    def response_at(self, freq_hz: float) -> float:
        """Voltage response at a baseband frequency."""
        return 1.0 if self.response is None else self.response.at(freq_hz)

    def response_over(self, freqs_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Voltage response at many baseband frequencies."""
        return np.ones_like(freqs_hz) if self.response is None else self.response.over(freqs_hz)

    def coarse(self, library: NDArray[np.generic], step: int, offset: int) -> Coarse:
        """Cut the points that cover this window out of a periodic library, ``offset`` points late."""
        first, lead = divmod(self.first_sample, step)
        n_points = (lead + self.n - 1) // step + 2
        begin = (first + offset) % library.size
        if begin + n_points <= library.size:
            points = library[begin : begin + n_points]
        else:
            points = library.take(np.arange(begin, begin + n_points), mode="wrap")
        return Coarse(points, step, lead, first)

    def spans(self, intervals: Iterable[Interval]) -> list[Span]:
        """Turn times in ns into spans of samples, with ramps where an emitter is keyed within the window."""
        found = []
        for start_ns, stop_ns in intervals:
            start = max(0, self._sample(start_ns))
            stop = min(self.n, self._sample(stop_ns))
            if stop > start:
                keyed = start_ns > self.start_ns, stop < self.n
                found.append(Span(start, stop, self._envelope(stop - start, *keyed)))
        return found

    def _sample(self, time_ns: int) -> int:
        return -((self.start_ns - time_ns) * self.sample_rate_hz // 1_000_000_000)

    def _envelope(self, n: int, rises: bool, falls: bool) -> NDArray[np.float32] | None:
        n_ramp = min(n // 2, max(1, round(_RAMP_S * self.sample_rate_hz)))
        if not (rises or falls) or n_ramp == 0:
            return None
        ramp = np.sin(0.5 * np.pi * (np.arange(n_ramp, dtype=np.float32) + 0.5) / n_ramp)
        envelope = np.ones(n, np.float32)
        if rises:
            envelope[:n_ramp] = ramp
        if falls:
            envelope[n - n_ramp :] = ramp[::-1]
        return envelope

    def add(
        self,
        offset_hz: float,
        amplitude: float,
        spans: Iterable[Span],
        *,
        phase: NDArray[np.uint32] | None = None,
        baseband: NDArray[np.complex64] | None = None,
    ) -> None:
        """Add a signal at a baseband frequency.

        Parameters
        ----------
        offset_hz : float
            From the centre of the window, in Hz.
        amplitude : float
            Root mean square, 1 is full scale.
        spans : iterable of Span
            Where it is on.
        phase : ndarray of uint32, shape (n,), optional
            Phase modulation.
        baseband : ndarray of complex64, shape (n,), optional
            Complex modulation of mean power 1.
        """
        scale = np.float32(amplitude * self.response_at(offset_hz))
        turn = np.uint32(round(offset_hz / self.sample_rate_hz * 2**32) % 2**32)
        begin = np.uint32(int(cycles_at(offset_hz, self.start_ns) * 2**32) % 2**32)
        for span in spans:
            rotation = np.arange(span.start, span.stop, dtype=np.uint32)
            rotation *= turn
            rotation += begin
            if phase is not None:
                rotation += phase[span.start : span.stop]
            part = _TABLE[rotation >> _SHIFT]
            if baseband is not None:
                part *= baseband[span.start : span.stop]
            if span.envelope is not None:
                part *= span.envelope
            part *= scale
            self.iq[span.start : span.stop] += part
