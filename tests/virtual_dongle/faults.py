"""What can be wrong with a dongle, fault by fault, and how a sweep with it must end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from .scene import Dongle, Emitter, Scene

__all__ = ["FAULTS", "PASSES", "RANGE", "ROOM", "Ending", "Fault", "complaints", "spoiled"]

RANGE, PASSES = "85M:101M", 5
_STATIONS = tuple(
    Emitter(kind="fm", freq_hz=freq_mhz * 1e6, level_dbfs=-24, bandwidth_hz=75e3) for freq_mhz in (89.1, 94.4, 98.3)
)
ROOM = Scene(emitters=_STATIONS, dongles=(Dongle(serial="Q1"),), spur_dbfs=-50.0)
_BUG_HZ = 91.3e6
_BUG = Emitter(kind="fm", freq_hz=_BUG_HZ, level_dbfs=-45, bandwidth_hz=5e3)

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
    words: str
    ends: Ends
    hidden_by: frozenset[str] = frozenset()


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
    for fault in sorted(faults, key=lambda one: one.name == "no dongle"):  # with it nothing else can be changed
        scene = fault.spoil(scene, reads)
    return scene


def complaints(faults: Sequence[Fault], ending: Ending) -> list[str]:
    """What is not right about an ending."""
    names = {fault.name for fault in faults}
    wanted = [fault for fault in faults if fault.words and not fault.hidden_by & names]
    ends = {fault.ends for fault in faults}
    if "error" in ends:
        wrong = [] if ending.code == 2 and ending.document is None else [f"exit {ending.code}, not 2"]
        any_said = any(fault.words in ending.said for fault in faults if fault.ends == "error")
        return wrong + ([] if any_said and "Traceback" not in ending.said else [f"said {ending.said!r}"])
    if ending.document is None:
        return [f"exit {ending.code} without a document: {ending.said}"]
    verdict, reasons = ending.document["verdict"], ending.document["reasons"]
    right = {"inconclusive": 3, "anomalies": 0}
    expected = "inconclusive" if "inconclusive" in ends else "anomalies"
    wrong = [] if verdict == expected and ending.code == right[verdict] else [f"{verdict} (exit {ending.code})"]
    if expected == "anomalies" and not _found(ending.document):
        wrong.append("the bug was not found")
    wrong += [f"{fault.words!r} was not said" for fault in wanted if not any(fault.words in one for one in reasons)]
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
_STUCK = frozenset({"stuck"})

FAULTS = (
    Fault(name="no dongle", spoil=_scene(dongles=()), words="no RTL-SDR dongle was found", ends="error"),
    Fault(name="busy", spoil=_dongle(busy=True), words="it is in use; close the other program", ends="error"),
    Fault(name="dc", spoil=_scene(dc_dbfs=-6), words="(dc)", ends="inconclusive"),
    Fault(name="image", spoil=_scene(image_db=10), words="(image)", ends="inconclusive"),
    Fault(name="clipping", spoil=_scene(noise_dbfs_hz=-68.0), words="(clipping)", ends="inconclusive"),
    Fault(name="dead input", spoil=_scene(noise_dbfs_hz=-130.0), words="(noise rise)", ends="inconclusive"),
    Fault(name="stale", spoil=_scene(stale_samples=240_000), words="(lock after retune)", ends="inconclusive"),
    Fault(name="ppm", spoil=_dongle(ppm=90), words="(frequency)", ends="inconclusive"),
    Fault(
        name="drops", spoil=_dongle(drop_every_reads=1, drop_samples=999), words="(sample loss)", ends="inconclusive"
    ),
    Fault(name="stuck", spoil=_dongle(stuck_after_reads=20), words="(samples): stuck", ends="inconclusive"),
    Fault(
        name="refused",
        spoil=_dongle(refuse_start_hz=96e6, refuse_stop_hz=100e6),
        words="(tuning range)",
        ends="inconclusive",
    ),
    Fault(name="same serial", spoil=_twice, words="rtl_eeprom -d 1 -s SERIAL", ends="inconclusive"),
    Fault(name="unplugged", spoil=_dongle(after="unplug_after_reads"), words="it was unplugged", ends="inconclusive"),
    Fault(name="hangs", spoil=_dongle(after="hang_after_reads"), words="gave nothing for", ends="inconclusive"),
    Fault(name="stuck later", spoil=_dongle(after="stuck_after_reads"), words=_LATER, ends="inconclusive"),
    Fault(name="repeats later", spoil=_dongle(after="repeat_after_reads"), words=_LATER, ends="inconclusive"),
    Fault(
        name="deaf later",
        spoil=_dongle(after="deaf_after_reads"),
        words="the receiver went deaf there",
        ends="inconclusive",
    ),
    Fault(
        name="drift",
        spoil=_dongle(after="drift_after_reads", margin=0, drift_ppm=0.6),
        words="the crystal drifted while it swept",
        ends="inconclusive",
    ),
    Fault(
        name="gain drift",
        spoil=_dongle(after="drift_after_reads", margin=0, drift_db=0.08),
        words="the noise floor of all hops moved by +",
        ends="as without",
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
