"""The history of a room over simulated visits: what each says of an emitter, and what it must not say."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_records import document, finding
from rows import make_row, make_start

from baselines.association import Places, pairs_of
from baselines.chronicle import EmitterTold, RoomChronicle, read_room
from baselines.disposition import mark
from dsp.errors import ParameterError
from reports.history.document import compose_history
from reports.history.export import history_document
from sweep.cli.main import main
from sweep.journal import JournalWriter
from sweep.model import Judgement
from sweep.packing import pack
from sweep.plan import plan_hops
from sweep.units import iso_utc, parse_utc
from sweep.workspace import Workspace

OLD = Path(__file__).parent / "old"
LOW, HIGH = (100_000_000, 101_000_000), (433_000_000, 434_000_000)
PAGER_HZ, BUG_HZ = 100_600_000, 433_920_000


def hold_visit(
    sweeps: Path,
    day: int,
    heard: dict[int, float],
    *,
    ranges: tuple[tuple[int, int], ...] = (LOW, HIGH),
    room: str = "lab",
    listed: list[dict[str, Any]] | None = None,
    unconfirmed: list[dict[str, Any]] | None = None,
    in_baseline: tuple[int, ...] = (),
    baseline: str | None = None,
    serial: str = "1",
    position: str = "table",
    hour: int = 9,
) -> Path:
    """Write a record of one sweep: frequencies in Hz with their levels over the noise in dB; by default all listed."""
    plan = plan_hops(ranges, gain_db=28.0)
    layout = plan.layout()
    begun_ns = parse_utc(f"2026-03-{day:02d}T{hour:02d}:00:00Z")
    path = sweeps / f"{room}-202603{day:02d}T{hour:02d}0000Z.h5"
    start = make_start(plan, room=room, position=position, start_time=iso_utc(begun_ns), record_id=path.stem)
    start["instrument"] = {**start["instrument"], "serial": serial}
    rng = np.random.default_rng(day)
    power = np.zeros(layout.n_bins)
    for center_hz, level_db in heard.items():
        power[np.abs(layout.freq_hz - center_hz) <= 6000] = level_db
    default = [finding(f"F{k}", hz, "medium", power_dbfs=-60 + level) for k, (hz, level) in enumerate(heard.items(), 1)]
    spans = [
        (layout.freq_hz[hop * layout.hop_bins], layout.freq_hz[(hop + 1) * layout.hop_bins - 1])
        for hop in range(layout.n_hops)
    ]
    entry = document()["coverage"][0]
    judged = document(
        findings=default if listed is None else listed,
        unconfirmed=unconfirmed or [],
        coverage=[{**entry, "start_hz": round(low) - 1250, "stop_hz": round(high) + 1250} for low, high in spans],
        baseline=baseline,
    )
    floor = np.full(layout.n_bins, -60, np.float32)
    known = floor.copy()
    for center_hz in in_baseline:
        known[np.abs(layout.freq_hz - center_hz) <= 6000] += 20
    with JournalWriter.create(path.with_suffix(".journal"), start, layout) as writer:
        for number in range(3):
            mean = np.rint(rng.normal(-6000, 40, layout.n_bins) + 100 * power).astype(np.int16)
            row = make_row(number, layout)
            moved_ns = begun_ns + number * 10**9 - row.utc_ns
            row = replace(row, utc_ns=row.utc_ns + moved_ns, hop_utc_ns=row.hop_utc_ns + moved_ns)
            writer.append_row(replace(row, mean=mean, max_hold=mean + np.int16(700)))
        writer.sync()
        writer.finish_with(
            Judgement(document=judged, noise_floor_dbfs=floor, baseline_dbfs=known if baseline else None),
            end_time=iso_utc(begun_ns + 60 * 10**9),
        )
    pack(path.with_suffix(".journal"), path)
    return path


def states(chronicle: RoomChronicle) -> dict[int, list[str]]:
    """What each visit says of the emitter nearest to each MHz."""
    return {round(one.center_freq_hz / 1e4): [sight.state for sight in one.sights] for one in chronicle.emitters}


def changes(emitter: EmitterTold) -> list[tuple[int, str]]:
    return [(change.visit, change.kind) for change in emitter.changes]


def test_what_appears_vanishes_and_returns(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {PAGER_HZ: 20})
    hold_visit(tmp_path, 2, {PAGER_HZ: 20, BUG_HZ: 15})
    hold_visit(tmp_path, 3, {PAGER_HZ: 20})
    hold_visit(tmp_path, 4, {PAGER_HZ: 20, BUG_HZ: 15})
    chronicle = read_room(tmp_path, "lab", 0)
    assert states(chronicle) == {10060: ["seen"] * 4, 43392: ["not_heard", "seen", "not_heard", "seen"]}
    pager, bug = chronicle.emitters
    assert changes(pager) == []
    assert changes(bug) == [(1, "appeared"), (2, "vanished"), (3, "returned")]


def test_a_visit_that_did_not_measure_the_band_says_so(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {}, ranges=(LOW,))
    hold_visit(tmp_path, 2, {BUG_HZ: 15})
    hold_visit(tmp_path, 3, {}, ranges=(LOW,))
    chronicle = read_room(tmp_path, "lab", 0)
    assert states(chronicle) == {43392: ["not_measured", "seen", "not_measured"]}
    assert changes(chronicle.emitters[0]) == []
    text = json.dumps(compose_history(chronicle)).lower()
    assert "absent" not in text.replace("never that it was absent", "")
    assert "not measured" in text


def test_an_overloaded_band_is_not_measured(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {BUG_HZ: 15})
    path = hold_visit(tmp_path, 2, {})
    chronicle = read_room(tmp_path, "lab", 0)
    assert states(chronicle) == {43392: ["seen", "not_heard"]}
    path.unlink()
    entry = {**document()["coverage"][1], "start_hz": HIGH[0] - 1250, "stop_hz": HIGH[1] + 1_000_000}
    overloaded = hold_visit_with(tmp_path, 2, [entry])
    assert overloaded.exists()
    assert states(read_room(tmp_path, "lab", 0)) == {43392: ["seen", "overloaded"]}


def hold_visit_with(sweeps: Path, day: int, coverage: list[dict[str, Any]]) -> Path:
    path = hold_visit(sweeps, day, {})
    with h5py.File(path, "r+") as file:
        note = json.loads(bytes(file["entry/processing/data"][0]))
        note["judgement"]["coverage"] = coverage
        attributes = dict(file["entry/processing"].attrs)
        del file["entry/processing/data"]
        text = np.array([json.dumps(note).encode()])
        file["entry/processing"].create_dataset(
            "data", data=text, chunks=(1,), compression=1, shuffle=True, fletcher32=True
        )
        file["entry/processing"].attrs.update(attributes)
    return path


def test_power_that_is_not_listed_is_no_absence(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {PAGER_HZ: 20})
    hold_visit(tmp_path, 2, {PAGER_HZ: 20}, listed=[], in_baseline=(PAGER_HZ,), baseline="B1")
    hold_visit(tmp_path, 3, {}, listed=[], in_baseline=(PAGER_HZ,), baseline="B1")
    [pager] = read_room(tmp_path, "lab", 0).emitters
    assert [sight.state for sight in pager.sights] == ["seen", "power_there", "not_heard"]
    assert [sight.in_baseline for sight in pager.sights] == [False, True, False]
    assert changes(pager) == [(1, "unlisted"), (2, "vanished")]


def test_what_the_baseline_misses_was_not_heard(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {PAGER_HZ: 20})
    missing = finding("F1", PAGER_HZ, "low", kind="missing")
    hold_visit(tmp_path, 2, {}, listed=[missing], in_baseline=(PAGER_HZ,), baseline="B1")
    [pager] = read_room(tmp_path, "lab", 0).emitters
    assert [(sight.state, sight.is_missing) for sight in pager.sights] == [("seen", False), ("not_heard", True)]


@pytest.mark.parametrize(
    ("away_hz", "how", "n_emitters"),
    [
        (9_000, {}, 1),
        (11_000, {}, 2),
        (25_000, {"serial": "2"}, 1),
        (32_000, {"serial": "2"}, 2),
        (7_500, {"baseline": "B1"}, 1),
        (9_000, {"baseline": "B1"}, 2),
    ],
)
def test_frequencies_are_as_sure_as_the_sweeps_were(
    tmp_path: Path, away_hz: int, how: dict[str, Any], n_emitters: int
) -> None:
    """434 MHz and bins of 2.5 kHz: 3 bins and 5 ppm of one dongle, 50 ppm of two, 1 ppm on one baseline."""
    first = {key: value for key, value in how.items() if key == "baseline"}
    hold_visit(tmp_path, 1, {BUG_HZ: 15}, **first)
    hold_visit(tmp_path, 2, {BUG_HZ + away_hz: 15}, **how)
    assert len(read_room(tmp_path, "lab", 0).emitters) == n_emitters


def test_two_that_could_each_be_it_are_said_to_be_ambiguous(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {BUG_HZ: 15})
    hold_visit(tmp_path, 2, {BUG_HZ + 15_000: 15, BUG_HZ - 17_500: 15}, serial="2")
    chronicle = read_room(tmp_path, "lab", 0)
    [bug] = [one for one in chronicle.emitters if one.sights[0].state == "seen"]
    assert bug.sights[1].center_freq_hz == BUG_HZ + 15_000
    assert bug.sights[1].is_ambiguous
    assert "perhaps another" in json.dumps(compose_history(chronicle))


@pytest.mark.parametrize(("second_db", "said"), [(25, True), (17, False)])
def test_levels_are_compared_at_one_position_and_gain(tmp_path: Path, second_db: int, said: bool) -> None:
    hold_visit(tmp_path, 1, {BUG_HZ: 15})
    hold_visit(tmp_path, 2, {BUG_HZ: second_db})
    hold_visit(tmp_path, 3, {BUG_HZ: 40}, position="window")
    [bug] = read_room(tmp_path, "lab", 0).emitters
    assert changes(bug) == ([(1, "level")] if said else [])


def test_sweeps_of_one_day_are_one_visit(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {}, position="outside")
    hold_visit(tmp_path, 1, {BUG_HZ: 15}, position="table", hour=11)
    hold_visit(tmp_path, 1, {BUG_HZ: 18}, position="window", hour=12)
    chronicle = read_room(tmp_path, "lab", 0)
    assert len(chronicle.visits) == 1
    [bug] = chronicle.emitters
    assert bug.sights[0].position == "window"
    assert bug.sights[0].levels == {"table": -45.0, "window": -42.0}
    assert "nothing to compare it with" in compose_history(chronicle)["answer"]["verdict"]


def test_decisions_are_told_with_who_made_them(tmp_path: Path) -> None:
    path = hold_visit(tmp_path, 1, {BUG_HZ: 15})
    later = hold_visit(tmp_path, 2, {BUG_HZ: 15})
    mark(path, "F1", as_="suspicious", reason="not ours", by="A. Tester")
    mark(later, "F1", as_="known", reason="the new gate", by="B. Tester")
    chronicle = read_room(tmp_path, "lab", 0)
    assert changes(chronicle.emitters[0]) == [(1, "decision")]
    text = json.dumps(compose_history(chronicle))
    assert "known by B. Tester" in text
    assert "the new gate" in text


def test_records_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {BUG_HZ: 15})
    newer = hold_visit(tmp_path, 2, {})
    with h5py.File(newer, "r+") as file:
        file.attrs["quietroom_schema"] = "2.0.0"
    altered = hold_visit(tmp_path, 3, {})
    with h5py.File(altered, "r+") as file:
        file["entry/data/mean"][1, 3] += 1
    hold_visit(tmp_path, 4, {}, room="lab-east")
    (tmp_path / "lab-east-20260305T090000Z.h5").write_bytes(b"no record")
    chronicle = read_room(tmp_path, "lab", 0)
    assert [name for name, _ in chronicle.unread] == [newer.name, altered.name]
    assert "schema 2.0.0" in chronicle.unread[0][1]
    assert "row 1" in chronicle.unread[1][1]
    assert len(chronicle.visits) == 1
    assert "2 records could not be read" in json.dumps(compose_history(chronicle))


def test_a_damaged_log_of_decisions_is_told(tmp_path: Path) -> None:
    path = hold_visit(tmp_path, 1, {BUG_HZ: 15})
    path.with_name(path.name + ".dispositions.jsonl").write_text("{}\n")
    chronicle = read_room(tmp_path, "lab", 0)
    assert "decisions about lab-20260301T090000Z.h5 are left out" in chronicle.troubles[0]


def test_a_room_without_records_is_refused_in_one_line(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {BUG_HZ: 15})
    with pytest.raises(ParameterError, match=r"holds no record of room lab since 2026-03-02; give an earlier --since"):
        read_room(tmp_path, "lab", parse_utc("2026-03-02T00:00:00Z"))
    (tmp_path / "den-20260301T090000Z.h5").write_bytes(b"no record")
    with pytest.raises(ParameterError, match=r"no record of room den .* can be read: .*not an HDF5 file"):
        read_room(tmp_path, "den", 0)


def test_the_command_writes_pdf_html_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = Workspace.create(tmp_path / "w")
    hold_visit(workspace.sweeps, 1, {})
    hold_visit(workspace.sweeps, 2, {BUG_HZ: 15})
    words = ["--workspace", str(workspace.root), "report", "lab", "--since", "2026-03-01"]
    out = tmp_path / "history.json"
    assert main([*words, "--html", "--json", str(out)]) == 0
    pdf, page = (Path(line) for line in capsys.readouterr().out.splitlines())
    first = pdf.read_bytes()
    assert first.startswith(b"%PDF")
    assert "not heard" in page.read_text(encoding="utf-8")
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told["schema"] == "quietroom.history/1"
    assert [sight["state"] for sight in told["emitters"][0]["sights"]] == ["not_heard", "seen"]
    assert told["emitters"][0]["sights"][0]["power_dbfs"] is None
    assert main(words) == 0
    assert pdf.read_bytes() == first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "lab", "--since", "yesterday"], "day 'yesterday' is none"),
        (["report", "nowhere", "--since", "2026-03-01"], "no record of room nowhere since 2026-03-01"),
        (["report", "lab-20260301T090000Z", "--json", "-"], "--json goes with --since"),
    ],
)
def test_mistakes_are_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    workspace = Workspace.create(tmp_path / "w")
    hold_visit(workspace.sweeps, 1, {})
    try:
        code = main(["--workspace", str(workspace.root), *words])
    except SystemExit as stop:
        code = int(stop.code or 0)
    assert code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_history_is_plain_data(tmp_path: Path) -> None:
    hold_visit(tmp_path, 1, {PAGER_HZ: 20, BUG_HZ: 9})
    json.dumps(history_document(read_room(tmp_path, "lab", 0)), allow_nan=False)


@pytest.mark.parametrize("version", sorted(path.name for path in OLD.iterdir() if path.name[0].isdigit()))
def test_records_of_every_schema_version_are_told(tmp_path: Path, version: str) -> None:
    [kept] = (OLD / version / "sweeps").glob("*.h5.gz")
    (tmp_path / kept.stem).write_bytes(gzip.decompress(kept.read_bytes()))
    chronicle = read_room(tmp_path, "lab", 0)
    assert chronicle.visits[0].records[0].schema == version
    assert chronicle.emitters
    assert not chronicle.unread


PLACE = st.tuples(st.integers(100_000_000, 100_200_000), st.integers(0, 50_000))


def places(drawn: list[tuple[int, int]]) -> Places:
    values = np.array(drawn, float).reshape(-1, 2)
    return Places(center_hz=values[:, 0], width_hz=values[:, 1], bin_width_hz=np.full(len(values), 2500.0))


@settings(deadline=None, max_examples=60)
@given(own=st.lists(PLACE, max_size=6), known=st.lists(PLACE, max_size=6), ppm=st.integers(0, 60))
def test_pairs_are_the_same_from_either_side(
    own: list[tuple[int, int]], known: list[tuple[int, int]], ppm: int
) -> None:
    """But for the drift, which is that of the frequency of one or the other."""
    one = {(pair.own, pair.known) for pair in pairs_of(places(own), places(known), ppm * 1e-6)}
    more = {(pair.known, pair.own) for pair in pairs_of(places(known), places(own), 1.01 * ppm * 1e-6)}
    assert one <= more
    aways = [pair.away_hz for pair in pairs_of(places(own), places(known), ppm * 1e-6)]
    assert aways == sorted(aways)
