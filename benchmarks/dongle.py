"""The virtual dongle of the tests, for this process and for the tools that are measured beside it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import LeftOutError
from tests.virtual_dongle.build import NoCompilerError, build
from tests.virtual_dongle.handle import Handle
from tests.virtual_dongle.scene import Scene

__all__ = ["VARIABLES", "dongle_seconds", "plugged_in"]

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


def dongle_seconds(scene: Scene, n_hops: int, hop_s: float, rate_hz: int) -> float:
    """Processor seconds that the virtual dongle takes to make the samples of so many hops.

    It makes them in the process that reads them. They are read at one frequency from a dongle that does not wait.
    """
    n_samples = round(hop_s * rate_hz) // 256 * 256
    with (
        plugged_in(Scene(emitters=scene.emitters)) as environment,
        Handle(Path(environment["QUIETROOM_LIBRTLSDR"]), rate_hz=rate_hz) as handle,
    ):
        handle.read(n_samples)
        begun = time.thread_time()
        for _ in range(n_hops):
            handle.read(n_samples)
        return time.thread_time() - begun
