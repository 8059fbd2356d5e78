"""``site.toml`` and ``equipment.toml``: refused in one line where wrong, kept in the records where right."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import pytest

from dsp.errors import ParameterError
from sweep.cli.main import main
from sweep.facts.loading import EXAMPLES, load_facts, write_examples
from sweep.facts.start import equipment_in_use, start_facts
from sweep.model import Instrument
from sweep.record import SweepRecord

SITE = """\
schema = "quietroom.site/1"
name = "Head office"
client = "Example Ltd"
[room]
title = "Boardroom"
floor = "3"
[[people]]
name = "A. Smith"
role = "technician"
organisation = "Sweeps"
[[people]]
name = "B. Jones"
"""
EQUIPMENT = """\
schema = "quietroom.equipment/1"
[[receivers]]
name = "dongle 1"
serial = "SIM-meeting-room"
calibrated = 2025-03-01
calibration_due = 2026-03-01
antenna = "whip"
cables = ["cable 1"]
[[receivers]]
name = "dongle 2"
serial = "other"
[[antennas]]
name = "whip"
model = "W1"
[[antennas]]
name = "discone"
[[cables]]
name = "cable 1"
length_m = 2.0
"""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    room = tmp_path / "rooms" / "lab"
    room.mkdir(parents=True)
    return tmp_path, room


def test_the_examples_say_nothing_as_they_are(folders: tuple[Path, Path]) -> None:
    assert [path.name for path in write_examples(folders[0])] == list(EXAMPLES)
    facts = load_facts(*folders)
    assert start_facts(facts, Instrument(driver="sim", serial="A1")) == {}
    assert write_examples(folders[0]) == []  # never over what is there


def test_every_key_of_the_examples_is_valid_and_used(folders: tuple[Path, Path]) -> None:
    for path in write_examples(folders[0]):
        text = path.read_text()
        assert len(re.findall(r"^#(?! )", text, re.MULTILINE)) > 10
        path.write_text(re.sub(r"^#(?! )", "", text, flags=re.MULTILINE))
    facts = load_facts(*folders)
    assert facts.operator == "A. Smith"
    assert facts.plan.positions == ("table", "window", "door")
    told = start_facts(facts, Instrument(driver="rtlsdr", serial="A1"))
    assert [item["kind"] for item in told["equipment"]] == ["receiver", "antenna", "cable"]
    site = folders[0] / "site.toml"
    keys = set(re.findall(r"^(\w+) =", site.read_text(), re.MULTILINE))
    assert keys >= {
        "name",
        "address",
        "client",
        "reference",
        "title",
        "floor",
        "source",
        "camp_s",
        "stimuli",
        "outside",
    }


def test_a_room_says_what_differs(folders: tuple[Path, Path]) -> None:
    (folders[0] / "site.toml").write_text(SITE)
    (folders[1] / "site.toml").write_text('schema = "quietroom.site/1"\nclient = "Other"\n[room]\nfloor = "4"\n')
    told = start_facts(load_facts(*folders), Instrument(driver="sim"))
    assert told["site"] == "Head office"
    assert told["client"] == "Other"
    assert (told["room_title"], told["room_floor"]) == ("Boardroom", "4")
    assert told["people"] == ["A. Smith (technician, Sweeps)", "B. Jones"]


WRONG = {
    "unknown key": ("site.toml", 'schema = "quietroom.site/1"\nowner = "x"\n', "owner"),
    "unknown key below": ("site.toml", SITE.replace("floor", "flor"), "flor"),
    "wrong type": ("site.toml", SITE.replace('"Head office"', "7"), "name = 7: Expected `str`"),
    "wrong role": ("site.toml", SITE.replace('"technician"', '"boss"'), "people[0].role = 'boss'"),
    "wrong range": ("site.toml", SITE + '[visit]\nranges = ["4:3"]\n', "ranges"),
    "a position twice": ("site.toml", SITE + '[visit]\npositions = ["a", "a"]\n', "twice"),
    "no schema": ("site.toml", 'name = "x"\n', "schema"),
    "later schema": ("site.toml", SITE.replace("site/1", "site/2"), "schema = 'quietroom.site/2'"),
    "no TOML": ("site.toml", "name =\n", "not TOML"),
    "control characters": ("site.toml", SITE.replace("Head office", "a\\u001bb"), "name ="),
    "no date": ("equipment.toml", EQUIPMENT.replace("2025-03-01", '"soon"'), "receivers[0].calibrated = 'soon'"),
    "due before": ("equipment.toml", EQUIPMENT.replace("2026-03-01", "2024-03-01"), "before calibrated 2025-03-01"),
    "unknown antenna": ("equipment.toml", EQUIPMENT.replace('antenna = "whip"', 'antenna = "wip"'), "'wip'"),
    "unknown cable": ("equipment.toml", EQUIPMENT.replace('["cable 1"]', '["rope"]'), "'rope'"),
    "no serial": ("equipment.toml", EQUIPMENT.replace('serial = "other"', ""), "'dongle 2' has no serial"),
    "serial twice": ("equipment.toml", EQUIPMENT.replace('"other"', '"SIM-meeting-room"'), "is there twice"),
    "infinite": ("equipment.toml", EQUIPMENT.replace("2.0", "inf"), "cables[0].length_m"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused_in_one_line(case: str, folders: tuple[Path, Path]) -> None:
    name, text, says = WRONG[case]
    (folders[0] / name).write_text(text)
    with pytest.raises(ParameterError) as caught:
        load_facts(*folders)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folders[0] / name) in message
    assert says in message


def test_equipment_of_the_receiver_that_swept(folders: tuple[Path, Path]) -> None:
    (folders[0] / "equipment.toml").write_text(EQUIPMENT)
    files = load_facts(*folders).equipment
    listed = equipment_in_use(files, Instrument(driver="sim", serial="SIM-meeting-room"))
    assert [(item["kind"], item["name"]) for item in listed] == [
        ("receiver", "dongle 1"),
        ("antenna", "whip"),
        ("cable", "cable 1"),
    ]
    assert listed[0]["calibration_expired"] is True
    assert equipment_in_use(files, Instrument(driver="sim", serial="unheard of")) == []
    pair = Instrument(driver="several", receivers=tuple(Instrument(driver="r", serial=s) for s in ("other", "none")))
    assert [item["name"] for item in equipment_in_use(files, pair)] == ["dongle 2"]


def test_a_sweep_keeps_what_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--workspace", str(tmp_path), "init"]) == 0
    (tmp_path / "site.toml").write_text(SITE)
    (tmp_path / "equipment.toml").write_text(EQUIPMENT)
    sweep = ["--workspace", str(tmp_path), "sweep", "lab", "--source", "sim:meeting-room", "--range", "430M:431M"]
    main([*sweep, "--passes", "1"])
    path = next((tmp_path / "sweeps").glob("*.h5"))
    with SweepRecord.open(path) as record:
        assert record.start["operator"] == "A. Smith"
        assert record.start["equipment"][0]["calibration_due"] == "2026-03-01"
    with h5py.File(path) as file:
        assert file["entry/site"].attrs["client"] == "Example Ltd"
        assert list(file["entry/people"].attrs["people"]) == ["A. Smith (technician, Sweeps)", "B. Jones"]
        assert '"cable 1"' in file["entry/instrument"].attrs["equipment"]
    main(["--workspace", str(tmp_path), "report", str(path), "--html"])
    page = (tmp_path / "reports" / f"{path.stem}.html").read_text()
    for words in (
        "Example Ltd",
        "dongle 1",
        "2026-03-01: EXPIRED",
        "whip W1",
        "Checks that are not radio",
        "not recorded",
    ):
        assert words in page
    (tmp_path / "site.toml").write_text(SITE.replace("client", "clients"))
    capsys.readouterr()
    assert main(sweep) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "site.toml" in err and "clients" in err
    assert len(list((tmp_path / "sweeps").iterdir())) == 1
