"""pyrtlsdr and the shared library under it, loaded when a dongle is used and not before.

``QUIETROOM_LIBRTLSDR`` names the shared library. pyrtlsdr asks the package ``pyrtlsdrlib`` for its library first and
ignores ``LD_LIBRARY_PATH`` where that is installed, so a stand-in of that name is put before it.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import io
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from dsp.errors import DeviceError

__all__ = ["LIBRARY_VARIABLE", "load_driver", "load_library"]

LIBRARY_VARIABLE = "QUIETROOM_LIBRTLSDR"
_STAND_IN = "_quietroom_stand_in"


def load_driver() -> ModuleType:
    """Import pyrtlsdr over the shared library that the environment asks for.

    Returns
    -------
    module
        ``rtlsdr``.

    Raises
    ------
    DeviceError
        pyrtlsdr or librtlsdr is missing or does not fit; the message names what and says how to get it.
    """
    return _load(os.environ.get(LIBRARY_VARIABLE) or None)


def load_library() -> Any:
    """Give the ctypes library below pyrtlsdr, with the argument types that pyrtlsdr declared.

    The methods of ``rtlsdr.RtlSdr`` close the handle on any error and round the tuned frequency to kHz; where that
    is unwanted its functions are called as they are.

    Raises
    ------
    DeviceError
        As `load_driver`.
    """
    return load_driver().librtlsdr


@functools.cache
def _load(library_path: str | None) -> ModuleType:
    _choose_library(library_path)
    for name in [name for name in sys.modules if name == "rtlsdr" or name.startswith("rtlsdr.")]:
        del sys.modules[name]  # pyrtlsdr binds its library at import, so another library is another import
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # pyrtlsdrlib prints what it cannot load
            return importlib.import_module("rtlsdr")
    except (ImportError, AttributeError, OSError) as error:
        raise DeviceError(_cure(error, library_path)) from error


def _choose_library(library_path: str | None) -> None:
    if library_path is None:
        if hasattr(sys.modules.get("pyrtlsdrlib"), _STAND_IN):
            del sys.modules["pyrtlsdrlib"]
        return
    if not Path(library_path).is_file():
        raise DeviceError(
            f"{LIBRARY_VARIABLE}={library_path} is no file; set it to a librtlsdr shared library or unset it"
        )
    stand_in = ModuleType("pyrtlsdrlib")
    vars(stand_in).update({_STAND_IN: True, "load_librtlsdr": lambda: ctypes.CDLL(library_path)})
    sys.modules["pyrtlsdrlib"] = stand_in


def _cure(error: Exception, library_path: str | None) -> str:
    what = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name == "rtlsdr":
        return "the driver pyrtlsdr is not installed; run: pip install 'pyrtlsdr[lib]'"
    if library_path is not None:
        return (
            f"{LIBRARY_VARIABLE}={library_path} cannot serve as librtlsdr ({what}); unset it, or name another library"
        )
    if isinstance(error, AttributeError):
        return (
            f"librtlsdr is too old for pyrtlsdr ({what}); run: pip install 'pyrtlsdr[lib]', which brings one that fits"
        )
    return f"the driver librtlsdr cannot be loaded ({what}); run: pip install 'pyrtlsdr[lib]', or install librtlsdr"
