"""Second looks: taken, kept, packed, and judged again from what was kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from as_judged import as_judged
from rows import START_NS, make_judgement, make_layout, make_row, make_start, write_journal
from virtual_dongle.scene import Dongle, Emitter, Scene

from baselines.judge import make_judge
from dsp.errors import DeviceError, ParameterError, RecordError
from sweep.cli.main import main
from sweep.events import Closed, Event, GapSeen, LookTaken
from sweep.journal import JournalDamageError, JournalReader, JournalWriter
from sweep.journal.framing import MAGIC
from sweep.look_leaf import decode_look, encode_look
from sweep.look_taking import LookTaker, analyse_look
from sweep.looks import MAX_LOOKS, Look, LookRequest, StoredLooks, same_bits
from sweep.model import HOP_MEASURED, HopSamples
from sweep.packing import pack
from sweep.record import SweepRecord
from sweep.recovery import recover
from sweep.session import SweepSession
from sweep.sources.live import LiveSource
from sweep.sources.options import SourceOptions
from sweep.sources.rtlsdr import open_rtlsdr
from sweep.sources.sim import SimSource, open_sim
from sweep.workspace import Workspace

RANGES = ((166_365_000, 168_280_000), (417_000_000, 420_800_000))
ROOM = "meeting-room?bugs=nfm-bug,carrier-bug"
Plug = Callable[[Scene], dict[str, str]]


def make_look(number: int = 0, n_dwells: int = 3, n_bins: int = 16, **more: Any) -> Look:
    rng = np.random.default_rng(number)
    fields: dict[str, Any] = {
        "request": LookRequest(center_freq_hz=100_000_000 + 2500 * number, gain_step_db=-6.0, n_dwells=n_dwells),
        "utc_ns": START_NS + number,
        "monotonic_ns": 7 + number,
        "gain_db": 22.9,
        "first_bin": 40_000,
        "flags": np.full(n_dwells, HOP_MEASURED, np.uint8),
        **{
            name: rng.integers(-7000, -3000, (n_dwells, n_bins)).astype(np.int16)
            for name in ("mean", "max_hold", "min_hold", "spectral_kurtosis")
        },
    }
    return Look(**{**fields, **more})


def failed_look(number: int = 0) -> Look:
    return make_look(number, 0, 0, gain_db=None, first_bin=0, failure="it was unplugged; plug it in again")


def journal_with_looks(path: Path, looks: list[Look], *, closed: bool = True) -> None:
    layout = make_layout()
    with JournalWriter.create(path, make_start(), layout) as journal:
        for number in range(2):
            journal.append_row(make_row(number, layout))
        for look in looks:
            journal.append_look(look)
        journal.sync()
        if closed:
            journal.finish_with(make_judgement(layout))


LOOKS = [make_look(0), failed_look(1), make_look(2, gain_db=None)]


def test_a_look_comes_back_from_its_leaf() -> None:
    for look in LOOKS:
        header, payload = encode_look(look, 5, bytes(32))
        assert same_bits(decode_look(header, payload), look)
        assert not same_bits(decode_look(header, payload), replace(look, utc_ns=1))
    header, payload = encode_look(LOOKS[0], 0, bytes(32))
    for spoilt in (payload[:-1], payload + b"x", b""):
        with pytest.raises(RecordError, match="second look cannot be read"):
            decode_look(header, spoilt)
    for text in (b"{}", header.replace(b"flags", b"flogs"), header.replace(b"[3,16]", b"[-3,16]")):
        with pytest.raises(RecordError, match="second look cannot be read"):
            decode_look(text, payload)
    with pytest.raises(ParameterError, match="mean is not of the type"):
        encode_look(replace(LOOKS[0], mean=LOOKS[0].mean.astype(np.float64)), 0, bytes(32))


def test_looks_are_kept_in_journal_and_record(tmp_path: Path) -> None:
    journal, record_path = tmp_path / "lab.journal", tmp_path / "lab.h5"
    journal_with_looks(journal, LOOKS)
    with JournalReader(journal) as reader:
        assert [same_bits(one, other) for one, other in zip(reader.looks, LOOKS, strict=True)] == [True] * 3
        leaves = reader.look_leaves
        assert encode_look(LOOKS[0], 0, reader.leaves[-1])[0].decode().count(reader.leaves[-1].hex()) == 1
    pack(journal, record_path)
    with SweepRecord.open(record_path) as record:
        assert [same_bits(one, other) for one, other in zip(record.looks, LOOKS, strict=True)] == [True] * 3
        assert record.look_leaves == tuple(leaves)
        assert record.verify_looks() == [(0, True), (1, True), (2, True)]
        assert record.n_rows == 2
        stored = StoredLooks(record.looks)
        assert stored.look(LOOKS[0].request) is record.looks[0]
        assert stored.look(LookRequest(center_freq_hz=1)) is None


def test_a_record_of_failed_looks_only(tmp_path: Path) -> None:
    journal_with_looks(tmp_path / "lab.journal", [failed_look()])
    pack(tmp_path / "lab.journal", tmp_path / "lab.h5")
    with SweepRecord.open(tmp_path / "lab.h5") as record:
        assert record.looks[0].failure == "it was unplugged; plug it in again"
        assert record.verify_looks() == [(0, True)]


def test_a_record_without_looks_has_none(tmp_path: Path) -> None:
    write_journal(tmp_path / "lab.journal")
    pack(tmp_path / "lab.journal", tmp_path / "lab.h5")
    with SweepRecord.open(tmp_path / "lab.h5") as record:
        assert (record.looks, record.look_leaves, record.verify_looks()) == ((), (), [])
    with h5py.File(tmp_path / "lab.h5") as file:
        assert "looks" not in file["entry"]


def test_a_torn_look_is_left_out_and_the_others_kept(tmp_path: Path) -> None:
    journal = tmp_path / "lab.journal"
    journal_with_looks(journal, LOOKS, closed=False)
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-10])
    with JournalReader(journal) as reader:
        assert (len(reader.looks), reader.n_rows) == (2, 2)
        assert reader.torn_tail_bytes > 0
    with SweepRecord.open(recover(journal)) as record:
        assert [same_bits(one, other) for one, other in zip(record.looks, LOOKS[:2], strict=True)] == [True] * 2
        assert record.recovered


def test_damage_in_a_look_is_named(tmp_path: Path) -> None:
    journal = tmp_path / "lab.journal"
    journal_with_looks(journal, LOOKS)
    data = bytearray(journal.read_bytes())
    at = data.index(LOOKS[0].mean.tobytes())
    data[at] ^= 1
    journal.write_bytes(data)
    with pytest.raises(JournalDamageError, match="record 3 at byte"):
        JournalReader(journal)


def test_looks_out_of_place_are_refused(tmp_path: Path) -> None:
    layout = make_layout()
    with JournalWriter.create(tmp_path / "lab.journal", make_start(), layout) as journal:
        journal.append_look(make_look())
        with pytest.raises(RecordError, match="no row can follow a second look"):
            journal.append_row(make_row(0, layout))
    with JournalWriter.create(tmp_path / "many.journal", make_start(), layout) as journal:
        for number in range(MAX_LOOKS + 1):
            journal.append_look(make_look(number))
    with pytest.raises(JournalDamageError, match="look 64 cannot follow 64 looks"):
        JournalReader(tmp_path / "many.journal")


def test_looks_of_two_journals_do_not_chain(tmp_path: Path) -> None:
    journal_with_looks(tmp_path / "one.journal", [make_look(0)], closed=False)
    journal_with_looks(tmp_path / "two.journal", [make_look(9), make_look(1)], closed=False)
    one, two = ((tmp_path / f"{name}.journal").read_bytes() for name in ("one", "two"))
    starts = [at for at in range(len(two)) if two.startswith(MAGIC, at)]
    (tmp_path / "mixed.journal").write_bytes(one + two[starts[-1] :])
    with JournalReader(tmp_path / "mixed.journal") as reader:
        assert len(reader.looks) == 2
        with pytest.raises(JournalDamageError, match=r"record 4 at byte .* does not follow what stands before it"):
            _ = reader.look_leaves


@pytest.mark.parametrize("place", ["mean", "gain_db", "center_freq_hz", "flags", "leaf"])
def test_an_edited_look_is_found(tmp_path: Path, place: str) -> None:
    path = tmp_path / "lab.h5"
    journal_with_looks(tmp_path / "lab.journal", LOOKS)
    pack(tmp_path / "lab.journal", path)
    with h5py.File(path, "r+") as file:
        values = file[f"entry/looks/{place}"][...]
        values.flat[0] += 1
        file[f"entry/looks/{place}"][...] = values
    with SweepRecord.open(path) as record:
        assert record.verify_looks()[0] == (0, False)
        assert all(unaltered for _, unaltered in record.verify_rows())


@pytest.mark.parametrize("how", ["missing", "type", "counts", "many"])
def test_looks_that_cannot_be_are_refused_in_one_line(tmp_path: Path, how: str) -> None:
    path = tmp_path / "lab.h5"
    journal_with_looks(tmp_path / "lab.journal", LOOKS)
    pack(tmp_path / "lab.journal", path)
    with h5py.File(path, "r+") as file:
        looks = file["entry/looks"]
        if how == "missing":
            del looks["min_hold"]
        elif how == "type":
            del looks["utc_ns"]
            looks["utc_ns"] = np.zeros(3)
        elif how == "counts":
            looks["n_dwells"][...] = [3, 1, 3]
        else:
            del looks["leaf"]
            looks["leaf"] = np.zeros((65, 32), np.uint8)
    with SweepRecord.open(path) as record, pytest.raises(RecordError, match="fetch an intact copy") as caught:
        _ = record.looks
    assert "\n" not in str(caught.value)


class Unlucky:
    """A simulated room whose receiver fails at some looks."""

    def __init__(self, source: SimSource, failing: range) -> None:
        self._source = source
        self._failing = failing
        self.n_looks = 0
        self.plan, self.instrument, self.blocks, self.close = (
            source.plan,
            source.instrument,
            source.blocks,
            source.close,
        )

    def look(self, request: LookRequest) -> HopSamples:
        self.n_looks += 1
        if self.n_looks - 1 in self._failing:
            raise DeviceError("dongle 7: it was unplugged; plug it in again")
        return self._source.look(request)


def opened(address: str = ROOM, **options: Any) -> SimSource:
    return open_sim(address, SourceOptions(ranges_hz=RANGES, **options))


def swept(folder: Path, source: Any, *, stop: bool = False, keep_iq: bool = False) -> tuple[list[Any], Path]:
    """Sweep with the judge that has no baseline; gives the events and the record."""
    session = SweepSession(
        source,
        start={"room": "lab"},
        name_record=lambda _: folder / "lab.h5",
        judge=make_judge(None),
        passes=4,
        keep_iq=keep_iq,
    )
    events = []
    for event in session.events():
        events.append(event)
        if stop and getattr(event, "row", None) is not None and event.row.sequence == 3:
            session.stop()
    return events, folder / "lab.h5"


def outcomes(document: Mapping[str, Any], test: str) -> list[Mapping[str, Any]]:
    everything = [*document["findings"], *document["rejected_candidates"]]
    return [one for finding in everything for one in finding["artefact_tests"] if one["test"] == test]


def judged_again(path: Path) -> str:
    with SweepRecord.open(path) as record:
        judgement = make_judge(None)(record.layout, record.rows, record.start["instrument"], StoredLooks(record.looks))
        assert json.dumps(as_judged(record.judgement.document), sort_keys=True) == json.dumps(
            dict(judgement.document), sort_keys=True
        )
        return json.dumps(as_judged(record.judgement.document))


def test_every_candidate_is_looked_at_again(tmp_path: Path) -> None:
    events, path = swept(tmp_path, opened())
    closed = events[-1]
    assert isinstance(closed, Closed)
    document = closed.judgement.document
    moved = outcomes(document, "lo_shift")
    assert moved
    assert [finding["center_freq_hz"] // 10_000 for finding in document["findings"]] == [16732, 41801]
    for finding in document["findings"]:
        (test,) = [one for one in finding["artefact_tests"] if one["test"] == "lo_shift"]
        assert test["passed"] is True
        assert "it stayed" in test["reason"]
    rejected = {
        one["test"]
        for item in document["rejected_candidates"]
        for one in item["artefact_tests"]
        if one["passed"] is False
    }
    assert rejected == {"lo_shift"}  # of three hops one holds a bug at its centre: too few for the other test
    looks = [event.look for event in events if isinstance(event, LookTaken)]
    assert 0 < len(looks) <= MAX_LOOKS
    for look in looks:
        away_hz = min(abs(look.request.center_freq_hz - center) for center in opened().plan.hop_centers_hz)
        assert away_hz == 0 or 250_000 <= away_hz <= 450_000
    judged_again(path)


def test_a_bug_at_the_centre_of_a_hop_is_saved_by_the_look(tmp_path: Path) -> None:
    events, path = swept(tmp_path, opened())
    center = opened().plan.layout().freq_hz[384]
    assert center == 167_325_000
    (bug,) = [f for f in events[-1].judgement.document["findings"] if abs(f["center_freq_hz"] - center) < 5000]
    assert bug["occupied_bw_hz"] > 7000
    judged_again(path)


def test_an_unplugged_receiver_loses_nothing(tmp_path: Path) -> None:
    for name, failing in (("some", range(1)), ("all", range(99))):
        folder = tmp_path / name
        folder.mkdir()
        source = Unlucky(opened(), failing)
        events, path = swept(folder, source)
        gaps = [event.gap for event in events if isinstance(event, GapSeen)]
        assert "it was unplugged" in gaps[0].reason
        document = events[-1].judgement.document
        reasons = {one["reason"] for one in outcomes(document, "lo_shift")}
        assert "not possible: dongle 7: it was unplugged; plug it in again" in reasons
        with SweepRecord.open(path) as record:
            assert record.n_rows == 4
            assert [(gap.pass_index, gap.hop_index, gap.reason) for gap in record.gaps] == [
                (gap.pass_index, gap.hop_index, gap.reason) for gap in gaps
            ]
        judged_again(path)
        if name == "all":
            assert source.n_looks == 3  # then it is given up
            assert {item["center_freq_hz"] // 10_000 for item in document["findings"]} >= {16732, 41801}


def test_a_stop_skips_the_looks(tmp_path: Path) -> None:
    events, path = swept(tmp_path, opened(), stop=True)
    assert not [event for event in events if isinstance(event, LookTaken)]
    tests = outcomes(events[-1].judgement.document, "lo_shift")
    assert {(one["passed"], one["reason"]) for one in tests} == {
        (None, "not possible: there is no second look at it with the tuning moved")
    }
    judged_again(path)


def test_interrupted_after_the_looks_it_is_judged_with_them(tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    folder.mkdir()
    _, path = swept(folder, opened())
    journal = tmp_path / "lab.journal"
    with SweepRecord.open(path) as record:
        with JournalWriter.create(journal, record.start, record.layout) as writer:
            for row in record.rows():
                writer.append_row(row)
            for look in record.looks:
                writer.append_look(look)
            writer.sync()
        whole = record.judgement.document
    with SweepRecord.open(recover(journal, make_judge(None))) as record:
        assert as_judged(record.judgement.document)["findings"] == as_judged(whole)["findings"]
        assert record.judgement.document["rejected_candidates"] == whole["rejected_candidates"]


def test_the_same_room_gives_the_same_looks() -> None:
    request = LookRequest(center_freq_hz=167_000_000, gain_step_db=-6.0, n_dwells=2)

    def look(passes: int = 1) -> HopSamples:
        source = opened()
        list(source.blocks(passes))
        return source.look(request)

    first, again, later = look(), look(), look(2)
    assert np.array_equal(first.raw, again.raw)
    assert first.utc_ns == again.utc_ns < later.utc_ns
    assert not np.array_equal(first.raw, later.raw)
    assert first.gain_db == 22.0
    assert opened(gain_db=3.0).look(request).gain_db == 0.0
    with pytest.raises(DeviceError, match="does not tune to 1 Hz"):
        opened().look(LookRequest(center_freq_hz=1))
    plan = opened().plan
    stored = analyse_look(plan, request, first)
    assert stored.mean.shape == (2, plan.hop_bins)
    assert stored.first_bin == 167_000_000 // 2500 - 384


def direct() -> dict[str, Any]:
    """For a look taker on a disk with room."""

    def write(append: Callable[[], Any]) -> Generator[Event, None, Any]:
        yield from ()
        return append()

    return {"until_room": write, "tell": lambda event: pytest.fail(f"there is room: {event}")}


def test_no_more_looks_than_a_sweep_takes(tmp_path: Path) -> None:
    source = opened()
    with JournalWriter.create(tmp_path / "lab.journal", make_start(), source.plan.layout()) as journal:
        taker = LookTaker(source, journal, pass_index=1, is_stopping=lambda: False, keep=None, **direct())
        requests = [LookRequest(center_freq_hz=166_000_000 + 2500 * n, n_dwells=1) for n in range(MAX_LOOKS + 1)]
        looks = [taker.look(request) for request in requests]
        assert looks[-1] is None
        assert all(look is not None for look in looks[:-1])
        assert taker.look(requests[0]) is looks[0]
        assert len(taker.taken) == MAX_LOOKS


def test_compare_gives_what_the_sweep_gave(tmp_path: Path) -> None:
    """Through the command line, with a baseline: the record holds all that the findings came from."""
    workspace, result = Workspace.create(tmp_path / "ws"), tmp_path / "result.json"

    def run(*words: str) -> dict[str, Any]:
        assert main(["--workspace", str(workspace.root), *words, "--json", str(result)]) in (0, 3)
        document: dict[str, Any] = json.loads(result.read_text())
        return document

    ranges = [word for start, stop in RANGES for word in ("--range", f"{start}:{stop}")]
    clean = [
        run("sweep", "lab", "--source", f"sim:meeting-room?visit={visit}", *ranges, "--passes", "3")["record"]
        for visit in (0, 1)
    ]
    run("baseline", "learn", "lab", *clean)
    live = run("sweep", "lab", "--source", "sim:meeting-room?visit=2&bugs=all", *ranges, "--passes", "4")
    assert live["findings"]
    assert run("compare", live["record"]) == live


SCENE = Scene(emitters=(Emitter(freq_hz=98.3e6, level_dbfs=-30),), dc_dbfs=-40.0, retune_s=0.0005, stale_samples=4000)


@pytest.fixture
def dongle(virtual_dongle: Plug) -> Callable[[Scene], LiveSource]:
    def plug(scene: Scene) -> LiveSource:
        virtual_dongle(scene)
        return open_rtlsdr("0", SourceOptions(ranges_hz=((97_400_000, 99_200_000),)))

    return plug


def test_a_dongle_looks_again_with_other_tuning_and_gain(dongle: Callable[[Scene], LiveSource]) -> None:
    source = dongle(SCENE)
    plan = source.plan
    levels = []
    for step_db in (0.0, -6.0):
        request = LookRequest(center_freq_hz=98_000_000, gain_step_db=step_db)
        samples = source.look(request)
        look = analyse_look(plan, request, samples)
        place = 98_300_000 // 2500 - look.first_bin
        assert look.mean.shape[0] == 8
        assert int(look.mean[0].argmax()) == place
        levels.append((look.gain_db, look.mean[:, place].mean() / 100))
    assert (levels[0][0], levels[1][0]) == (28.0, 22.9)
    assert levels[1][1] - levels[0][1] == pytest.approx(-5.1, abs=0.3)
    (hop,) = source.blocks(1)
    assert isinstance(hop, HopSamples)
    assert hop.gain_db == 28.0
    swept_level = analyse_look(plan, LookRequest(center_freq_hz=plan.hop_centers_hz[0]), hop)
    assert swept_level.mean.max() / 100 == pytest.approx(levels[0][1], abs=0.5)  # the gain of the plan is back
    source.close()


def test_a_dongle_pulled_during_the_looks(dongle: Callable[[Scene], LiveSource], tmp_path: Path) -> None:
    source = dongle(replace(SCENE, dongles=(Dongle(unplug_after_reads=100),)))
    with pytest.raises(DeviceError):
        for _ in range(200):
            source.look(LookRequest(center_freq_hz=98_000_000))
    source.close()
