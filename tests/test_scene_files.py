"""Scene files: the shipped ones, and every way in which one's own can be wrong."""

from __future__ import annotations

import copy
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsp.errors import CaptureError, ParameterError, QuietroomError
from sweep.scene.emitters import kind_of
from sweep.scene.loading import load_scene, scene_ranges, shipped_scenes
from sweep.scene.schema import BUG_KINDS, KINDS, Scene

SMALL = """\
schema = "quietroom.scene/1"
title = "Small"
start = 2026-03-02T09:00:00Z
ranges = ["430M:440M"]

[[emitters]]
name = "voice"
kind = "nfm"
center_freq_hz = 433_500_000
power_dbfs = -40.0
"""


def load(folder: Path, text: str | bytes) -> Scene:
    path = folder / "own.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_scene(str(path))


@pytest.mark.parametrize("name", ["meeting-room", "city-office"])
def test_shipped_scenes_have_every_bug_and_stay_within_the_tuner(name: str) -> None:
    scene = load_scene(name)
    assert sorted(bug.name for bug in scene.bugs) == sorted(f"{kind}-bug" for kind in BUG_KINDS)
    for bug in scene.bugs:
        assert kind_of(bug) == bug.name.removesuffix("-bug")
        assert bug.snr_db is not None
        assert 8 <= bug.snr_db <= 20
        assert isinstance(bug.center_freq_hz, int)
        assert any(low <= bug.center_freq_hz <= high for low, high in scene_ranges(scene))


def test_the_city_is_dense() -> None:
    scene = load_scene("city-office")
    assert scene_ranges(scene) == ((24_000_000, 1_766_000_000),)
    count: dict[str, int] = {}
    for emitter in scene.emitters:
        size = 1 if isinstance(emitter.center_freq_hz, int) else len(emitter.center_freq_hz)
        count[kind_of(emitter)] = count.get(kind_of(emitter), 0) + size
    assert count["wfm"] >= 20
    assert min(count["nfm"], count["tetra"], count["dmr"], count["srd"]) >= 20
    assert {"ofdm", "gsm", "carrier"} <= set(count)


def test_scenes_are_package_data() -> None:
    folder = resources.files("sweep.scene") / "scenes"
    assert {item.name for item in folder.iterdir()} == {f"{name}.toml" for name in shipped_scenes()}


def test_a_small_scene_gets_the_defaults(tmp_path: Path) -> None:
    scene = load(tmp_path, SMALL)
    assert scene.emitters[0].duty == 1
    assert scene.receiver.gain_db == 28
    assert scene_ranges(scene) == ((430_000_000, 440_000_000),)


WRONG = {
    "unknown key": (SMALL + "loudness = 3\n", "emitters[0]", "loudness"),
    "unknown table": (SMALL + "[weather]\nrain = true\n", "weather", "unknown"),
    "unknown kind": (SMALL.replace('"nfm"', '"am"'), "emitters[0].kind", "nfm, carrier, tetra"),
    "no kind": (SMALL.replace('kind = "nfm"\n', ""), "emitters[0]", "kind"),
    "wrong type": (SMALL.replace("-40.0", '"loud"'), "emitters[0].power_dbfs", "str"),
    "above full scale": (SMALL.replace("-40.0", "3.0"), "emitters[0].power_dbfs", "<= 0"),
    "not a number": (SMALL.replace("-40.0", "nan"), "emitters[0].power_dbfs", "nan"),
    "infinite": (SMALL.replace("-40.0", "-inf"), "emitters[0].power_dbfs", "inf"),
    "huge integer": (SMALL.replace("433_500_000", "9" * 40), "emitters[0].center_freq_hz", ""),
    "fractional frequency": (SMALL.replace("433_500_000", "433.5e6 + 0.5"), "", "TOML"),
    "frequency too low": (SMALL.replace("433_500_000", "433"), "emitters[0].center_freq_hz", ">= 1000000"),
    "no level": (SMALL.replace("power_dbfs = -40.0", ""), "emitters[0]", "exactly one of power_dbfs and snr_db"),
    "two levels": (SMALL + "snr_db = 3.0\n", "emitters[0]", "exactly one of power_dbfs and snr_db"),
    "bad name": (SMALL.replace('"voice"', '"a voice"'), "emitters[0].name", "matching"),
    "reserved name": (SMALL.replace('"voice"', '"all"'), "emitters[0].name", "choice of bugs"),
    "name twice": (SMALL + SMALL[SMALL.index("[[") :].replace("emitters", "bugs"), "bugs[0].name", "used twice"),
    "no time zone": (SMALL.replace("00:00Z", "00:00"), "start", "timezone"),
    "time before radio": (SMALL.replace("2026-", "1026-"), "start", "1971"),
    "bad range": (SMALL.replace("430M:440M", "430M-440M"), "ranges[0]", "no colon"),
    "range outside": (SMALL.replace("430M:440M", "1M:440M"), "ranges[0]", "24M:1766M"),
    "no range": (SMALL.replace('"430M:440M"', ""), "ranges", "length"),
    "other schema": (SMALL.replace("scene/1", "scene/9"), "schema", "scene/9"),
    "negative seed": ("seed = -1\n" + SMALL, "seed", ">= 0"),
    "gain": (SMALL + "[receiver]\ngain_db = 99.0\n", "receiver.gain_db", "<= 50"),
    "burst longer than its period": (
        SMALL.replace('"nfm"', '"ook"') + "period_s = 1.0\nburst_s = 2.0\n",
        "emitters[0]",
        "burst_s 2.0",
    ),
    "packets longer than their period": (SMALL.replace('"nfm"', '"srd"') + "period_s = 0.1\n", "emitters[0]", "0.1"),
    "not TOML": ("schema = = 1", "", "line 1"),
    "nested": ("a = " + "[" * 100_000 + "]" * 100_000, "", ""),
    "not UTF-8": (b"title = '\xff'", "", "UTF-8"),
    "too large": (b"#" * (1 << 20) + b"\n", "", "larger"),
    "empty": ("", "", "schema"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_scene_is_refused_in_one_line_that_names_file_and_key(case: str, tmp_path: Path) -> None:
    text, key, says = WRONG[case]
    with pytest.raises(CaptureError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert "own.toml" in message
    assert key in message
    assert says in message


@pytest.mark.parametrize("path", ["missing.toml", "folder.toml", "nul\0.toml", ".toml"])
def test_what_is_no_file_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(CaptureError) as caught:
        load_scene(str(tmp_path / path))
    assert "\n" not in str(caught.value)


def test_an_unknown_shipped_scene_is_refused_with_the_names() -> None:
    with pytest.raises(ParameterError, match="city-office, meeting-room"):
        load_scene("castle")


def _paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += _paths(item, (*at, key))
    return found


def _toml(value: Any) -> str:
    """Write a document as inline TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {_toml(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return str(value.isoformat())


DOCUMENT = tomllib.loads((resources.files("sweep.scene") / "scenes" / "meeting-room.toml").read_text())
PATHS = _paths(DOCUMENT)
VALUES = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.booleans(),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    st.just([]),
    st.just({}),
    st.just([{}]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(PATHS), value=VALUES, remove=st.booleans())
def test_a_damaged_scene_loads_or_is_refused_in_one_line(
    path: tuple[Any, ...], value: Any, remove: bool, tmp_path: Path
) -> None:
    document = copy.deepcopy(DOCUMENT)
    place = document
    for key in path[:-1]:
        place = place[key]
    if remove:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    text = "\n".join(f"{key} = {_toml(item)}" for key, item in document.items())
    try:
        scene = load(tmp_path, text)
    except QuietroomError as error:
        assert "\n" not in str(error)
        assert "own.toml" in str(error)
    else:
        assert all(kind_of(emitter) in KINDS for emitter in scene.emitters)
