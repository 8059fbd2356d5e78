"""One open dongle: its driver's calls, with their errors in words."""

from __future__ import annotations

import contextlib
import ctypes
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StalledError
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dsp.errors import DeviceError
from sweep.health.counting import Count, count_breaks
from sweep.sources.driver import load_driver, load_library
from sweep.sources.live import TuningRefusedError, Visit
from sweep.sources.runqueue import RunQueue
from sweep.sources.tuners import ReceiverSettings, Tuner, tuner_of

__all__ = ["LATE_S", "READS", "RtlSdrReceiver", "read_tuner", "usb_strings"]

LATE_S = 1e-3
"""A read that lasts longer by more than this lacked samples; a thread that nothing holds up goes on sooner."""

READS = 3
"""Reads of one hop before the samples that each of them lacked count as lost."""

_T = TypeVar("_T")
_USB_BYTES = 512  # reads are whole USB packets
_MOST_BYTES = 4 << 20  # of one transfer; the kernel lends 16 MiB of USB memory by default
_STALL_S = 3.0
_CRYSTAL = 100e-6  # how slow one may be
_FRESH_NS = 2_000_000  # what a dongle holds back until it is read is then still within the samples that are skipped
_COUNTED_SAMPLES = 1 << 17  # of one read in test mode
_OPEN_CURES = {
    -3: "no permission; install the udev rules of rtl-sdr (package librtlsdr0), then unplug it and plug it in again",
    -4: "it was unplugged; plug it in again",
    -5: "it was unplugged; plug it in again",
    -6: "it is in use; close the other program, or unload the kernel's driver with: sudo modprobe -r dvb_usb_rtl28xxu",
}


def usb_strings() -> list[tuple[str, str, str]]:
    """Give manufacturer, product and serial of each dongle on this machine.

    Raises
    ------
    DeviceError
        The driver is missing.
    """
    library = load_library()
    found = []
    for index in range(library.rtlsdr_get_device_count()):
        texts = [(ctypes.c_ubyte * 256)() for _ in range(3)]
        code = library.rtlsdr_get_device_usb_strings(index, *texts)
        names = [bytes(text).split(b"\0", 1)[0].decode("utf-8", "replace") for text in texts]
        found.append((names[0], names[1], names[2]) if code == 0 else ("", "", ""))
    return found


def read_tuner(index: int, serial: str) -> tuple[Tuner, tuple[float, ...]]:
    """Open a dongle for a moment to read its tuner and the gains that it supports, in dB.

    Raises
    ------
    DeviceError
        It cannot be opened.
    """
    sdr = _open(load_driver(), index, serial)
    try:
        return tuner_of(sdr.get_tuner_type()), tuple(sdr.valid_gains_db)
    except OSError as error:
        raise DeviceError(f"dongle {serial or index} does not tell its tuner ({error}); plug it in again") from error
    finally:
        sdr.close()


class RtlSdrReceiver:
    """One open dongle (see `sweep.sources.live.Receiver`).

    librtlsdr waits for samples without limit. Its calls are therefore made in a thread of their own: Ctrl-C works, and
    a dongle that stopped is noticed.
    """

    def __init__(self, index: int, serial: str, settings: ReceiverSettings) -> None:
        self._name = f"dongle {serial or index}"
        self._settings = settings
        self._library = load_library()
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._sdr = _open(load_driver(), index, serial)
        self._tuned_hz = int(self._library.rtlsdr_get_center_freq(self._sdr.dev_p))
        self._flushed_ns = 0
        self._losing = False
        threading.Thread(target=self._work, name=self._name, daemon=True).start()
        try:
            self._call(self._configure, _STALL_S)
        except BaseException:
            self.close()
            raise

    def visit(self, center_freq_hz: int, n_skip: int, n_keep: int, *, then_hz: int | None = None) -> Visit:
        """Tune, flush, skip and read; then tune to what comes next.

        The dongle is sent on before the samples are handed over: the threads that analyse them then compete for the
        interpreter while it reads, not while it waits for its next command.
        """
        budget_s = READS * (n_skip + n_keep) / self._settings.sample_rate_hz + _STALL_S
        return self._call(lambda: self._visit(center_freq_hz, n_skip, n_keep, then_hz), budget_s)

    def set_gain(self, gain_db: float) -> None:
        """Set another fixed gain."""
        self._call(lambda: self._set_gain(gain_db), _STALL_S)

    def count_losses(self, duration_s: float) -> Count | None:
        """Have the chip count, and see where numbers are missing; None where the driver does not switch that on.

        Raises
        ------
        DeviceError
            The dongle is lost.
        """
        return self._call(lambda: self._count_losses(duration_s), 2 * duration_s + _STALL_S)

    def close(self) -> None:
        """Close the dongle, unless a call into its driver never came back."""
        try:
            self._call(self._sdr.close, _STALL_S)
        except DeviceError:
            self._sdr.device_opened = False  # pyrtlsdr must not close it under the call that still runs
        self._calls.put(None)

    def _configure(self) -> None:
        settings = self._settings
        try:
            self._sdr.set_sample_rate(settings.sample_rate_hz)
            if settings.ppm:  # librtlsdr calls it an error to set what is already set
                self._sdr.set_freq_correction(settings.ppm)
            self._sdr.set_agc_mode(False)
            self._sdr.set_gain(settings.gain_db)
        except OSError as error:
            raise DeviceError(f"{self._name} cannot be set up ({error}); unplug it and plug it in again") from error

    def _set_gain(self, gain_db: float) -> None:
        try:
            self._sdr.set_gain(gain_db)
        except OSError as error:
            raise DeviceError(
                f"{self._name} does not take a gain of {gain_db:g} dB ({error}); plug it in again"
            ) from error

    def _visit(self, center_freq_hz: int, n_skip: int, n_keep: int, then_hz: int | None) -> Visit:
        if center_freq_hz != self._tuned_hz:
            self._tune(center_freq_hz)
        elif time.monotonic_ns() - self._flushed_ns > _FRESH_NS:
            self._flush()
        visit = self._receive(n_skip, n_keep)
        for _ in range(0 if self._losing else READS - 1):
            if visit.dropped_samples:
                self._flush()
                visit = min(visit, self._receive(n_skip, n_keep), key=lambda taken: taken.dropped_samples)
        self._losing = visit.dropped_samples > 0
        if then_hz is not None:
            with contextlib.suppress(DeviceError):
                self._tune(then_hz)
        return visit

    def _receive(self, n_skip: int, n_keep: int) -> Visit:
        """Read in one piece what is skipped and what is kept, and judge by the clock whether any of it was lost.

        A dongle takes samples at a constant rate and librtlsdr asks for all of them at once, so a read that lasts
        longer than its samples has waited for others in place of lost ones, or for a processor. The system tells how
        long that was; what else delays this thread passes, and the read that is made in place of this one is in time.
        """
        rate_hz = self._settings.sample_rate_hz
        begun_ns, waited_ns = time.monotonic_ns(), self._run_queue.waited_ns()
        raw = self._read(n_skip + n_keep)
        now_ns, utc_ns = time.monotonic_ns(), time.time_ns()
        ended_ns = now_ns - (self._run_queue.waited_ns() - waited_ns)
        needed_s = (n_skip + n_keep) / rate_hz
        late_s = (ended_ns - begun_ns) * 1e-9 - needed_s
        start_ns = max(begun_ns, ended_ns - round(n_keep / rate_hz * 1e9))
        return Visit(
            raw=raw[2 * n_skip :],
            utc_ns=utc_ns - (now_ns - start_ns),
            monotonic_ns=start_ns,
            dropped_samples=round(late_s * rate_hz) if late_s > LATE_S + _CRYSTAL * needed_s else 0,
        )

    def _count_losses(self, duration_s: float) -> Count | None:
        if self._library.rtlsdr_set_testmode(self._sdr.dev_p, 1) < 0:
            return None
        n_reads = max(2, round(duration_s * self._settings.sample_rate_hz / _COUNTED_SAMPLES))
        try:
            self._flush()
            self._read(_COUNTED_SAMPLES)  # what was under way is not of the counter
            n_breaks = sum(count_breaks(self._read(_COUNTED_SAMPLES)) for _ in range(n_reads))
        finally:
            self._check(self._library.rtlsdr_set_testmode(self._sdr.dev_p, 0), "leaving the test mode")
        self._flush()
        self._read(_COUNTED_SAMPLES)
        return Count(n_samples=n_reads * _COUNTED_SAMPLES, n_breaks=n_breaks)

    def _tune(self, freq_hz: int) -> None:
        """Tune; a dongle that refuses is lost only if it also refuses the frequency that it was tuned to."""
        code = self._library.rtlsdr_set_center_freq(self._sdr.dev_p, freq_hz)
        if code < 0:
            if self._library.rtlsdr_set_center_freq(self._sdr.dev_p, self._tuned_hz) >= 0:
                raise TuningRefusedError(
                    f"{self._name} refused to tune to {freq_hz} Hz (error {code}); narrow the range"
                )
            self._check(code, f"tuning to {freq_hz} Hz")
        self._tuned_hz = freq_hz
        self._flush()

    def _flush(self) -> None:
        self._check(self._library.rtlsdr_reset_buffer(self._sdr.dev_p), "flushing")
        self._flushed_ns = time.monotonic_ns()

    def _read(self, n_samples: int) -> NDArray[np.uint8]:
        n_bytes = 2 * n_samples
        raw = np.empty(-(-n_bytes // _USB_BYTES) * _USB_BYTES, np.uint8)
        for start in range(0, raw.size, _MOST_BYTES):
            part = raw[start : start + _MOST_BYTES]
            n_read = ctypes.c_int32(0)
            code = self._library.rtlsdr_read_sync(
                self._sdr.dev_p, part.ctypes.data_as(ctypes.c_void_p), part.size, ctypes.byref(n_read)
            )
            self._check(code, "reading")
            if n_read.value != part.size:
                raise DeviceError(
                    f"{self._name} gave {n_read.value} of {part.size} bytes; try another USB port or cable"
                )
        return raw[:n_bytes]

    def _check(self, code: int, doing: str) -> None:
        if code < 0:
            what = "it was unplugged" if code in {-4, -5} else "the USB connection failed"
            raise DeviceError(f"{self._name}: {doing} failed with libusb error {code}: {what}; check plug and cable")

    def _call(self, function: Callable[[], _T], timeout_s: float) -> _T:
        future: Future[_T] = Future()
        self._calls.put((future, function))
        try:
            return future.result(timeout_s)
        except StalledError:
            future.cancel()
            raise DeviceError(
                f"{self._name} gave nothing for {timeout_s:.1f} s; unplug it and plug it in again"
            ) from None

    def _work(self) -> None:
        self._run_queue = RunQueue()  # of this thread, which is the one that reads
        while (job := self._calls.get()) is not None:
            future, function = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except BaseException as error:  # raised again where the result is awaited
                future.set_exception(error)
        self._run_queue.close()


def _open(driver: Any, index: int, serial: str) -> Any:
    try:
        return driver.RtlSdr(index)
    except OSError as error:
        code = error.errno if isinstance(error.errno, int) else 0
        cure = _OPEN_CURES.get(code, f"{error}; unplug it and plug it in again")
        raise DeviceError(f"dongle {serial or index} cannot be opened: {cure}") from error
