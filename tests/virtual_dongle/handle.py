"""Direct calls into the virtual dongle, for tests of the library itself."""

from __future__ import annotations

import ctypes
from pathlib import Path
from types import TracebackType

import numpy as np

__all__ = ["Handle"]


class Handle:
    """An open dongle of the library.

    Parameters
    ----------
    library : Path
    index : int
    freq_hz, rate_hz : int
    gain_db : float
    """

    def __init__(
        self,
        library: Path,
        index: int = 0,
        *,
        freq_hz: int = 100_000_000,
        rate_hz: int = 2_400_000,
        gain_db: float = 28.0,
    ) -> None:
        self.library = ctypes.CDLL(str(library))
        self.pointer = ctypes.c_void_p()
        self.library.rtlsdr_get_device_count()
        code = self.library.rtlsdr_open(ctypes.byref(self.pointer), index)
        if code < 0:
            raise OSError(code, f"open gave {code}")
        for name, value in (
            ("set_sample_rate", rate_hz),
            ("set_tuner_gain_mode", 1),
            ("set_tuner_gain", round(gain_db * 10)),
            ("set_center_freq", freq_hz),
        ):
            if self.call(name, value) < 0:
                raise OSError(f"{name}({value}) failed")

    def __enter__(self) -> Handle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call("close")

    def call(self, name: str, *arguments: int) -> int:
        """Call ``rtlsdr_<name>``."""
        return int(getattr(self.library, f"rtlsdr_{name}")(self.pointer, *arguments))

    def try_read(self, n_bytes: int) -> tuple[int, np.ndarray]:
        """Read bytes; gives the library's code and what came."""
        raw, n_read = np.zeros(max(n_bytes, 1), np.uint8), ctypes.c_int(-1)
        code = self.library.rtlsdr_read_sync(
            self.pointer, raw.ctypes.data_as(ctypes.c_void_p), n_bytes, ctypes.byref(n_read)
        )
        return int(code), raw[: n_read.value]

    def read(self, n_samples: int) -> np.ndarray:
        """Read so many samples, a multiple of 256."""
        code, raw = self.try_read(2 * n_samples)
        if code < 0:
            raise OSError(code, f"read gave {code}")
        return raw
