"""The FFT engine, chosen once: scipy.fft, or FFTW where the extra ``fast`` is installed."""

from __future__ import annotations

import functools
import importlib.metadata
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from dsp.errors import ParameterError
from dsp.thread_cache import thread_cache

__all__ = ["ENGINES", "Transform", "chosen_engine", "engine_name", "use_engine", "workspace"]

Transform = Callable[[], NDArray[np.complex64]]
"""Transforms the rows of the buffer that it was made with and gives the result, which the next call overwrites."""

ENGINES = ("scipy", "fftw")
"""Names that ``use_engine`` takes."""


_PLANNING = threading.Lock()  # FFTW executes plans in any thread, but makes them in one at a time


class _State:
    engine: str | None = None


def use_engine(name: str) -> None:
    """Choose the engine for this process: ``scipy`` or ``fftw``. Once, before hops are analysed in several threads.

    Raises
    ------
    ParameterError
        The name is unknown, or FFTW is not installed.
    """
    if name not in ENGINES:
        raise ParameterError(f"FFT engine {name!r} is unknown; use one of {', '.join(ENGINES)}")
    if name == "fftw" and _pyfftw() is None:
        raise ParameterError("FFT engine 'fftw' needs pyFFTW; install quietroom[fast]")
    _State.engine = name


def chosen_engine() -> str:
    """Name of the engine as ``use_engine`` takes it; without a choice FFTW where it is installed.

    Examples
    --------
    >>> chosen_engine() in ENGINES
    True
    """
    if _State.engine is None:
        _State.engine = "fftw" if _pyfftw() is not None else "scipy"
    return _State.engine


def engine_name() -> str:
    """Name and version of the engine, for the record.

    Examples
    --------
    >>> engine_name().split()[0] in ("scipy.fft", "pyFFTW")
    True
    """
    package, label = ("pyfftw", "pyFFTW") if chosen_engine() == "fftw" else ("scipy", "scipy.fft")
    return f"{label} {importlib.metadata.version(package)}"


def workspace(n_frames: int, n_fft: int) -> tuple[NDArray[np.complex64], Transform]:
    """Give a buffer, to be filled anew for each call, and the forward transform over its last axis.

    The same sizes give the same buffer in the same thread, and another one in another.

    Parameters
    ----------
    n_frames, n_fft : int
        Shape of the buffer.

    Returns
    -------
    buffer : ndarray of complex64, shape (n_frames, n_fft)
        Overwritten by the transform.
    transform : Transform
    """
    return _workspace(chosen_engine(), n_frames, n_fft)


@thread_cache(maxsize=4)
def _workspace(engine: str, n_frames: int, n_fft: int) -> tuple[NDArray[np.complex64], Transform]:
    pyfftw = _pyfftw() if engine == "fftw" else None
    if pyfftw is None:
        buffer = np.empty((n_frames, n_fft), np.complex64)

        def transform() -> NDArray[np.complex64]:
            result: NDArray[np.complex64] = scipy.fft.fft(buffer, axis=-1, overwrite_x=True)
            return result

        return buffer, transform
    source, output = (pyfftw.empty_aligned((n_frames, n_fft), dtype=np.complex64) for _ in range(2))
    # ESTIMATE, not MEASURE: a plan chosen by timing may differ from run to run, and with it the last bit of a record.
    # It costs a tenth; aligned buffers, without which FFTW uses no vector instructions, gain a factor of two to three.
    with _PLANNING:
        plan = pyfftw.FFTW(source, output, axes=(-1,), flags=("FFTW_ESTIMATE", "FFTW_DESTROY_INPUT"), threads=1)

    def run() -> NDArray[np.complex64]:
        plan.execute()
        result: NDArray[np.complex64] = output
        return result

    return source, run


@functools.cache
def _pyfftw() -> Any:
    try:
        import pyfftw  # noqa: PLC0415 - optional extra
    except ImportError:
        return None
    return pyfftw
