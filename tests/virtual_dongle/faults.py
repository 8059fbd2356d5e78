"""What can be wrong with a dongle, fault by fault, and how a sweep with it must end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from .scene import Dongle, Emitter, Scene

__all__ = ["FAULTS", "PASSES", "RANGE", "ROOM", "Ending", "Fault", "are_apart", "complaints", "spoiled"]

RANGE, PASSES = "85M:101M", 5
_STATIONS = tuple(
    Emitter(kind="fm", freq_hz=freq_mhz * 1e6, level_dbfs=-24, bandwidth_hz=75e3) for freq_mhz in (89.1, 94.4, 98.3)
)
ROOM = Scene(emitters=_STATIONS, dongles=(Dongle(serial="Q1"),), spur_dbfs=-50.0)
_BUG_HZ = 91.3e6
_BUG = Emitter(kind="fm", freq_hz=_BUG_HZ, level_dbfs=-45, bandwidth_hz=5e3)

_LAST = ("same serial", "no dongle")
"""Put in after all others: what copies the dongle, and what takes it away."""

Ends = Literal["error", "inconclusive", "as without"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes
    ----------
    name : str
    spoil : callable
        Puts the fault into a scene; told after how many reads of the dongle the sweep itself has begun.
    words : str
        What must be said; empty where nothing needs to be.
    ends : str
        ``error``: the command refuses in a line; ``inconclusive``; ``as without``: the tool copes, and a planted bug is
        found all the same.
    hidden_by : frozenset of str
        Faults with which this one cannot be told.
    """

    name: str
    spoil: Callable[[Scene, int], Scene]
    words: str | tuple[str, ...]
    ends: Ends
    hidden_by: frozenset[str] = frozenset()

    def is_said_in(self, texts: Sequence[str]) -> bool:
        """Whether its words, or some of them where there are several, are in one of the texts."""
        wanted = (self.words,) if isinstance(self.words, str) else self.words
        return any(words in text for words in wanted for text in texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a sweep ended: exit code, what it said on standard error, and its findings JSON where there is one."""

    code: int
    said: str
    document: dict[str, Any] | None


def spoiled(faults: Sequence[Fault], reads: int, *, with_bug: bool | None = None) -> Scene:
    """The room with some faults; by default with a bug where all of them must leave it to be found."""
    if with_bug is None:
        with_bug = all(fault.ends == "as without" for fault in faults)
    scene = replace(ROOM, seed=9, emitters=(*_STATIONS, *((_BUG,) if with_bug else ())))
    for fault in sorted(faults, key=lambda one: _LAST.index(one.name) if one.name in _LAST else -1):
        scene = fault.spoil(scene, reads)
    return scene


def are_apart(one: Fault, other: Fault) -> bool:
    """Whether two faults can be there at once, and are not two sizes of one."""
    if not {one.name, other.name}.isdisjoint(_LAST):
        return True
    return one.spoil(other.spoil(ROOM, 0), 0) == other.spoil(one.spoil(ROOM, 0), 0)


def complaints(faults: Sequence[Fault], ending: Ending) -> list[str]:
    """What is not right about an ending."""
    names = {fault.name for fault in faults}
    wanted = [fault for fault in faults if fault.words and not fault.hidden_by & names]
    ends = {fault.ends for fault in faults}
    if "error" in ends:
        wrong = [] if ending.code == 2 and ending.document is None else [f"exit {ending.code}, not 2"]
        any_said = any(fault.is_said_in([ending.said]) for fault in faults if fault.ends == "error")
        return wrong + ([] if any_said and "Traceback" not in ending.said else [f"said {ending.said!r}"])
    if ending.document is None:
        return [f"exit {ending.code} without a document: {ending.said}"]
    verdict, reasons = ending.document["verdict"], ending.document["reasons"]
    right = {"inconclusive": 3, "anomalies": 0}
    expected = "inconclusive" if "inconclusive" in ends else "anomalies"
    wrong = [] if verdict == expected and ending.code == right[verdict] else [f"{verdict} (exit {ending.code})"]
    if expected == "anomalies" and not _found(ending.document):
        wrong.append("the bug was not found")
    wrong += [f"{fault.words!r} was not said" for fault in wanted if not fault.is_said_in(reasons)]
    return wrong


def _found(document: dict[str, Any]) -> bool:
    return any(abs(finding["center_freq_hz"] - _BUG_HZ) < 10_000 for finding in document["findings"])


def _scene(**changes: Any) -> Callable[[Scene, int], Scene]:
    return lambda scene, _: replace(scene, **changes)


def _dongle(*, after: str = "", margin: int = 12, **changes: Any) -> Callable[[Scene, int], Scene]:
    """Change the first dongle; ``after`` names what begins so many reads after the sweep did."""

    def spoil(scene: Scene, reads: int) -> Scene:
        begun = {after: reads + margin} if after else {}
        first, *others = scene.dongles
        return replace(scene, dongles=(replace(first, **changes, **begun), *others))

    return spoil


def _twice(scene: Scene, _: int) -> Scene:
    return replace(scene, dongles=(scene.dongles[0], scene.dongles[0]))


_LATER = "gives the same samples again and again"
_GONE = ("it was unplugged", "is not there; plug it in again")
_STUCK = frozenset({"stuck"})  # from the beginning: nothing else that rests on samples is looked at
_DEAF_CLIPPED = _STUCK | {"dead input", "clipping"}  # there is only noise, or only what it saturates with

FAULTS = (
    Fault(name="no dongle", spoil=_scene(dongles=()), words="no RTL-SDR dongle was found", ends="error"),
    Fault(name="busy", spoil=_dongle(busy=True), words="it is in use; close the other program", ends="error"),
    Fault(name="dc", spoil=_scene(dc_dbfs=-6), words="(dc)", ends="inconclusive", hidden_by=_STUCK),
    Fault(name="image", spoil=_scene(image_db=10), words="(image)", ends="inconclusive", hidden_by=_STUCK),
    Fault(
        name="clipping",
        spoil=_scene(noise_dbfs_hz=-68.0),
        words="(clipping)",
        ends="inconclusive",
        hidden_by=_STUCK | {"dead input"},
    ),
    Fault(
        name="dead input",
        spoil=_scene(noise_dbfs_hz=-130.0),
        words="(noise rise)",
        ends="inconclusive",
        hidden_by=_STUCK,
    ),
    Fault(
        name="stale",
        spoil=_scene(stale_samples=240_000),
        words="(lock after retune)",
        ends="inconclusive",
        hidden_by=_DEAF_CLIPPED,
    ),
    Fault(name="ppm", spoil=_dongle(ppm=90), words="(frequency)", ends="inconclusive", hidden_by=_DEAF_CLIPPED),
    Fault(
        name="drops", spoil=_dongle(drop_every_reads=1, drop_samples=999), words="(sample loss)", ends="inconclusive"
    ),
    Fault(name="stuck", spoil=_dongle(stuck_after_reads=20), words="(samples): stuck", ends="inconclusive"),
    Fault(
        name="refused",
        spoil=_dongle(refuse_start_hz=96e6, refuse_stop_hz=100e6),
        words="(tuning range)",
        ends="inconclusive",
        hidden_by=_STUCK,
    ),
    Fault(name="same serial", spoil=_twice, words="rtl_eeprom -d 1 -s SERIAL", ends="inconclusive"),
    Fault(name="unplugged", spoil=_dongle(after="unplug_after_reads"), words=_GONE, ends="inconclusive"),
    Fault(name="hangs", spoil=_dongle(after="hang_after_reads"), words="gave nothing for", ends="inconclusive"),
    Fault(name="stuck later", spoil=_dongle(after="stuck_after_reads"), words=_LATER, ends="inconclusive"),
    Fault(name="repeats later", spoil=_dongle(after="repeat_after_reads"), words=_LATER, ends="inconclusive"),
    Fault(
        name="deaf later",
        spoil=_dongle(after="deaf_after_reads"),
        words="the receiver went deaf there",
        ends="inconclusive",
        hidden_by=_DEAF_CLIPPED,
    ),
    Fault(
        name="drift",
        spoil=_dongle(after="drift_after_reads", margin=0, drift_ppm=0.6),
        words="the crystal drifted while it swept",
        ends="inconclusive",
        hidden_by=_DEAF_CLIPPED,
    ),
    Fault(
        name="gain drift",
        spoil=_dongle(after="drift_after_reads", margin=0, drift_db=0.08),
        words="the noise floor of all hops moved by +",
        ends="as without",
        hidden_by=_DEAF_CLIPPED,
    ),
    Fault(
        name="unplugged for a moment",
        spoil=_dongle(after="unplug_after_reads", replug_after_tries=2),
        words="",
        ends="as without",
    ),
    Fault(name="factory serial", spoil=_dongle(serial="00000001"), words="", ends="as without"),
    Fault(name="slow retunes", spoil=_scene(retune_s=0.003), words="", ends="as without"),
    Fault(name="stale for a moment", spoil=_scene(stale_samples=20_000), words="", ends="as without"),
    Fault(name="some ppm", spoil=_dongle(ppm=30), words="", ends="as without"),
    Fault(name="stronger spurs", spoil=_scene(spur_dbfs=-45.0), words="", ends="as without"),
    Fault(name="intermodulation", spoil=_scene(ip3_dbfs=-12.0), words="", ends="as without"),
    Fault(name="roll-off", spoil=_scene(rolloff_edge=0.7, rolloff_db=20.0), words="", ends="as without"),
)
