"""Several receivers that share one plan and make one record."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_dongle.scene import Dongle, Emitter, Scene

from dsp.errors import DeviceError, ParameterError
from sweep.cli.main import main
from sweep.looks import LookRequest
from sweep.model import HOP_MEASURED, HopGap, HopSamples, Instrument
from sweep.plan import SweepPlan, plan_hops
from sweep.record import SweepRecord
from sweep.sources.options import SourceOptions
from sweep.sources.registry import open_sources
from sweep.sources.shared import Part, SharedSource
from sweep.sources.sharing import Reach, part_ranges, share_hops
from sweep.workspace import Workspace

PlugIn = Callable[[Scene], dict[str, str]]
ALL = ((24_000_000, 1_766_000_000),)
E4000 = ((52_000_000, 1_100_000_000), (1_250_000_000, 2_200_000_000))
RANGES = ["--range", "430M:440M"]  # six hops: three for each of two
PLAN = plan_hops(((430_000_000, 440_000_000),), sample_rate_hz=2_400_000, n_frames=2)
TWO = (Dongle(serial="QR1"), Dongle(serial="QR2"))
EMITTERS = (Emitter(freq_hz=431.2e6, level_dbfs=-40.0), Emitter(freq_hz=438.7e6, level_dbfs=-40.0))


class Told:
    """A receiver whose samples tell who took them when: none is like another."""

    def __init__(self, number: int, delays_s: Sequence[float] = (), *, lost_after: int | None = None) -> None:
        self.instrument = Instrument(driver="told", serial=f"T{number}", gain_db=20.0 + number, sample_format="cu8")
        self.plan, self.tunes_hz = PLAN, ALL
        self.closed = False
        self.asked: list[LookRequest] = []
        self.working = 0
        self._number, self._delays_s, self._lost_after = number, delays_s, lost_after
        self._hops: Sequence[int] = ()

    def take_part(self, plan: SweepPlan, hops: Sequence[int]) -> None:
        self._hops = hops

    def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
        assert passes is not None
        for pass_index in range(passes):
            for count, hop_index in enumerate(self._hops):
                self.working += 1
                time.sleep(self._delays_s[count % len(self._delays_s)] if self._delays_s else 0.0)
                self.working -= 1
                moment = {"utc_ns": 1000 * pass_index + count, "monotonic_ns": 1000 * pass_index + count}
                if count == self._lost_after:
                    yield HopGap(pass_index=pass_index, hop_index=None, reason="unplugged", **moment)
                    break
                yield HopSamples(
                    raw=np.full(2 * PLAN.hop_samples, 100 + self._number, np.uint8),
                    sample_format="cu8",
                    center_freq_hz=float(PLAN.hop_centers_hz[hop_index]),
                    sample_rate_hz=PLAN.sample_rate_hz,
                    gain_db=self.instrument.gain_db,
                    pass_index=pass_index,
                    hop_index=hop_index,
                    **moment,
                )

    def look(self, request: LookRequest) -> HopSamples:
        assert not self.working, "a receiver is tuned by one at a time"
        self.asked.append(request)
        raise DeviceError("it only tells what it was asked")

    def close(self) -> None:
        self.closed = True


def shared(*sources: Told) -> SharedSource:
    parts = share_hops(PLAN, [Reach(tunes_hz=ALL, hop_s=1.0)] * len(sources))
    named = zip(sources, parts, strict=True)
    return SharedSource(PLAN, [Part(source=one, name=f"T{k}", hops=hops) for k, (one, hops) in enumerate(named)])


def told(source: SharedSource, passes: int = 2) -> list[tuple[Any, ...]]:
    blocks = list(source.blocks(passes))
    source.close()
    return [
        (one.pass_index, one.hop_index, int(one.raw[0]) - 100 if isinstance(one, HopSamples) else one.reason)
        for one in blocks
    ]


@settings(max_examples=25, deadline=None)
@given(
    hops_s=st.lists(st.integers(2, 12), min_size=1, max_size=4),
    tuners=st.lists(st.sampled_from([ALL, E4000]), min_size=4, max_size=4),
)
def test_every_hop_has_one_receiver_that_tunes_it_and_the_times_are_even(
    hops_s: list[int], tuners: list[tuple[tuple[int, int], ...]]
) -> None:
    reaches = [
        Reach(tunes_hz=tuner if index else ALL, hop_s=hop_s / 2)
        for index, (hop_s, tuner) in enumerate(zip(hops_s, tuners, strict=False))
    ]
    plan = plan_hops(((24_000_000, 1_766_000_000),))
    parts = share_hops(plan, reaches)
    assert sorted(hop for part in parts for hop in part) == list(range(plan.n_hops))
    for reach, part in zip(reaches, parts, strict=True):
        assert all(reach.beyond_hz(plan.hop_centers_hz[hop]) <= 960_000 for hop in part)
    ideal = plan.n_hops / sum(1 / reach.hop_s for reach in reaches)
    alone = [
        hop for hop in range(plan.n_hops) if sum(one.beyond_hz(plan.hop_centers_hz[hop]) == 0 for one in reaches) < 2
    ]
    longest = max(len(part) * reach.hop_s for part, reach in zip(parts, reaches, strict=True))
    assert longest <= max(ideal, len(alone) * reaches[0].hop_s) + max(reach.hop_s for reach in reaches)


def test_parts_are_contiguous_but_for_what_a_tuner_lacks() -> None:
    plan = plan_hops(((110_000_000, 2_200_000_000),))
    parts = share_hops(plan, [Reach(tunes_hz=E4000, hop_s=1.0), Reach(tunes_hz=ALL, hop_s=1.0)])
    assert [len(part_ranges(plan, part)) for part in parts] == [2, 2]
    assert abs(len(parts[0]) - len(parts[1])) <= 1
    both = [Reach(tunes_hz=ALL, hop_s=1.0)] * 2
    assert [len(part_ranges(PLAN, part)) for part in share_hops(PLAN, both)] == [1, 1]
    with pytest.raises(ParameterError, match="none of the sources tunes 23"):
        share_hops(plan_hops(((23_000_000, 60_000_000),)), [Reach(tunes_hz=E4000, hop_s=1.0)])
    with pytest.raises(ParameterError, match="one has nothing to do"):
        share_hops(plan_hops(((430_000_000, 431_000_000),)), both)


def test_each_receiver_has_a_part_of_the_fm_band() -> None:
    plan = plan_hops(ALL)
    parts = [part_ranges(plan, part) for part in share_hops(plan, [Reach(tunes_hz=ALL, hop_s=1.0)] * 2)]
    assert [len(part) for part in parts] == [2, 2]
    in_fm = [sum(min(stop, 108e6) - max(start, 87.5e6) for start, stop in part if start < 108e6) for part in parts]
    assert min(in_fm) > 8e6


def test_the_order_does_not_depend_on_who_is_quicker() -> None:
    quick_first = told(shared(Told(0), Told(1, (0.004, 0.001))))
    assert quick_first == told(shared(Told(0, (0.0, 0.006, 0.002)), Told(1)))
    assert quick_first == [(p, hop, hop // 3) for p in (0, 1) for hop in (0, 3, 1, 4, 2, 5)]


@pytest.mark.parametrize("lost", [0, 1])
def test_what_one_cannot_do_is_a_gap_at_the_end_of_the_pass(lost: int) -> None:
    sources = [Told(number, lost_after=1 if number == lost else None) for number in (0, 1)]
    blocks = told(shared(*sources), passes=2)
    reason = f"T{lost}, hops {3 * lost + 2} to {3 * lost + 3}: unplugged"
    for pass_index in (0, 1):
        mine = [one for one in blocks if one[0] == pass_index]
        assert [one[2] for one in mine if one[1] is not None].count(1 - lost) == 3, "the other goes on"
        assert mine[-1][1:] == (None, reason)


def test_an_error_of_one_comes_in_its_place_and_ends_the_other() -> None:
    class Defect(Told):
        def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
            yield from (block for block, _ in zip(super().blocks(passes), range(4), strict=False))
            raise ZeroDivisionError

    source = shared(Told(0), Defect(1))
    blocks = source.blocks(3)
    assert len([next(blocks) for _ in range(9)]) == 9
    with pytest.raises(ZeroDivisionError):
        next(blocks)
    assert not [thread for thread in threading.enumerate() if thread.name in ("T0", "T1")]
    source.close()


def test_looks_go_to_the_receiver_of_the_part_once_all_are_at_rest() -> None:
    sources = (Told(0, (0.002,)), Told(1, (0.002,)))
    source = shared(*sources)
    blocks = source.blocks(50)
    next(blocks)  # both read ahead now
    low, high = LookRequest(center_freq_hz=435_300_000), LookRequest(center_freq_hz=436_200_000)
    for request in (low, high):
        with pytest.raises(DeviceError, match="only tells"):
            source.look(request)
    assert [one.asked for one in sources] == [[low], [high]]
    source.close()
    assert all(one.closed for one in sources)


def test_the_instrument_names_both_and_what_they_share() -> None:
    source = shared(Told(0), Told(1))
    both = source.instrument
    assert (both.driver, both.serial, both.gain_db, both.sample_format) == ("told", "T0, T1", None, "cu8")
    assert [one.gain_db for one in both.receivers] == [20.0, 21.0]
    assert both.receivers[0].ranges_hz[-1][1] == both.receivers[1].ranges_hz[0][0], "no gap and no overlap"


# --- through the driver ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """A workspace."""

    root: Path

    def run(self, *words: str, code: tuple[int, ...] = (0, 3)) -> dict[str, Any]:
        result = self.root / "result.json"
        argv = ["--workspace", str(self.root), *words, "--json", str(result)]
        assert main(argv) in code
        document: dict[str, Any] = json.loads(result.read_text())
        return document

    def sweep(self, *words: str) -> dict[str, Any]:
        sources = ["--source", "rtlsdr:QR2", "--source", "rtlsdr:QR1"]
        return self.run("sweep", "lab", *sources, *RANGES, "--keep-iq", *words)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Workspace.create(tmp_path / "ws").root)


def test_two_dongles_make_one_record(bench: Bench, virtual_dongle: PlugIn, capsys: pytest.CaptureFixture[str]) -> None:
    virtual_dongle(Scene(emitters=EMITTERS, retune_s=0.0005, stale_samples=4000, dongles=TWO))
    live = bench.sweep("--passes", "3", "--gain", "25.4", "--gain", "28", "--ppm", "2", "--ppm", "1")
    with SweepRecord.open(Path(live["record"])) as record:
        receivers = record.instrument.receivers
        assert [(one.serial, one.gain_db, one.ppm) for one in receivers] == [("QR1", 28.0, 1.0), ("QR2", 25.4, 2.0)]
        assert all(one.settle_measured is not None and one.settle_s for one in receivers)
        assert record.plan is not None and record.plan.gain_db is None
        for row in record.rows():
            assert (row.hop_flags & HOP_MEASURED).all()
            assert row.hop_gain_db.tolist() == pytest.approx([28.0] * 3 + [25.4] * 3)
        assert not record.gaps
    for emitter in EMITTERS:
        assert any(abs(one["center_freq_hz"] - emitter.freq_hz) < 20e3 for one in live["findings"])
    said = capsys.readouterr().out
    assert "rtlsdr QR1 (R820T), gain 28 dB, correction 1 ppm" in said
    assert "rtlsdr QR2 (R820T), gain 25.4 dB" in " ".join(said.split())


@pytest.mark.parametrize("faults", [{}, {"unplug_after_reads": 26, "replug_after_tries": 2}], ids=["healthy", "ailing"])
def test_the_replay_is_the_sweep(bench: Bench, virtual_dongle: PlugIn, faults: dict[str, int]) -> None:
    dongles = (TWO[0], replace(TWO[1], **faults))
    virtual_dongle(Scene(emitters=EMITTERS, retune_s=0.0005, dongles=dongles))
    live = bench.sweep("--passes", "5")
    kept = sorted(str(path) for path in Path(live["record"]).with_suffix(".iq").glob("*.sigmf-meta"))
    replayed = bench.run("replay", "lab", *kept)
    with SweepRecord.open(Path(live["record"])) as first, SweepRecord.open(Path(replayed["record"])) as second:
        assert first.n_rows == 5
        assert first.leaves == second.leaves
        assert first.look_leaves == second.look_leaves
        assert first.instrument == second.instrument
        assert first.plan == second.plan
        assert [(gap.pass_index, gap.hop_index, gap.reason) for gap in first.gaps] == [
            (gap.pass_index, gap.hop_index, gap.reason) for gap in second.gaps
        ]
        assert bool(first.gaps) == bool(faults)
        measured = np.array([(row.hop_flags & HOP_MEASURED) > 0 for row in first.rows()])
        assert measured[:, :3].all(), "the other one went on"
        assert measured[:, 3:].all() == (not faults)
    assert {**live, "record": ""} == {**replayed, "record": ""}


def test_one_that_stays_away_leaves_its_part_unmeasured(virtual_dongle: PlugIn) -> None:
    virtual_dongle(Scene(dongles=(replace(TWO[0], unplug_after_reads=60), TWO[1])))
    source = open_sources(["rtlsdr:0", "rtlsdr:1"], [SourceOptions(ranges_hz=((430_000_000, 460_000_000),))] * 2)
    assert isinstance(source, SharedSource)
    hurried = source._parts[0].source
    hurried._recovery = replace(hurried._recovery, retry_s=0.0)  # type: ignore[attr-defined]
    blocks = list(source.blocks(12))
    source.close()
    last = [block for block in blocks if block.pass_index == 11]
    assert [one.hop_index for one in last if isinstance(one, HopSamples)] == list(range(8, 16))
    gaps = [one for one in last if isinstance(one, HopGap)]
    assert gaps[-1] is last[-1]
    assert gaps[-1].reason.startswith("QR1, hops 6 to 8: rest of the pass given up")


def test_what_cannot_be_shared_is_said_in_one_line(
    bench: Bench, virtual_dongle: PlugIn, capsys: pytest.CaptureFixture[str]
) -> None:
    virtual_dongle(Scene(dongles=(*TWO, Dongle(), Dongle())))

    def refused(*words: str) -> str:
        assert main(["--workspace", str(bench.root), "sweep", "lab", *RANGES, *words]) == 2
        line = capsys.readouterr().err.strip()
        assert "\n" not in line
        return line

    assert "are one receiver; name each once" in refused("--source", "rtlsdr:0", "--source", "rtlsdr:QR1")
    assert "rtl_eeprom -d 3 -s SERIAL" in refused("--source", "rtlsdr:2", "--source", "rtlsdr:3")
    assert "quietroom replay" in refused("--source", "rtlsdr:0", "--source", "some.cu8")
    assert "simulated room and a receiver" in refused("--source", "rtlsdr:0", "--source", "sim:meeting-room")
    assert "there is no dongle 7" in refused("--source", "rtlsdr:0", "--source", "rtlsdr:7")
    assert "given 3 times for 2 sources" in refused(
        *("--source", "rtlsdr:0", "--source", "rtlsdr:1"), *("--ppm", "1", "--ppm", "2", "--ppm", "3")
    )
    assert not list((bench.root / "sweeps").iterdir()), "nothing is left behind"
