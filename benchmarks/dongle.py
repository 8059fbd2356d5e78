"""The virtual dongle of the tests, for this process and for the tools that are measured beside it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import LeftOutError
from tests.virtual_dongle.build import NoCompilerError, build
from tests.virtual_dongle.scene import Scene

__all__ = ["VARIABLES", "plugged_in"]

VARIABLES = ("QUIETROOM_LIBRTLSDR", "VIRTUAL_DONGLE_CONFIG", "LD_LIBRARY_PATH")
"""What makes a program use the virtual dongle."""


@contextlib.contextmanager
def plugged_in(scene: Scene) -> Iterator[dict[str, str]]:
    """Build the dongle and plug a scene in; gives the environment in which other programs find it.

    Raises
    ------
    LeftOutError
        There is no C compiler.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            library = build(Path(folder))
        except NoCompilerError as error:
            raise LeftOutError(str(error)) from error
        config = library.with_name("scene.txt")
        config.write_text(scene.text())
        before = dict(os.environ)
        os.environ.update(zip(VARIABLES, map(str, (library, config, library.parent)), strict=True))
        try:
            yield dict(os.environ)
        finally:
            os.environ.clear()
            os.environ.update(before)
