"""Reading scene files, shipped ones and the user's own."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from dsp.errors import CaptureError, ParameterError
from sweep.scene.schema import KINDS, Scene
from sweep.toml_files import parse_toml
from sweep.units import parse_range

__all__ = ["TUNER_RANGE_HZ", "load_scene", "scene_ranges", "shipped_scenes"]

TUNER_RANGE_HZ = (24_000_000, 1_766_000_000)
"""What the R820T tunes (dongle.md)."""

_MAX_BYTES = 1 << 20
_HINT = "see docs/scenes.md"


def shipped_scenes() -> tuple[str, ...]:
    """Name the scenes that come with the program.

    Examples
    --------
    >>> shipped_scenes()
    ('city-office', 'meeting-room')
    """
    folder = resources.files("sweep.scene") / "scenes"
    return tuple(sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml")))


def load_scene(name: str) -> Scene:
    """Read a shipped scene by name, or a file by its path ending in ``.toml``.

    Raises
    ------
    ParameterError
        There is no such shipped scene.
    CaptureError
        The file cannot be read, or is not a valid scene; the message names the file and the key.

    Examples
    --------
    >>> load_scene("meeting-room").seed
    1
    """
    if name.endswith(".toml"):
        path = Path(name)
        return _parse(_read(path, name), name)
    if name not in shipped_scenes():
        raise ParameterError(
            f"scene {name!r} is not one of {', '.join(shipped_scenes())}; for your own give its path ending in .toml"
        )
    return _parse(_read(resources.files("sweep.scene") / "scenes" / f"{name}.toml", name), name)


def scene_ranges(scene: Scene) -> tuple[tuple[int, int], ...]:
    """Give the ranges that a scene is swept over unless the user says otherwise, in Hz."""
    return tuple(parse_range(text) for text in scene.ranges)


def _read(file: Traversable | Path, name: str) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1) if file.is_file() else None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise CaptureError(f"scene {name!r} cannot be read: {reason}; check the path") from error
    if data is None:
        raise CaptureError(f"scene {name!r} is not a regular file; give the path of a TOML file")
    if len(data) > _MAX_BYTES:
        raise CaptureError(f"scene {name!r} is larger than {_MAX_BYTES} bytes; give a scene file, {_HINT}")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CaptureError(f"scene {name!r} is not UTF-8 at byte {error.start}; save it as UTF-8") from error


def _parse(text: str, name: str) -> Scene:
    kinds = {"kind": f"the kinds are {', '.join(KINDS)}"}
    scene = parse_toml(text, Scene, name=f"scene {name!r}", hint=_HINT, choices=kinds, error_type=CaptureError)
    _check_names(scene, name)
    _check_ranges(scene, name)
    return scene


def _check_names(scene: Scene, name: str) -> None:
    seen: set[str] = set()
    for table, emitters in (("emitters", scene.emitters), ("bugs", scene.bugs)):
        for index, emitter in enumerate(emitters):
            if emitter.name in seen:
                raise CaptureError(
                    f"scene {name!r}: {table}[{index}].name: {emitter.name!r} is used twice; give every emitter its own"
                )
            if emitter.name in ("all", "none"):
                raise CaptureError(f"scene {name!r}: {table}[{index}].name: {emitter.name!r} means a choice of bugs")
            seen.add(emitter.name)


def _check_ranges(scene: Scene, name: str) -> None:
    for index, text in enumerate(scene.ranges):
        try:
            start, stop = parse_range(text)
        except ParameterError as error:
            raise CaptureError(f"scene {name!r}: ranges[{index}]: {error}") from error
        if start < TUNER_RANGE_HZ[0] or stop > TUNER_RANGE_HZ[1]:
            raise CaptureError(f"scene {name!r}: ranges[{index}]: {text!r} leaves the tuner's range of 24M:1766M")
