"""The sweep session, from any source to a closed record."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rows import make_finding

from dsp.errors import CaptureError, DeviceError, RecordError
from sweep.analysis import READ_AHEAD
from sweep.events import Closed, Event, FindingMade, GapSeen, HopDone, RowDone
from sweep.journal import JournalReader
from sweep.model import (
    FILL,
    HOP_MEASURED,
    HOP_OVERLOADED,
    HOP_UNLOCKED,
    HopGap,
    HopSamples,
    Instrument,
    Judge,
    Judgement,
    SpectraSource,
    SweepRow,
)
from sweep.plan import Layout, SweepPlan, plan_hops
from sweep.record import SweepRecord
from sweep.recovery import recover
from sweep.session import SweepSession
from sweep.stitch import PassAssembler, row_bytes
from sweep.stored_hop import examine, to_centidecibels

START_NS = 1_700_000_000_000_000_000
TONE_HZ = 433_920_000
PLAN = plan_hops(((430_000_000, 436_000_000),), sample_rate_hz=2_400_000, bin_width_hz=10_000, n_frames=8)


class Receiver:
    """Noise and one carrier as an 8-bit receiver gives them; faults happen where they are asked for."""

    def __init__(self, plan: SweepPlan = PLAN, *, mistuned_hz: float = 0.0, level: float = 0.25) -> None:
        self.plan = plan
        self.instrument = Instrument(driver="test", serial="1", sample_format="cu8", synthetic=True)
        self.faults: dict[tuple[int, int], HopGap | Exception | dict[str, object]] = {}
        self.mistuned_hz = mistuned_hz
        self.level = level
        self.n_closed = 0
        self.gives_only_gaps = False

    def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
        for pass_index in itertools.count() if passes is None else range(passes):
            for hop_index in range(self.plan.n_hops):
                fault = self.faults.get((pass_index, hop_index))
                if isinstance(fault, Exception):
                    raise fault
                if isinstance(fault, HopGap) or self.gives_only_gaps:
                    yield gap(pass_index, hop_index)
                else:
                    yield replace(self.hop(pass_index, hop_index), **(fault or {}))

    def hop(self, pass_index: int, hop_index: int) -> HopSamples:
        tuned_hz = self.plan.hop_centers_hz[hop_index] + self.mistuned_hz
        n_samples = self.plan.hop_samples
        rng = np.random.default_rng((pass_index, hop_index))
        iq = 0.02 * rng.standard_normal((n_samples, 2)) @ np.array([1, 1j])
        if abs(TONE_HZ - tuned_hz) < self.plan.sample_rate_hz / 2:
            iq += self.level * np.exp(
                2j * np.pi * (TONE_HZ - tuned_hz) / self.plan.sample_rate_hz * np.arange(n_samples)
            )
        raw = np.clip(np.rint(iq.view(np.float64) * 128 + 127.5), 0, 255).astype(np.uint8)
        at_ns = moment_ns(pass_index, hop_index)
        return HopSamples(
            raw=raw,
            sample_format="cu8",
            center_freq_hz=tuned_hz,
            sample_rate_hz=self.plan.sample_rate_hz,
            gain_db=20.0,
            utc_ns=START_NS + at_ns,
            monotonic_ns=at_ns,
            pass_index=pass_index,
            hop_index=hop_index,
        )

    def close(self) -> None:
        self.n_closed += 1


def moment_ns(pass_index: int, hop_index: int) -> int:
    return (pass_index * PLAN.n_hops + hop_index) * 100_000_000


def gap(pass_index: int, hop_index: int | None, reason: str = "the dongle was unplugged") -> HopGap:
    at_ns = moment_ns(pass_index, hop_index or 0)
    return HopGap(
        pass_index=pass_index, hop_index=hop_index, utc_ns=START_NS + at_ns, monotonic_ns=at_ns, reason=reason
    )


def loudest_bin(layout: Layout, rows: Callable[[], Iterable[SweepRow]], *_: object) -> Judgement:
    """A judge that reads the rows twice, as real ones do, and finds the loudest bin."""
    levels = np.full(layout.n_bins, FILL, np.int16)
    for row in rows():
        np.maximum(levels, row.mean, out=levels)
    n_rows = sum(1 for _ in rows())
    findings = [{**make_finding(), "center_freq_hz": float(layout.freq_hz[levels.argmax()]), "hits": n_rows}]
    document = {
        "verdict": "anomalies" if n_rows else "inconclusive",
        "reasons": [] if n_rows else ["nothing was measured"],
        "baseline": None,
        "false_alarms_per_sweep": 0.1,
        "coverage": [],
        "findings": findings if n_rows else [],
        "unconfirmed": [],
        "rejected_candidates": [],
    }
    return Judgement(document=document, noise_floor_dbfs=np.full(layout.n_bins, np.nan, np.float32))


class Sweep:
    """A session in a folder of its own, and what came of it."""

    def __init__(self, folder: Path, source: Receiver | SpectraSource, judge: Judge = loudest_bin, **options: object):
        self.record_path = folder / "lab.h5"
        self.journal_path = folder / "lab.journal"
        self.session = SweepSession(
            source, start={"room": "lab"}, name_record=lambda _: self.record_path, judge=judge, **options
        )
        self.events: list[Event] = []

    def run(self) -> Sweep:
        for event in self.session.events():
            self.events.append(event)
        return self

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def gaps(self) -> list[HopGap]:
        return [event.gap for event in self.events if isinstance(event, GapSeen)]

    def rows(self) -> list[SweepRow]:
        with SweepRecord.open(self.record_path) as record:
            return list(record.rows())


def measured_hops(row: SweepRow, plan: SweepPlan = PLAN) -> list[int]:
    """Hops with anything in them; a hop is measured in whole or not at all."""
    shape = (plan.n_hops, plan.hop_bins)
    filled = (row.mean == FILL).reshape(shape)
    assert (filled.all(axis=1) | ~filled.any(axis=1)).all()
    measured = np.flatnonzero(~filled.all(axis=1))
    assert np.array_equal(measured, np.flatnonzero(row.hop_flags & HOP_MEASURED))
    return [int(hop) for hop in measured]


def test_a_sweep_gives_events_in_order_and_a_record(tmp_path: Path) -> None:
    source = Receiver()
    sweep = Sweep(tmp_path, source, passes=2).run()
    kinds = sweep.kinds()
    assert [kind for kind in kinds if kind != "HopDone"] == ["RowDone", "RowDone", "FindingMade", "Closed"]
    assert kinds.count("HopDone") == 2 * PLAN.n_hops
    assert kinds.index("RowDone") >= PLAN.n_hops  # and later where the disk is slow
    closed = sweep.events[-1]
    assert isinstance(closed, Closed)
    assert (closed.record_path, closed.n_rows) == (str(sweep.record_path), 2)
    assert source.n_closed == 1
    with SweepRecord.open(sweep.record_path) as record:
        assert [ok for _, ok in record.verify_rows()] == [True, True]
        assert list(record.leaves) == [event.leaf for event in sweep.events if isinstance(event, RowDone)]
        assert record.judgement.document["findings"] == [
            {**make_finding(), "center_freq_hz": TONE_HZ, "hits": 2, "iq_snippet": None}
        ]
        assert (record.plan, record.instrument) == (PLAN, source.instrument)
        assert record.start["start_time"] == "2023-11-14T22:13:20.000000000Z"
        assert (record.start["room"], record.start["synthetic"]) == ("lab", True)


@pytest.mark.parametrize("mistuned_hz", [0.0, 3_700.0, -4_900.0])
def test_a_carrier_lies_in_its_bin_at_its_level(tmp_path: Path, mistuned_hz: float) -> None:
    """Also when the tuner could not be set to the grid."""
    sweep = Sweep(tmp_path, Receiver(mistuned_hz=mistuned_hz), passes=1).run()
    (row,) = sweep.rows()
    layout = PLAN.layout()
    loudest = int(row.mean.argmax())
    assert layout.freq_hz[loudest] == TONE_HZ
    assert row.mean[loudest] / 100 == pytest.approx(20 * np.log10(0.25), abs=0.1)
    assert row.hop_center_freq_hz.tolist() == [hz + mistuned_hz for hz in PLAN.hop_centers_hz]
    assert set(row.hop_flags) == {HOP_MEASURED}


def test_a_row_is_on_disk_before_its_event(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Receiver(), passes=3)
    n_rows = 0
    for event in sweep.session.events():
        if isinstance(event, RowDone):
            n_rows += 1
            assert sweep.session._open is not None
            assert sweep.session._open.journal.n_saved >= n_rows
            with JournalReader(sweep.journal_path) as journal:
                assert journal.leaves[n_rows - 1] == event.leaf
    assert n_rows == 3


def test_group_commit_changes_no_row_and_keeps_the_order(tmp_path: Path) -> None:
    for name, interval in (("each", 0.0), ("group", 1e9)):
        (tmp_path / name).mkdir()
        source = Receiver()
        source.faults[1, 0] = gap(1, 0)
        sweep = Sweep(tmp_path / name, source, passes=3, sync_interval_s=interval).run()
        kinds = [kind for kind in sweep.kinds() if kind != "HopDone"]
        assert kinds == ["RowDone", "GapSeen", "RowDone", "RowDone", "FindingMade", "Closed"]
    assert (tmp_path / "each/lab.h5").read_bytes() == (tmp_path / "group/lab.h5").read_bytes()


@settings(deadline=None, max_examples=60)
@given(st.sets(st.integers(0, 2 * PLAN.n_hops - 1)))
def test_what_was_not_received_is_fill(missing: set[int]) -> None:
    assembler = PassAssembler(PLAN)
    source = Receiver()
    source.faults = {divmod(index, PLAN.n_hops): gap(*divmod(index, PLAN.n_hops)) for index in missing}
    pieces = [piece for block in source.blocks(2) for piece in assembler.take(examine(PLAN, block))]
    pieces += assembler.finish()
    rows = [piece for piece in pieces if isinstance(piece, SweepRow)]
    there = [
        [hop for hop in range(PLAN.n_hops) if pass_index * PLAN.n_hops + hop not in missing] for pass_index in (0, 1)
    ]
    assert [measured_hops(row) for row in rows] == [hops for hops in there if hops]
    assert [row.sequence for row in rows] == list(range(len(rows)))
    assert sum(isinstance(piece, HopGap) for piece in pieces) == len(missing)
    for row, hops in zip(rows, (hops for hops in there if hops), strict=True):
        assert row.utc_ns == row.hop_utc_ns[hops[0]]
        unmeasured = np.setdiff1d(np.arange(PLAN.n_hops), hops)
        assert np.isnan(row.hop_rms_dbfs[unmeasured]).all()
        assert not row.hop_utc_ns[unmeasured].any()


def test_the_rest_of_a_pass_may_be_missing(tmp_path: Path) -> None:
    class Unplugged(Receiver):
        def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
            yield self.hop(0, 0)
            yield gap(0, None)
            yield self.hop(1, 0)
            yield self.hop(1, 1)
            yield self.hop(2, 1)  # even without a word about the rest of pass 1

    rows = Sweep(tmp_path, Unplugged(), passes=3).run().rows()
    assert [measured_hops(row) for row in rows] == [[0], [0, 1], [1]]


def test_stop_keeps_the_part_that_was_measured(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Receiver(), passes=100)
    for event in sweep.session.events():
        sweep.events.append(event)
        if isinstance(event, HopDone) and (event.pass_index, event.hop_index) == (1, 1):
            sweep.session.stop()
    measured = [(number, hop) for number, row in enumerate(sweep.rows()) for hop in measured_hops(row)]
    assert measured == [divmod(number, PLAN.n_hops) for number in range(len(measured))]  # not one was lost
    assert PLAN.n_hops + 2 <= len(measured) <= PLAN.n_hops + 2 + READ_AHEAD + 1
    last_pass, last_hop = measured[-1]
    gaps = [(gap.pass_index, gap.hop_index, gap.reason) for gap in sweep.gaps()]
    at = (last_pass, last_hop + 1) if last_hop + 1 < PLAN.n_hops else (last_pass + 1, 0)
    assert gaps == [(at[0], None, f"stopped by the user at hop {at[1]} of {PLAN.n_hops}")]
    assert isinstance(sweep.events[-1], Closed)


def test_a_source_is_not_closed_while_it_is_read(tmp_path: Path) -> None:
    class Slow(Receiver):
        is_read = False

        def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
            for block in super().blocks(passes):
                self.is_read = True
                time.sleep(0.02)
                self.is_read = False
                yield block

        def close(self) -> None:
            assert not self.is_read
            super().close()

    source = Slow()
    sweep = Sweep(tmp_path, source, passes=None)
    events = sweep.session.events()
    next(event for event in events if isinstance(event, RowDone))
    events.close()  # as when whoever follows the sweep fails
    assert source.n_closed == 1


def test_stop_in_the_last_hop_is_no_gap(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Receiver(), passes=1)
    for event in sweep.session.events():
        sweep.events.append(event)
        if isinstance(event, HopDone) and event.hop_index == PLAN.n_hops - 1:
            sweep.session.stop()
    assert sweep.gaps() == []


def test_a_second_interrupt_leaves_a_journal_that_can_be_recovered(tmp_path: Path) -> None:
    def interrupted(layout: Layout, rows: Callable[[], Iterable[SweepRow]], *_: object) -> Judgement:
        raise KeyboardInterrupt

    sweep = Sweep(tmp_path, Receiver(), interrupted, passes=2)
    with pytest.raises(KeyboardInterrupt, match=r"quietroom recover .*lab\.journal"):
        sweep.run()
    assert not sweep.record_path.exists()
    recovered = recover(sweep.journal_path, loudest_bin)
    with SweepRecord.open(recovered) as record:
        assert list(record.leaves) == [event.leaf for event in sweep.events if isinstance(event, RowDone)]


def test_a_defect_of_the_judge_loses_no_row(tmp_path: Path) -> None:
    def broken(layout: Layout, rows: Callable[[], Iterable[SweepRow]], *_: object) -> Judgement:
        raise ZeroDivisionError("a defect")

    sweep = Sweep(tmp_path, Receiver(), broken, passes=1)
    with pytest.raises(ZeroDivisionError) as caught:
        sweep.run()
    assert "quietroom recover" in "".join(caught.value.__notes__)
    with JournalReader(sweep.journal_path) as journal:
        assert journal.n_rows == 1


def test_only_gaps_close_an_inconclusive_record(tmp_path: Path) -> None:
    source = Receiver()
    source.gives_only_gaps = True
    sweep = Sweep(tmp_path, source, passes=2).run()
    closed = sweep.events[-1]
    assert isinstance(closed, Closed)
    assert (closed.n_rows, closed.judgement.document["verdict"]) == (0, "inconclusive")
    with SweepRecord.open(sweep.record_path) as record:
        assert (record.n_rows, len(record.gaps)) == (0, 2 * PLAN.n_hops)


def test_a_failing_receiver_is_a_gap_and_the_record_is_closed(tmp_path: Path) -> None:
    source = Receiver()
    source.faults[1, 1] = DeviceError("the dongle is gone")
    sweep = Sweep(tmp_path, source, passes=3).run()
    assert [gap.reason for gap in sweep.gaps()] == [f"the dongle is gone at hop 1 of {PLAN.n_hops}"]
    assert [measured_hops(row) for row in sweep.rows()] == [list(range(PLAN.n_hops)), [0]]


@pytest.mark.parametrize("error", [DeviceError("no dongle"), CaptureError("empty")])
def test_a_source_that_fails_at_once_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    source = Receiver()
    source.faults[0, 0] = error
    with pytest.raises(type(error), match=str(error)):
        Sweep(tmp_path, source, passes=1).run()
    assert list(tmp_path.iterdir()) == []
    assert source.n_closed == 1


def test_a_damaged_recording_leaves_nothing(tmp_path: Path) -> None:
    source = Receiver()
    source.faults[1, 0] = CaptureError("x.cf32: sample 12 is not a number")
    with pytest.raises(CaptureError, match=r"not a number$"):
        Sweep(tmp_path, source, passes=2).run()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="nothing to record"):
        Sweep(tmp_path, Receiver(), passes=0).run()
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_never_overwritten(tmp_path: Path) -> None:
    Sweep(tmp_path, Receiver(), passes=1).run()
    before = (tmp_path / "lab.h5").read_bytes()
    (tmp_path / "lab.journal").unlink(missing_ok=True)
    with pytest.raises(RecordError, match=r"lab\.h5"):
        Sweep(tmp_path, Receiver(level=0.1), passes=1).run()
    assert (tmp_path / "lab.h5").read_bytes() == before


def test_duration_ends_after_a_whole_pass(tmp_path: Path) -> None:
    duration_s = (moment_ns(2, 0) + 1) / 1e9  # a moment after the third pass began
    sweep = Sweep(tmp_path, Receiver(), duration_s=duration_s).run()
    assert [measured_hops(row) for row in sweep.rows()] == [list(range(PLAN.n_hops))] * 3
    assert sweep.gaps() == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"center_freq_hz": 500e6}, "tuned to 500000000 Hz where the plan has"),
        ({"raw": np.full(64, 127, np.uint8)}, "32 samples came where the plan has"),
    ],
)
def test_samples_that_do_not_fit_the_plan_are_a_gap(tmp_path: Path, fault: dict[str, object], reason: str) -> None:
    source = Receiver()
    source.faults[0, 1] = fault
    sweep = Sweep(tmp_path, source, passes=1).run()
    (seen,) = sweep.gaps()
    assert reason in seen.reason
    assert 1 not in measured_hops(sweep.rows()[0])


def test_overload_and_lost_lock_are_flagged(tmp_path: Path) -> None:
    loud = Receiver(level=1.2)
    loud.faults[0, 0] = {"tuner_locked": False, "dropped_samples": 77}
    sweep = Sweep(tmp_path, loud, passes=1).run()
    (row,) = sweep.rows()
    near = [hop for hop, hz in enumerate(PLAN.hop_centers_hz) if abs(TONE_HZ - hz) < PLAN.sample_rate_hz / 2]
    flags = [HOP_MEASURED | HOP_OVERLOADED * (hop in near) | HOP_UNLOCKED * (hop == 0) for hop in range(PLAN.n_hops)]
    assert row.hop_flags.tolist() == flags
    assert row.hop_dropped_samples[0] == 77
    overloaded = [event.overloaded for event in sweep.events if isinstance(event, HopDone)]
    assert overloaded == [hop in near for hop in range(PLAN.n_hops)]


class Scan:
    """Rows that another tool made."""

    def __init__(self, n_rows: int) -> None:
        self.instrument = Instrument(driver="rtl_power")
        self.layout = Layout(
            freq_hz=np.arange(100) * 1e4 + 4e8,
            bin_width_hz=1e4,
            n_hops=2,
            hop_bins=50,
            enbw_bins=1.0,
            n_averages=None,
        )
        self.n_rows = n_rows

    def rows(self) -> Iterator[SweepRow]:
        unknown = np.full(2, np.nan, np.float32)
        for sequence in range(self.n_rows):
            yield SweepRow(
                sequence=sequence,
                utc_ns=START_NS + sequence,
                monotonic_ns=sequence,
                mean=np.arange(-5000, -4900, dtype=np.int16),
                hop_utc_ns=np.full(2, START_NS + sequence),
                hop_monotonic_ns=np.full(2, sequence),
                hop_center_freq_hz=np.array([400.25e6, 400.75e6]),
                hop_gain_db=unknown,
                hop_clip_fraction=unknown,
                hop_rms_dbfs=unknown,
                hop_dc_dbfs=unknown,
                hop_fluctuation_db=unknown,
                hop_dropped_samples=np.zeros(2, np.int32),
                hop_flags=np.full(2, HOP_MEASURED, np.uint8),
            )

    def close(self) -> None:
        """Nothing is open."""


def test_spectra_of_another_tool_go_in_as_they_are(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Scan(3)).run()
    assert sweep.kinds() == ["RowDone"] * 3 + ["FindingMade", "Closed"]
    assert [row.mean.tolist() for row in sweep.rows()] == [list(range(-5000, -4900))] * 3
    with SweepRecord.open(sweep.record_path) as record:
        assert record.plan is None


def test_spectra_can_be_stopped(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Scan(9))
    for event in sweep.session.events():
        sweep.events.append(event)
        sweep.session.stop()
    assert len(sweep.rows()) == 1
    assert [gap.reason for gap in sweep.gaps()] == ["stopped by the user after row 1"]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(2.0**-99, 2.0**10, width=32), min_size=1, max_size=50))
def test_quantising_is_within_half_a_step(powers: list[float]) -> None:
    power = np.array(powers, np.float32)
    before = power.copy()
    stored: NDArray[np.int16] = to_centidecibels(power)
    assert np.abs(stored / 100 - 10 * np.log10(power.astype(np.float64))).max() <= 0.00501 + 1e-4
    assert np.array_equal(power, before)


def test_the_size_of_a_row_is_known_beforehand() -> None:
    assembler = PassAssembler(PLAN)
    (row,) = [
        piece
        for block in Receiver().blocks(1)
        for piece in assembler.take(examine(PLAN, block))
        if isinstance(piece, SweepRow)
    ]
    arrays = [getattr(row, name) for name in SweepRow.__slots__ if isinstance(getattr(row, name), np.ndarray)]
    assert row_bytes(PLAN) == sum(array.nbytes for array in arrays)


def test_findings_are_told_after_they_are_in_the_journal(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path, Receiver(), passes=1)
    for event in sweep.session.events():
        if isinstance(event, FindingMade) and sweep.journal_path.exists():
            with JournalReader(sweep.journal_path) as journal:
                assert journal.findings == [dict(event.finding)]
                assert journal.judgement is not None
