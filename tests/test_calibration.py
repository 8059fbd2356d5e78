"""Profiles of dongles: measured through the virtual dongle, named in records, dBm only where and while they hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from virtual_dongle.scene import Dongle, Emitter, Scene

from baselines.judge import make_judge
from dsp.errors import ParameterError
from sweep.calibration.profile import Absolute, DongleProfile, Gains, find_profile, keep_profile
from sweep.calibration.telling import calibration_facts
from sweep.cli.main import main
from sweep.health.losses import judged_instrument
from sweep.looks import StoredLooks
from sweep.model import Instrument
from sweep.record import SweepRecord

PlugIn = Callable[[Scene], dict[str, str]]
CARRIER_HZ, LEVEL_DBFS, PPM = 433_920_000, -30.0, 31.7
SCENE = Scene(dongles=(Dongle(serial="A1", ppm=PPM),), emitters=(Emitter(freq_hz=CARRIER_HZ, level_dbfs=LEVEL_DBFS),))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KNOWN = Absolute(
    measured=NOW, at_hz=CARRIER_HZ, gain_db=28.0, level_dbm=-40.0, level_dbfs=-30.0, expires=date(2027, 3, 1)
)
PROFILE = DongleProfile(
    schema="quietroom.dongle/1",
    serial="A1",
    made=NOW,
    software="quietroom 0",
    synthetic=False,
    driver="rtlsdr",
    absolute=(KNOWN,),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert main(["--workspace", str(tmp_path), "init"]) == 0
    return tmp_path


def run(workspace: Path, *words: str) -> dict[str, Any]:
    out = workspace / "out.json"
    assert main(["--workspace", str(workspace), *words, "--json", str(out)]) == 0
    document: dict[str, Any] = json.loads(out.read_text())
    return document


def test_a_dongle_is_calibrated_and_its_sweeps_say_so(
    workspace: Path, virtual_dongle: PlugIn, capsys: pytest.CaptureFixture[str]
) -> None:
    virtual_dongle(SCENE)
    signal = (
        "--range",
        "433M:435M",
        "--carrier",
        str(CARRIER_HZ),
        "--level=-40dBm",
        "--at",
        str(CARRIER_HZ),
        "--gains",
    )
    told = run(workspace, "calibrate", *signal)
    profile = told["profile"]
    assert profile["frequency"]["ppm"] == pytest.approx(PPM, abs=0.2)
    assert profile["absolute"][0]["level_dbfs"] == pytest.approx(LEVEL_DBFS, abs=0.3)
    gains = profile["gains"]
    assert gains["method"] == "carrier"
    reference = gains["reference_gain_db"]
    assert len(gains["gain_db"]) > 8
    for gain_db, relative_db in zip(gains["gain_db"], gains["relative_db"], strict=True):
        assert relative_db == pytest.approx(gain_db - reference, abs=0.5)
    assert find_profile(workspace, "A1") is not None
    assert "sweep with --ppm 32" in capsys.readouterr().out

    sweep = ("sweep", "lab", "--range", "433M:434.5M", "--passes", "3")
    found = next(f for f in run(workspace, *sweep, "--ppm", "32")["findings"] if f["snr_db"] > 15)
    assert found["center_freq_hz"] == pytest.approx(CARRIER_HZ, abs=1500)  # the correction has the right sign
    assert found["power_dbm"] == pytest.approx(-40.0, abs=1.0)
    with SweepRecord.open(next((workspace / "sweeps").glob("*.h5"))) as record:
        kept = record.start["calibration"][0]
        assert (kept["profile"], kept["sha256"]) == (told["id"], told["sha256"])
        name = record.path.stem
    assert main(["--workspace", str(workspace), "report", name, "--html"]) == 0
    page = (workspace / "reports" / f"{name}.html").read_text()
    assert told["sha256"] in page
    assert " dBm)" in page
    capsys.readouterr()
    run(workspace, *sweep)
    assert "the profile of A1 says +31.7 ppm; sweep with --ppm" in capsys.readouterr().err


def test_floor_and_lines_without_an_antenna(workspace: Path, virtual_dongle: PlugIn) -> None:
    lines = (432_000_000, 437_003_000)
    virtual_dongle(
        Scene(dongles=(Dongle(serial="A1"),), emitters=tuple(Emitter(freq_hz=hz, level_dbfs=-50) for hz in lines))
    )
    terminated = run(workspace, "calibrate", "--terminated", "--range", "430M:440M")["profile"]["terminated"]
    heard = dict(zip(terminated["spur_freq_hz"], terminated["spur_dbfs"], strict=True))
    for line in lines:
        near = [hz for hz in heard if abs(hz - line) <= 2500]
        assert len(near) == 1
        assert heard[near[0]] == pytest.approx(-50, abs=2)
    assert len(heard) < 5
    assert len(terminated["center_freq_hz"]) == len(terminated["floor_dbfs"]) == 6
    assert max(terminated["floor_dbfs"]) - min(terminated["floor_dbfs"]) < 1


def test_measuring_again_keeps_the_other_parts(workspace: Path, virtual_dongle: PlugIn) -> None:
    virtual_dongle(SCENE)
    keep_profile(workspace, PROFILE)
    profile = run(workspace, "calibrate", "--carrier", str(CARRIER_HZ), "--range", "433M:435M")["profile"]
    assert profile["absolute"][0]["level_dbm"] == -40
    assert profile["frequency"]["carrier_hz"] == CARRIER_HZ
    assert len(list((workspace / "dongles" / "A1").iterdir())) == 2  # the earlier one is still there


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--carrier", "440M"], "no carrier within 150 ppm of 440 MHz"),
        (["--level=-40", "--at", "440M"], "is not heard well enough"),
        (["--level=-40"], "give both --level and --at"),
        ([], "say what to measure"),
        (["--terminated", "--carrier", "100M"], "one after the other"),
        (["--source", "rtlsdr:7", "--terminated"], "there is no dongle 7"),
    ],
)
def test_what_cannot_be_measured_is_no_profile(
    words: list[str], says: str, workspace: Path, virtual_dongle: PlugIn, capsys: pytest.CaptureFixture[str]
) -> None:
    virtual_dongle(SCENE)
    assert main(["--workspace", str(workspace), "calibrate", "--range", "433M:441M", *words]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert err.count("\n") == 1
    assert not (workspace / "dongles").exists()


def test_a_profile_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    stored = keep_profile(tmp_path, PROFILE)
    again = find_profile(tmp_path, "A1")
    assert again == stored
    assert stored.profile == PROFILE
    assert find_profile(tmp_path, "B2") is None
    assert find_profile(tmp_path, "../A1") is None


def test_an_expired_level_gives_no_dbm(tmp_path: Path) -> None:
    keep_profile(tmp_path, PROFILE)
    instrument = Instrument(driver="rtlsdr", serial="A1", gain_db=28.0)
    (holds,) = calibration_facts(tmp_path, instrument, date(2027, 3, 1))
    assert holds["absolute"][0]["offset_db"] == -10
    (over,) = calibration_facts(tmp_path, instrument, date(2027, 3, 1) + timedelta(days=1))
    assert over["absolute"] == []
    assert over["expired"] == ["2027-03-01"]
    (other,) = calibration_facts(tmp_path, Instrument(driver="rtlsdr", serial="A1", gain_db=19.7), date(2026, 4, 1))
    assert (other["absolute"], other["expired"]) == ([], [])


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('serial = "A1"', 'serial = "B2"', "serial = 'B2', in the folder of 'A1'"),
        ("level_dbm = -40.0", 'level_dbm = "loud"', "absolute[0].level_dbm = 'loud'"),
        ("synthetic = false", "synthetic = false\nextra = 1", "extra"),
        ("level_dbfs = -30.0", "level_dbfs = nan", "not a finite number"),
    ],
)
def test_a_changed_profile_is_refused(tmp_path: Path, before: str, after: str, says: str) -> None:
    path = keep_profile(tmp_path, PROFILE).path
    path.write_text(path.read_text().replace(before, after))
    with pytest.raises(ParameterError) as caught:
        find_profile(tmp_path, "A1")
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_parts_check_themselves() -> None:
    gains = {"measured": NOW, "method": "noise", "at_hz": 1, "reference_gain_db": 1.0, "gain_db": [1.0]}
    with pytest.raises(msgspec.ValidationError, match="lengths that do not fit"):
        msgspec.convert({**gains, "relative_db": []}, Gains)


def test_a_line_of_the_profile_is_the_receivers_own_and_said_so(workspace: Path, virtual_dongle: PlugIn) -> None:
    line_hz, stronger_hz, new_hz = 436_004_000, 431_403_000, 434_200_000
    own = [Emitter(freq_hz=hz, level_dbfs=-50) for hz in (line_hz, stronger_hz)]
    virtual_dongle(Scene(dongles=(Dongle(serial="A1"),), emitters=tuple(own)))
    profile = run(workspace, "calibrate", "--terminated", "--range", "430M:440M")
    risen = Emitter(freq_hz=stronger_hz, level_dbfs=-38)
    on_air = (own[0], risen, Emitter(freq_hz=new_hz, level_dbfs=-50))
    virtual_dongle(Scene(dongles=(Dongle(serial="A1"),), emitters=on_air))
    name = run(workspace, "sweep", "lab", "--range", "430M:440M", "--passes", "3")["record"]
    with SweepRecord.open(Path(name)) as record:
        judged = record.judgement.document
        judge = make_judge(None)
        told = judged_instrument(record.start, record.gaps, record.layout.n_hops, record.n_rows, record.notes)
        again = judge(record.layout, record.rows, told, StoredLooks(record.looks)).document
        table = {"gain_db": [22.9, 28.0], "relative_db": [-4.0, 0.0]}  # a step that is not what it is called
        told["profiles"] = [{**told["profiles"][0], "gains": table}]
        stepped = judge(record.layout, record.rows, told, StoredLooks(record.looks)).document

    def outcome(document: Any, listed: str, freq_hz: int, name: str = "own_line") -> dict[str, Any]:
        (one,) = [one for one in document[listed] if abs(one["center_freq_hz"] - freq_hz) < 5000]
        test: dict[str, Any] = next(test for test in one["artefact_tests"] if test["test"] == name)
        return test

    test = outcome(judged, "rejected_candidates", line_hz)
    assert test["passed"] is False
    assert "from a line at 436.005 MHz that the receiver makes itself: -50" in test["reason"]
    assert f"dBFS without an antenna (profile {profile['id']})" in test["reason"]
    assert outcome(judged, "findings", stronger_hz)["reason"].endswith("but 12 dB stronger now")
    assert outcome(judged, "findings", new_hz)["reason"].endswith("of the receiver's own: it is another")
    assert "for 5.1 dB less gain" in outcome(judged, "findings", stronger_hz, "gain_step")["reason"]
    step = outcome(stepped, "findings", stronger_hz, "gain_step")
    assert "for 4.0 dB less gain" in step["reason"]
    assert again["rejected_candidates"] == judged["rejected_candidates"], "the lines are in the record"
