"""The stream of an ``rtl_tcp`` server: always read, mostly thrown away.

The server never stops sending and queues what the client does not take: up to 27 s of old samples. A thread
therefore reads all the time, and samples are kept only for a stretch that was asked for.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsp.errors import DeviceError
from sweep.sources.live import Visit

__all__ = ["MOST_LATE_S", "ArrivalClock", "Command", "RtlTcpStream"]

_HEADER = struct.Struct(">4sII")
_CHUNK_BYTES = 1 << 16

MOST_LATE_S = 2.0
"""A stream that is further behind is given up. By default the server queues 27 s and then throws samples away."""


class Command:
    """Numbers of rtl_tcp's commands."""

    CENTER_FREQ_HZ = 1
    SAMPLE_RATE_HZ = 2
    MANUAL_GAIN = 3
    GAIN_TENTHS = 4
    CORRECTION_PPM = 5
    AGC = 8


class ArrivalClock:
    """How far behind the samples arrive, compared with the best so far.

    The receiver takes samples at a constant rate, so what arrives late was waiting somewhere (in a transfer that is
    still filling, in the server's queue, in the network) or was lost. The best fades by as much as the receiver's clock
    and ours may differ, and no faster: a network that carries a little less than the receiver gives is found out, too.

    Parameters
    ----------
    sample_rate_hz : int

    Examples
    --------
    >>> clock = ArrivalClock(1000)
    >>> clock.note(500, at_s=0.5)  # 500 samples after half a second: on time
    >>> clock.note(600, at_s=0.9)  # 100 more after 0.4 s: 300 are still on their way
    >>> round(clock.late_s(600, at_s=0.9), 3)
    0.3
    """

    _FADING = 100e-6  # the crystals of dongles are within 100 ppm

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz
        self._best_s: float | None = None  # how far ahead of our clock, at the best
        self._noted_at_s = 0.0

    def note(self, n_samples: int, *, at_s: float) -> None:
        """Note that so many samples have arrived in all at a time of the monotonic clock."""
        ahead_s = n_samples / self._rate_hz - at_s
        self._best_s = ahead_s if self._best_s is None else max(self._faded_s(self._best_s, at_s), ahead_s)
        self._noted_at_s = at_s

    def late_s(self, n_samples: int, *, at_s: float) -> float:
        """Seconds of samples that were taken but have not arrived."""
        if self._best_s is None:
            return 0.0
        return max(0.0, self._faded_s(self._best_s, at_s) - (n_samples / self._rate_hz - at_s))

    def _faded_s(self, best_s: float, at_s: float) -> float:
        return best_s - self._FADING * (at_s - self._noted_at_s)


@dataclass(slots=True, kw_only=True, eq=False)
class _Wanted:
    """Bytes of the stream that are to be kept, in positions since the header."""

    start: int
    kept: NDArray[np.uint8]
    filled: int = 0
    utc_ns: int = 0
    monotonic_ns: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def feed(self, position: int, chunk: NDArray[np.uint8]) -> None:
        """Take what belongs to it from a chunk that begins at a position of the stream."""
        part = chunk[max(0, self.start + self.filled - position) :][: self.kept.size - self.filled]
        if part.size and not self.filled:
            self.utc_ns, self.monotonic_ns = time.time_ns(), time.monotonic_ns()
        self.kept[self.filled : self.filled + part.size] = part
        self.filled += part.size
        if self.filled == self.kept.size:
            self.done.set()


class RtlTcpStream:
    """A connection to an ``rtl_tcp`` server.

    Parameters
    ----------
    host : str
    port : int
    sample_rate_hz : int
        Set by the first command.
    timeout_s : float
        Longest silence before the connection counts as lost.

    Attributes
    ----------
    tuner_number, gain_count : int
        As the server's header says.

    Raises
    ------
    DeviceError
        Nothing listens there, or it is no rtl_tcp.
    """

    def __init__(self, host: str, port: int, *, sample_rate_hz: int, timeout_s: float = 3.0) -> None:
        self._name = f"rtl_tcp at {host}:{port}"
        self._rate_hz = sample_rate_hz
        self._timeout_s = timeout_s
        try:
            self._socket = socket.create_connection((host, port), timeout_s)
        except OSError as error:
            raise DeviceError(
                f"{self._name} cannot be reached ({error}); start it there with: rtl_tcp -a 0.0.0.0"
            ) from error
        try:
            self.tuner_number, self.gain_count = self._read_header()
            self.command(Command.SAMPLE_RATE_HZ, sample_rate_hz)
        except BaseException:
            self._socket.close()
            raise
        self._lock = threading.Lock()
        self._received = 0
        self._clock = ArrivalClock(sample_rate_hz)
        self._wanted: _Wanted | None = None
        self._failure: str | None = None
        threading.Thread(target=self._read, name=self._name, daemon=True).start()

    def command(self, number: int, value: int) -> None:
        """Send a command; negative values go as two's complement.

        Raises
        ------
        DeviceError
            The connection is lost.
        """
        try:
            self._socket.sendall(struct.pack(">BI", number, value & 0xFFFFFFFF))
        except OSError as error:
            raise DeviceError(f"{self._name} was lost ({error}); check the network and the server") from error

    def collect(self, n_skip: int, n_keep: int) -> Visit:
        """Wait for samples that were taken after now, throw ``n_skip`` of them away, and give ``n_keep``.

        Raises
        ------
        DeviceError
            The connection is lost, silent for longer than the timeout, or so far behind that samples are lost or will
            be: the server's queue is finite, and a stretch that it threw away cannot be told from one that waits.
        """
        kept = np.empty(2 * n_keep, np.uint8)
        with self._lock:
            late_s = self._clock.late_s(self._received // 2, at_s=time.monotonic())
            if late_s > MOST_LATE_S and self._failure is None:
                raise DeviceError(
                    f"{self._name} is {late_s:.1f} s behind its sample rate: samples are held back or lost; "
                    "use a faster network or a lower sample rate"
                )
            start = self._received + self._received % 2 + 2 * (n_skip + round(late_s * self._rate_hz))
            wanted = _Wanted(start=start, kept=kept)
            self._wanted = wanted if self._failure is None else None
        budget_s = late_s + (n_skip + n_keep) / self._rate_hz + self._timeout_s
        if self._wanted is not None:
            wanted.done.wait(budget_s)
        with self._lock:
            self._wanted = None
            if wanted.filled < kept.size:
                why = self._failure or f"only {wanted.filled // 2} of {n_keep} samples within {budget_s:.1f} s"
                raise DeviceError(f"{self._name} was lost ({why}); check the network and the server")
        return Visit(raw=kept, utc_ns=wanted.utc_ns, monotonic_ns=wanted.monotonic_ns)

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):  # the other side may have been first
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._socket.close()

    def _read_header(self) -> tuple[int, int]:
        header = b""
        try:
            while len(header) < _HEADER.size and (part := self._socket.recv(_HEADER.size - len(header))):
                header += part
        except OSError as error:
            raise DeviceError(f"{self._name} says nothing ({error}); another client may be using it") from error
        if len(header) < _HEADER.size or not header.startswith(b"RTL0"):
            raise DeviceError(
                f"{self._name} is no rtl_tcp server: it began with {header[:4]!r}, not with b'RTL0'; check the port"
            )
        _, tuner, gains = _HEADER.unpack(header)
        return tuner, gains

    def _read(self) -> None:
        buffer = np.empty(_CHUNK_BYTES, np.uint8)
        failure = "the server hung up"
        try:
            while n_bytes := self._socket.recv_into(buffer.data):
                with self._lock:
                    if self._wanted is not None:
                        self._wanted.feed(self._received, buffer[:n_bytes])
                    self._received += n_bytes
                    self._clock.note(self._received // 2, at_s=time.monotonic())
        except OSError as error:
            failure = str(error)
        with self._lock:
            self._failure = failure
            if self._wanted is not None:
                self._wanted.done.set()
