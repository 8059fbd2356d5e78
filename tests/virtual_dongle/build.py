"""Build the virtual dongle with the machine's C compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

__all__ = ["NoCompilerError", "build"]

_SOURCES = ("config.c", "tables.c", "receiver.c", "device.c", "api.c")
_FLAGS = (
    "-std=gnu11",
    "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",  # not -ffast-math: it would change the rounding of the process that loads the library
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fvisibility=hidden",
    "-fPIC",
    "-shared",
    "-Wl,-soname,librtlsdr.so",
)


class NoCompilerError(RuntimeError):
    """This machine has no C compiler."""


def build(out_dir: Path) -> Path:
    """Compile ``librtlsdr.so`` into a folder, with ``librtlsdr.so.0`` beside it for Debian's programs.

    The folder serves as ``LD_LIBRARY_PATH`` for programs linked to librtlsdr, the file as ``QUIETROOM_LIBRTLSDR``.

    Raises
    ------
    NoCompilerError
        There is no C compiler.
    RuntimeError
        The library does not compile; the message is the compiler's.
    """
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompilerError("no C compiler (cc, gcc or clang) on this machine")
    here, library = Path(__file__).parent, out_dir / "librtlsdr.so"
    command = [compiler, *_FLAGS, "-o", str(library), *(str(here / name) for name in _SOURCES), "-lm", "-lpthread"]
    result = subprocess.run([*command, "-march=native"], capture_output=True, text=True, check=False)
    if result.returncode:  # a compiler that does not know this machine's processor still builds a slower library
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"the virtual dongle does not compile: {result.stderr}")
    alias = out_dir / "librtlsdr.so.0"
    if not alias.exists():
        alias.symlink_to(library.name)
    return library
