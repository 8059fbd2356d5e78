"""Camping: the schedule, the stays in journal and record, and what becomes of them when something goes wrong."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from as_judged import as_judged
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import make_judgement, make_layout, make_plan, make_row, make_start, same_rows, write_journal
from test_looks import make_look
from virtual_dongle.scene import Dongle, Emitter, Scene

from baselines.camping import camp_plan, where_to_camp
from baselines.judge import make_judge
from dsp.errors import DeviceError, RecordError
from sweep.camping import CampPlan, CampRequest, hop_of_stay, stay_dwells
from sweep.cli.main import main
from sweep.events import Closed, Event, GapSeen, StayDone
from sweep.health.losses import judged_instrument
from sweep.journal import JournalDamageError, JournalReader, JournalWriter
from sweep.looks import LookRequest, StoredLooks
from sweep.model import HOP_MEASURED, HopSamples, SweepRow
from sweep.packing import pack
from sweep.plan import plan_hops
from sweep.record import SweepRecord
from sweep.recovery import recover
from sweep.session import SweepSession
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures
from sweep.sources.rtlsdr import open_rtlsdr
from sweep.sources.sim import SimSource, open_sim

RANGES = ((418_000_000, 420_000_000), (432_000_000, 435_000_000))
LAYOUT = make_layout()
N_DWELLS = 3
Plug = Callable[[Scene], dict[str, str]]


# where to camp, and in what order


def test_candidates_have_every_second_stay_and_bands_take_turns() -> None:
    plan = CampPlan(candidates=(7, 9), bands=((1, 2, 3), (5,)))
    assert list(itertools.islice(plan.hops(), 8)) == [7, 1, 9, 5, 7, 2, 9, 5]
    assert list(itertools.islice(CampPlan(candidates=(), bands=((1, 2), (5,))).hops(), 4)) == [1, 5, 2, 5]
    assert list(itertools.islice(CampPlan(candidates=(4,), bands=()).hops(), 3)) == [4, 4, 4]
    assert list(CampPlan(candidates=(), bands=()).hops()) == []


@settings(deadline=None, max_examples=60)
@given(
    n_candidates=st.integers(0, 6),
    widths=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    n_stays=st.integers(1, 300),
)
def test_wherever_it_is_cut_each_has_a_fair_share(n_candidates: int, widths: list[int], n_stays: int) -> None:
    borders = np.cumsum([100, *widths]).tolist()
    bands = tuple(tuple(range(*pair)) for pair in itertools.pairwise(borders))
    plan = CampPlan(candidates=tuple(range(n_candidates)), bands=bands)
    counts = Counter(itertools.islice(plan.hops(), n_stays))
    of_bands = [sum(counts[hop] for hop in band) for band in bands]
    assert max(of_bands) - min(of_bands) <= 1
    for band in bands:
        of_hops = [counts[hop] for hop in band]
        assert max(of_hops) - min(of_hops) <= 1
    if n_candidates:
        of_candidates = [counts[hop] for hop in range(n_candidates)]
        assert max(of_candidates) - min(of_candidates) <= 1
        assert sum(of_candidates) == -(-n_stays // 2)


def finding(freq_hz: float, **more: Any) -> dict[str, Any]:
    known = {"kind": "new", "known_as": None, "confirmed": True, "hits": 5, "passes": 5}
    return {"center_freq_hz": freq_hz, **known, **more}


def test_what_the_passes_could_not_settle_comes_first() -> None:
    layout = plan_hops(((100_000_000, 105_000_000), (430_000_000, 440_000_000))).layout()
    document = {
        "unconfirmed": [finding(101e6, confirmed=False)],
        "findings": [
            finding(439e6),
            finding(104e6, hits=2),
            finding(106e6, confirmed=False, known_as="K1"),
            finding(435e6, kind="missing", confirmed=False, hits=0),
        ],
    }
    plan = camp_plan(layout, document)
    assert plan == camp_plan(layout, document)

    def holds(hop: int, freq_hz: float) -> bool:
        bins = layout.freq_hz[layout.hop_slice(hop)]
        return bool(bins[0] <= freq_hz <= bins[-1])

    assert [holds(hop, freq_hz) for hop, freq_hz in zip(plan.candidates, (101e6, 104e6), strict=True)] == [True, True]
    in_bands = [hop for band in plan.bands for hop in band]
    assert len(in_bands) == len(set(in_bands))  # a hop belongs to one band
    assert (
        min(layout.freq_hz[layout.hop_slice(hop)][0] for hop in in_bands) > 429e6
    )  # broadcasting speaks for no device
    (ism,) = [band for band in plan.bands if any(holds(hop, 433.92e6) for hop in band)]
    assert 1 <= len(ism) <= 2  # the narrow band takes its hops before the wide ones around it


def test_without_any_such_band_all_hops_are_one() -> None:
    layout = plan_hops(((88_000_000, 92_000_000),)).layout()
    plan = camp_plan(layout, {"unconfirmed": [], "findings": []})
    assert plan == CampPlan(candidates=(), bands=((0, 1, 2),))


# stays in journal and record


def make_stay(number: int) -> SweepRow:
    return make_row(number, make_plan(N_DWELLS).layout(), seed=9)


def journal_with_stays(path: Path, *, closed: bool = True, n_stays: int = 3) -> list[SweepRow]:
    stays = [make_stay(number) for number in range(n_stays)]
    with JournalWriter.create(path, make_start(), LAYOUT) as journal:
        for number in range(2):
            journal.append_row(make_row(number, LAYOUT))
        for stay in stays:
            journal.append_stay(stay)
            journal.sync()
        journal.append_look(make_look())
        journal.sync()
        if closed:
            journal.finish_with(make_judgement(LAYOUT))
    return stays


def test_stays_are_kept_in_journal_and_record(tmp_path: Path) -> None:
    journal, path = tmp_path / "lab.journal", tmp_path / "lab.h5"
    stays = journal_with_stays(journal)
    with JournalReader(journal) as reader:
        assert (reader.n_rows, reader.n_stays, len(reader.looks)) == (2, 3, 1)
        assert all(map(same_rows, reader.stays(), stays))
        assert same_rows(next(reader.stays(1, 2)), stays[1])
        leaves, look_leaves = reader.stay_leaves, reader.look_leaves
    copy = tmp_path / "copy.journal"
    copy.write_bytes(journal.read_bytes())
    pack(journal, path)
    pack(copy, tmp_path / "copy.h5")
    assert path.read_bytes() == (tmp_path / "copy.h5").read_bytes()
    with SweepRecord.open(path) as record:
        assert (record.n_rows, record.n_stays) == (2, 3)
        assert all(map(same_rows, record.stays(), stays))
        assert same_rows(next(record.stays(2, 3)), stays[2])
        assert (record.stay_leaves, record.look_leaves) == (tuple(leaves), tuple(look_leaves))
        assert record.verify_rows() == [(0, True), (1, True)]
        assert record.verify_stays() == [(0, True), (1, True), (2, True)]
        assert record.verify_looks() == [(0, True)]


def test_a_record_without_stays_has_none(tmp_path: Path) -> None:
    write_journal(tmp_path / "lab.journal")
    pack(tmp_path / "lab.journal", tmp_path / "lab.h5")
    with SweepRecord.open(tmp_path / "lab.h5") as record:
        assert (record.n_stays, record.stay_leaves, list(record.stays()), record.verify_stays()) == (0, (), [], [])
    with h5py.File(tmp_path / "lab.h5") as file:
        assert "stays" not in file["entry"]


def test_a_torn_stay_is_left_out_and_damage_is_named(tmp_path: Path) -> None:
    journal = tmp_path / "lab.journal"
    stays = journal_with_stays(journal, closed=False)
    whole = journal.read_bytes()
    at = whole.index(stays[2].mean.tobytes())
    journal.write_bytes(whole[: at + 10])
    with JournalReader(journal) as reader:
        assert (reader.n_stays, reader.torn_tail_bytes > 0) == (2, True)
    with SweepRecord.open(recover(journal)) as record:
        assert record.n_stays == 2
        assert record.recovered
    damaged = tmp_path / "damaged.journal"
    damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(JournalDamageError, match="record 5 at byte"):
        JournalReader(damaged)


def test_stays_out_of_place_are_refused(tmp_path: Path) -> None:
    with JournalWriter.create(tmp_path / "lab.journal", make_start(), LAYOUT) as journal:
        journal.append_stay(make_stay(0))
        with pytest.raises(RecordError, match="no row can follow a stay"):
            journal.append_row(make_row(0, LAYOUT))
        with pytest.raises(RecordError, match="stay 2 cannot follow 1 stays"):
            journal.append_stay(make_stay(2))
        with pytest.raises(RecordError, match="stay 1 has other arrays than the stays before it"):
            journal.append_stay(make_row(1, make_plan(N_DWELLS + 1).layout()))
        with pytest.raises(RecordError, match=r"stay 1 has .* values of mean, its layout"):
            journal.append_stay(make_row(1, make_plan(N_DWELLS, hop_bins=20).layout()))
        journal.append_look(make_look())
        with pytest.raises(RecordError, match="no stay can follow a second look"):
            journal.append_stay(make_stay(1))


@pytest.mark.parametrize("place", ["data/mean", "hops/hop_flags", "rows/leaf", "rows/utc_ns"])
def test_an_edited_stay_is_found(tmp_path: Path, place: str) -> None:
    journal_with_stays(tmp_path / "lab.journal")
    pack(tmp_path / "lab.journal", tmp_path / "lab.h5")
    with h5py.File(tmp_path / "lab.h5", "r+") as file:
        values = file[f"entry/stays/{place}"][...]
        values.flat[0] += 1
        file[f"entry/stays/{place}"][...] = values
    with SweepRecord.open(tmp_path / "lab.h5") as record:
        assert record.verify_stays()[0] == (0, False)
        assert all(unaltered for _, unaltered in record.verify_rows())


# through the session


class Unlucky:
    """A simulated room whose receiver fails at some stays."""

    def __init__(self, source: SimSource, failing: range) -> None:
        self._source, self._failing, self.n_stays_asked = source, failing, 0
        self.plan, self.instrument = source.plan, source.instrument
        self.blocks, self.close = source.blocks, source.close

    def look(self, request: LookRequest) -> HopSamples:
        self.n_stays_asked += 1
        if self.n_stays_asked - 1 in self._failing:
            raise DeviceError("dongle 7: it was unplugged; plug it in again")
        return self._source.look(request)


def opened(**options: Any) -> SimSource:
    return open_sim("meeting-room?visit=4", SourceOptions(ranges_hz=RANGES, **options))


def swept(
    folder: Path, source: Any, *, camp_s: float | None = 2.4, stop_after: int | None = None, keep_iq: bool = False
) -> tuple[list[Event], Path]:
    """Sweep with a judge that has no baseline; gives the events and the record."""
    judge = make_judge(None)
    session = SweepSession(
        source,
        start={"room": "lab"},
        name_record=lambda _: folder / "lab.h5",
        judge=judge,
        passes=2,
        keep_iq=keep_iq,
        camp=None if camp_s is None else CampRequest(duration_s=camp_s, where=where_to_camp(judge)),
    )
    events = []
    for event in session.events():
        events.append(event)
        if isinstance(event, StayDone) and event.number == stop_after:
            session.stop()
    return events, folder / "lab.h5"


def judged_again(path: Path) -> str:
    with SweepRecord.open(path) as record:
        looks, stays = StoredLooks(record.looks), record.stays if record.n_stays else None
        instrument = judged_instrument(record.start, record.gaps, record.layout.n_hops, record.n_rows)
        judgement = make_judge(None)(record.layout, record.rows, instrument, looks, stays)
        told = json.dumps(as_judged(record.judgement.document), sort_keys=True)
        assert told == json.dumps(dict(judgement.document), sort_keys=True)
        return told


def stays_of(events: list[Event]) -> list[StayDone]:
    return [event for event in events if isinstance(event, StayDone)]


def test_stays_follow_the_passes_and_stay_where_they_are(tmp_path: Path) -> None:
    source = opened()
    events, path = swept(tmp_path, source)
    stays = stays_of(events)
    n_dwells = stay_dwells(source.plan)
    assert (len(stays), {stay.n_stays for stay in stays}) == (3, {3})
    layout = source.plan.layout()
    for stay in stays:
        row = stay.row
        assert source.plan.hop_centers_hz[hop_of_stay(layout, row)] == stay.center_freq_hz
        assert set(row.hop_flags.tolist()) == {HOP_MEASURED}
        assert np.diff(row.hop_monotonic_ns).tolist() == [13_000_000] * (n_dwells - 1)  # without a gap
        assert row.mean.size == n_dwells * layout.hop_bins
    closed = events[-1]
    assert isinstance(closed, Closed)
    assert closed.n_rows == 2
    assert any("camped for 2.42 s, in 3 stays on" in reason for reason in closed.judgement.document["reasons"])
    with SweepRecord.open(path) as record:
        assert all(map(same_rows, record.stays(), [stay.row for stay in stays]))
        assert record.start["camp_planned_s"] == 2.4
    judged_again(path)
    coverage = closed.judgement.document["coverage"]
    assert len({entry["camp_s"] for entry in coverage}) > 1
    assert {entry["camp_s"] for entry in coverage} >= {0.0}
    for entry in coverage:
        assert entry["dwell_s"] == pytest.approx(entry["camp_s"] + 2 * source.plan.dwell_s)


def test_a_stop_while_camping_keeps_what_there_is(tmp_path: Path) -> None:
    events, path = swept(tmp_path, opened(), stop_after=2)
    assert len(stays_of(events)) == 2
    (gap,) = [event.gap for event in events if isinstance(event, GapSeen)]
    assert (gap.hop_index, gap.reason) == (None, "stopped by the user after stay 2 of 3")
    with SweepRecord.open(path) as record:
        assert (record.n_rows, record.n_stays) == (2, 2)
    judged_again(path)


def test_an_unplugged_receiver_costs_stays_and_not_the_sweep(tmp_path: Path) -> None:
    for name, failing, n_kept in (("some", range(1, 2), 2), ("all", range(99), 0)):
        folder = tmp_path / name
        folder.mkdir()
        events, path = swept(folder, Unlucky(opened(), failing))
        gaps = [event.gap for event in events if isinstance(event, GapSeen) and event.gap.reason.startswith("no stay")]
        assert (len(stays_of(events)), len(gaps)) == (n_kept, 3 - n_kept)
        assert gaps[0].hop_index is not None
        assert "it was unplugged" in gaps[0].reason
        with SweepRecord.open(path) as record:
            assert (record.n_rows, record.n_stays) == (2, n_kept)
        document = json.loads(judged_again(path))
        assert not any("lost" in reason for reason in document["reasons"])
        assert any("camped" in reason for reason in document["reasons"]) == (n_kept > 0)


@pytest.mark.parametrize("stop_after", [None, 3])
def test_kept_samples_give_the_same_stays_and_findings(tmp_path: Path, stop_after: int | None) -> None:
    live, again = tmp_path / "live", tmp_path / "again"
    live.mkdir()
    again.mkdir()
    events, path = swept(live, Unlucky(opened(), range(1, 2)), keep_iq=True, stop_after=stop_after)
    (source,) = open_captures([path.with_suffix(".iq")], SourceOptions())
    replayed, copy = swept(again, source, camp_s=None)
    assert all(map(same_rows, (e.row for e in stays_of(events)), (e.row for e in stays_of(replayed))))
    assert len(stays_of(events)) == len(stays_of(replayed)) > 1
    told = [[e.gap for e in those if isinstance(e, GapSeen)] for those in (events, replayed)]
    assert told[0] == told[1]
    with SweepRecord.open(path) as one, SweepRecord.open(copy) as other:
        assert one.stay_leaves == other.stay_leaves
        documents = [record.judgement.document for record in (one, other)]
    assert documents[0] == documents[1]


def test_a_crash_while_camping_loses_no_stay(tmp_path: Path) -> None:
    judge = make_judge(None)
    session = SweepSession(
        opened(),
        start={"room": "lab"},
        name_record=lambda _: tmp_path / "lab.h5",
        judge=judge,
        passes=2,
        camp=CampRequest(duration_s=3.2, where=where_to_camp(judge)),
    )
    journal = tmp_path / "lab.journal"
    copy = tmp_path / "copy" / "lab.journal"
    copy.parent.mkdir()
    for event in session.events():
        if isinstance(event, StayDone) and event.number == 2:
            copy.write_bytes(journal.read_bytes())  # as a power cut would leave it
    path = recover(copy, judge)
    with SweepRecord.open(path) as record:
        assert (record.n_rows, record.n_stays) == (2, 2)
        document = record.judgement.document
    assert any("in 2 stays" in reason for reason in document["reasons"])
    assert document["coverage"]


def camped_with_a_dongle(folder: Path, virtual_dongle: Plug, unplug_after_reads: int) -> list[Event]:
    """Two passes over one hop and five stays on it; nothing where the dongle is pulled before they begin."""
    emitter = Emitter(kind="fm", freq_hz=434_100_000, level_dbfs=-35, bandwidth_hz=5000)
    dongle = Dongle(unplug_after_reads=unplug_after_reads, replug_after_tries=3)
    virtual_dongle(Scene(emitters=(emitter,), dongles=(dongle,)))
    try:
        source = open_rtlsdr("0", SourceOptions(ranges_hz=((433_000_000, 434_800_000),)))
    except DeviceError:
        return []
    folder.mkdir()
    events, path = swept(folder, source, camp_s=4.0)
    judged_again(path)
    return events


def test_a_dongle_camps_and_one_that_is_pulled_leaves_gaps(tmp_path: Path, virtual_dongle: Plug) -> None:
    assert len(stays_of(camped_with_a_dongle(tmp_path / "whole", virtual_dongle, 0))) == 5
    for n_reads in range(12, 60, 2):  # how many it takes until the camp begins depends on how long it settles
        events = camped_with_a_dongle(tmp_path / str(n_reads), virtual_dongle, n_reads)
        gaps = [event.gap.reason for event in events if isinstance(event, GapSeen)]
        if 0 < len(stays_of(events)) < 5 and gaps[0].startswith("no stay at 433.9"):
            break
    assert "it was unplugged" in gaps[0]
    assert len(gaps) >= 5 - len(stays_of(events))


def test_the_command_camps_and_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*words: str) -> Any:
        path = tmp_path / "told.json"
        assert main(["--workspace", str(tmp_path), *words, "--json", str(path)]) == 0
        return json.loads(path.read_text(encoding="utf-8"))

    assert main(["init", str(tmp_path)]) == 0
    where = ("--range", "432M:435M", "--source", "sim:meeting-room?visit=4&bugs=all")
    found = told("sweep", "lab", *where, "--passes", "2", "--camp", "2s")
    shown = capsys.readouterr()
    assert "the receiver camped for 1.61 s, in 2 stays" in " ".join(shown.out.split())
    assert "lab: camping on 4" in shown.err
    assert max(entry["camp_s"] for entry in found["coverage"]) == pytest.approx(0.806)
    (record,) = (tmp_path / "sweeps").glob("*.h5")
    again = told("compare", str(record), "--baseline", "none")
    assert found["coverage"] == again["coverage"]
    assert [item["p_value"] for item in found["findings"]] == [item["p_value"] for item in again["findings"]]
    assert main(["--workspace", str(tmp_path), "report", str(record), "--html"]) == 0
    (page,) = (tmp_path / "reports").glob("*.html")
    assert "and stayed on" in page.read_text(encoding="utf-8")
