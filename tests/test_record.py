"""The sweep record: packed from a journal, read back, opened by other tools, and refused when damaged."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexusformat.nexus import nxload
from rows import (
    OPTIONAL,
    START_NS,
    as_bytes,
    make_gap,
    make_judgement,
    make_layout,
    make_plan,
    make_row,
    make_start,
    same_rows,
    write_journal,
)

from dsp.errors import RecordError
from sweep.journal import JournalWriter, Note
from sweep.leaf import row_arrays
from sweep.model import FILL, Instrument
from sweep.packing import pack
from sweep.plan import Layout
from sweep.record import SweepRecord
from sweep.row_blocks import BLOCK_BYTES

FORMAT_PAGE = Path(__file__).resolve().parents[1] / "docs/record-format.md"
HALF_WRITTEN = """
import os, sys, signal
from pathlib import Path
import sweep.packing.placement as packing
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
packing._compare = die
packing.pack(Path(sys.argv[1]), Path(sys.argv[2]))
"""


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from dsp.errors import RecordError
from sweep.packing import pack
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    pack(Path(sys.argv[1]), Path(sys.argv[2]))
except RecordError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record")
    write_journal(folder / "a.journal")
    pack(folder / "a.journal", folder / "a.h5", keep_journal=True)
    return folder / "a.h5"


@pytest.fixture
def record_path(packed: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copy(packed, tmp_path / "copy.h5"))


def read_all(path: Path) -> list[object]:
    """Everything that a record says, comparable."""
    with SweepRecord.open(path) as record:
        judged, baseline = record.judgement, record.judgement.baseline_dbfs
        return [
            record.verify_rows(),
            [(row.sequence, row.utc_ns, row.mean.tobytes(), row.hop_gain_db.tobytes()) for row in record.rows()],
            (judged.document, judged.noise_floor_dbfs.tobytes(), None if baseline is None else baseline.tobytes()),
            (record.summary_mean_dbfs.tobytes(), [part.tobytes() for part in record.waterfall]),
            (record.gaps, record.notes, record.leaves, record.end_time, record.recovered),
            (record.start, record.plan, record.instrument, record.layout.freq_hz.tobytes()),
        ]


@settings(deadline=None, max_examples=20)
@given(
    n_rows=st.integers(0, 6),
    n_hops=st.integers(1, 3),
    hop_bins=st.integers(1, 30),
    absent=st.sets(st.sampled_from(OPTIONAL)),
    baseline=st.booleans(),
)
def test_what_is_packed_comes_back(
    *,
    tmp_path_factory: pytest.TempPathFactory,
    n_rows: int,
    n_hops: int,
    hop_bins: int,
    absent: set[str],
    baseline: bool,
) -> None:
    folder = tmp_path_factory.mktemp("pack")
    plan = make_plan(n_hops, hop_bins)
    layout, start = plan.layout(), make_start(plan)
    rows = write_journal(
        folder / "a.journal", n_rows, layout=layout, absent=tuple(absent), baseline=baseline, start=start
    )
    pack(folder / "a.journal", folder / "a.h5")
    judged = make_judgement(layout, baseline=baseline)
    with SweepRecord.open(folder / "a.h5") as record:
        assert all(same_rows(a, b) for a, b in zip(rows, record.rows(), strict=True))
        assert record.verify_rows() == [(number, True) for number in range(n_rows)]
        assert (record.start, record.plan, record.n_rows) == (start, plan, n_rows)
        assert record.layout.freq_hz.tobytes() == layout.freq_hz.tobytes()
        assert record.judgement.document == judged.document
        assert record.judgement.noise_floor_dbfs.tobytes() == judged.noise_floor_dbfs.tobytes()
        assert (record.judgement.baseline_dbfs is None) == (not baseline)
        assert as_bytes(record.judgement.threshold_db) == as_bytes(judged.threshold_db)
        assert (record.summary_max_dbfs is None) == ("max_hold" in absent or n_rows == 0)
        assert not record.recovered
    assert [path.name for path in folder.iterdir()] == ["a.h5"]  # no journal, ballast or part is left


def test_the_record_says_what_the_start_said(packed: Path) -> None:
    with SweepRecord.open(packed) as record:
        assert record.instrument == Instrument(
            driver="rtlsdr", serial="00000001", tuner="R820T", gain_db=29.7, sample_format="cu8"
        )
        assert record.gaps == (make_gap(), make_gap(hop_index=None, reason="retune failed"))
        assert record.notes == (Note(utc_ns=START_NS, kind="gain", text="gain lowered"),)
        assert record.end_time == "2026-11-18T11:10:00Z"
        assert record.path == packed


def test_packing_twice_gives_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    time.sleep(1.1)  # HDF5 stamps objects in whole seconds, where it does
    shutil.copy(packed.with_suffix(".journal"), tmp_path / "b.journal")
    pack(tmp_path / "b.journal", tmp_path / "b.h5")
    assert (tmp_path / "b.h5").read_bytes() == packed.read_bytes()


def test_previews_say_what_the_rows_say(packed: Path) -> None:
    with SweepRecord.open(packed) as record:
        rows = list(record.rows())
        mean = np.ma.masked_equal([row.mean for row in rows], FILL) / 100
        peak = np.ma.masked_equal([row.max_hold for row in rows], FILL) / 100
        expected = 10 * np.log10((10 ** (mean / 10)).mean(axis=0))
        np.testing.assert_allclose(record.summary_mean_dbfs, expected.filled(np.nan), rtol=1e-5)
        np.testing.assert_allclose(record.summary_max_dbfs, peak.max(axis=0).filled(np.nan), rtol=1e-5)
        level, time_s, freq_hz = record.waterfall
        np.testing.assert_allclose(level, peak.filled(np.nan), rtol=1e-5)
        np.testing.assert_array_equal(freq_hz, record.layout.freq_hz)
        np.testing.assert_allclose(time_s, [(row.utc_ns - rows[0].utc_ns) / 1e9 for row in rows])


def test_the_waterfall_of_a_long_wide_record_keeps_every_peak(tmp_path: Path) -> None:
    layout, n_rows = make_layout(1, 4109), 2100
    quiet = replace(make_row(0, layout, absent=OPTIONAL), mean=np.full(4109, -9000, np.int16))
    with JournalWriter.create(tmp_path / "a.journal", make_start(), layout) as journal:
        for number in range(n_rows):
            mean = quiet.mean.copy()
            mean[4108] = -100 if number == 2099 else -9000
            mean[7] = -200 if number in (252, 1000) else -9000  # 252 ends a block in the middle of a line
            mean[0] = FILL
            row = replace(quiet, sequence=number, utc_ns=START_NS + number, monotonic_ns=number, mean=mean)
            journal.append_row(row)
        journal.finish_with(make_judgement(layout))
    pack(tmp_path / "a.journal", tmp_path / "a.h5")
    assert BLOCK_BYTES // sum(values.nbytes for values in row_arrays(quiet).values()) == 253
    with SweepRecord.open(tmp_path / "a.h5") as record:
        level, time_s, freq_hz = record.waterfall
        assert level.shape == (1050, 1370)
        assert {tuple(cell) for cell in np.argwhere(level > -10)} == {(1049, 1369), (500, 2), (126, 2)}
        assert level[1049, 1369] == -1
        assert abs(freq_hz[2] - layout.freq_hz[7]) <= layout.bin_width_hz
        assert time_s[500] == 1000 / 1e9
        assert np.isnan(record.summary_mean_dbfs[0])
        assert record.summary_max_dbfs is None


def test_any_nexus_tool_finds_the_default_plot(packed: Path, tmp_path: Path) -> None:
    plot = nxload(packed).plottable_data
    with SweepRecord.open(packed) as record:
        assert plot.nxsignal.nxname == "max_hold"
        assert [axis.nxname for axis in plot.nxaxes] == ["frequency"]
        np.testing.assert_array_equal(plot.nxsignal.nxdata, record.summary_max_dbfs)
        np.testing.assert_array_equal(plot.nxaxes[0].nxdata, record.layout.freq_hz)
    assert list(plot.attrs["auxiliary_signals"]) == ["mean", "baseline", "noise_floor"]
    waterfall = nxload(packed)["entry/waterfall"]
    assert [axis.nxname for axis in waterfall.nxaxes] == ["time", "frequency"]
    assert [axis.nxname for axis in nxload(packed)["entry/data"].nxaxes] == ["time", "frequency"]
    write_journal(tmp_path / "b.journal", absent=OPTIONAL, baseline=False)
    pack(tmp_path / "b.journal", tmp_path / "b.h5")
    plot = nxload(tmp_path / "b.h5").plottable_data
    assert plot.nxsignal.nxname == "mean"
    assert plot.attrs["auxiliary_signals"] == "noise_floor" or list(plot.attrs["auxiliary_signals"]) == ["noise_floor"]


def test_the_schema_is_the_documented_one(packed: Path) -> None:
    with h5py.File(packed) as file:
        assert {"NX_class", "default", "quietroom_schema", "creator"} == set(file.attrs)
        entry = file["entry"]
        mean = entry["data/mean"]
        assert (mean.dtype, mean.compression, mean.compression_opts, mean.shuffle, mean.fletcher32) == (
            np.dtype("<i2"),
            "gzip",
            1,
            True,
            True,
        )
        assert (mean.attrs["units"], mean.attrs["scale_factor"], mean.attrs["_FillValue"]) == ("cdB(FS)", 0.01, FILL)
        finding = entry["findings"][0]
        assert (finding["id"], finding["center_freq_hz"], finding["threat_level"]) == (b"F1", 100_010_000, b"high")
        assert np.isnan(finding["snr_db"])
        assert entry["gaps"]["hop_index"].tolist() == [1, -1]
        assert entry["events"]["text"].tolist() == [b"gain lowered"]
        assert entry["plan"].attrs["hop_centers_hz"].tolist() == [100_000_000, 100_040_000]
        assert entry["site"].attrs["site"] == "Zürich"
        assert list(entry["people"].attrs["people"]) == ["A. Technician", "B. Auditor"]
        assert entry["coverage/segments"][0]["poi_1s"] == 0.5
        assert entry["instrument"].attrs["tuner"] == "R820T"
        assert "product" not in entry["instrument"].attrs  # unknown is absent, never empty
        assert json.loads(entry["sigmf/data"][0])["global"]["core:datatype"] == "cu8"
        assert entry["title"][()].decode() == "Sweep of the board room"
        assert entry["data/time"].attrs["start"] == "2026-11-18T11:06:40.123456789Z"


def test_the_page_on_the_format_is_enough_to_read_a_record(packed: Path, tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", FORMAT_PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    assert "sweep" not in re.findall(r"^(?:import|from) (\w+)", example[1], re.MULTILINE)
    script = tmp_path / "reader.py"
    script.write_text(example[1])
    result = subprocess.run([sys.executable, script, packed], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert "3 rows of 32 bins, 3 of them unaltered" in result.stdout
    assert "anomalies" in result.stdout


def pack_copies(folder: Path, layout: Layout, n_rows: int) -> Path:
    """Pack the same row many times."""
    row = make_row(0, layout, absent=OPTIONAL[1:])
    with JournalWriter.create(folder / f"{n_rows}.journal", make_start(), layout) as journal:
        for number in range(n_rows):
            journal.append_row(replace(row, sequence=number))
        journal.finish_with(make_judgement(layout))
    pack(folder / f"{n_rows}.journal", folder / f"{n_rows}.h5")
    return folder / f"{n_rows}.h5"


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    layout = make_layout(90, 768)
    peaks = []
    for n_rows in (40, 120):  # both more than two blocks
        tracemalloc.start()
        with SweepRecord.open(pack_copies(tmp_path, layout, n_rows)) as record:
            assert sum(int(row.mean[0]) for row in record.rows()) == n_rows * int(make_row(0, layout).mean[0])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    more_data = 80 * layout.n_bins * 4
    assert peaks[1] - peaks[0] < more_data / 8


def test_many_short_rows_share_chunks(tmp_path: Path) -> None:
    path = pack_copies(tmp_path, make_layout(1, 768), 1000)
    with h5py.File(path) as file:
        assert file["entry/data/mean"].chunks == (85, 768)
        assert file["entry/hops/hop_flags"].chunks == (1000, 1)
        assert file["entry/data/mean"].id.get_num_chunks() == 12
    with SweepRecord.open(path) as record:
        assert [row.sequence for row in record.rows(990)] == list(range(990, 1000))


def test_a_wide_row_is_cut_into_chunks(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", 2, layout=make_layout(100, 768), start=make_start())
    pack(tmp_path / "a.journal", tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["entry/data/mean"].chunks == (1, 65536)
        assert file["entry/hops/hop_flags"].chunks == (2, 100)


def test_bursts_without_boxes_are_kept_as_empty(tmp_path: Path) -> None:
    layout = make_layout()
    row = replace(make_row(0, layout), burst_512=np.empty(0, np.int16))
    with JournalWriter.create(tmp_path / "a.journal", make_start(), layout) as journal:
        journal.append_row(row)
        journal.finish_with(make_judgement(layout))
    pack(tmp_path / "a.journal", tmp_path / "a.h5")
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert same_rows(next(record.rows()), row)


def test_a_journal_without_judgement_is_not_packed(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", closed=False)
    with pytest.raises(RecordError, match="quietroom recover"):
        pack(tmp_path / "a.journal", tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()
    assert (tmp_path / "a.journal").exists()


def test_a_journal_in_use_is_not_packed(tmp_path: Path) -> None:
    with (
        JournalWriter.create(tmp_path / "a.journal", {}, make_layout()),
        pytest.raises(RecordError, match="in use"),
    ):
        pack(tmp_path / "a.journal", tmp_path / "a.h5")


def test_another_record_is_never_overwritten(packed: Path, tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", 2)
    shutil.copy(packed, tmp_path / "a.h5")
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(RecordError, match="another sweep"):
        pack(tmp_path / "a.journal", tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == before
    assert (tmp_path / "a.journal").exists()


def test_packing_that_died_at_its_end_is_finished(packed: Path, tmp_path: Path) -> None:
    shutil.copy(packed, tmp_path / "a.h5")
    shutil.copy(packed.with_suffix(".journal"), tmp_path / "a.journal")
    pack(tmp_path / "a.journal", tmp_path / "a.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_a_part_left_by_a_killed_packing_is_replaced(packed: Path, tmp_path: Path) -> None:
    shutil.copy(packed.with_suffix(".journal"), tmp_path / "a.journal")
    command = [sys.executable, "-c", HALF_WRITTEN, str(tmp_path / "a.journal"), str(tmp_path / "a.h5")]
    assert subprocess.run(command, check=False).returncode == -9
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5.part", "a.journal"}
    pack(tmp_path / "a.journal", tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == packed.read_bytes()
    assert not (tmp_path / "a.h5.part").exists()


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_part_that_is_not_ours_is_left_alone(packed: Path, tmp_path: Path, kind: str) -> None:
    shutil.copy(packed.with_suffix(".journal"), tmp_path / "a.journal")
    part = tmp_path / "a.h5.part"
    if kind == "link":
        part.symlink_to(packed)
    else:
        part.mkdir()
    with pytest.raises(RecordError, match="in the way"):
        pack(tmp_path / "a.journal", tmp_path / "a.h5")
    assert part.is_symlink() or part.exists()
    assert packed.exists()
    assert (tmp_path / "a.journal").exists()


def test_a_part_that_begins_with_anything_is_kept_under_another_name(packed: Path, tmp_path: Path) -> None:
    """A power cut may leave other data of the disk in it, and it may be somebody's."""
    for number in (1, 2):
        shutil.copy(packed.with_suffix(".journal"), tmp_path / f"a{number}.journal")
        (tmp_path / f"a{number}.h5.part").write_text("my notes")
        (tmp_path / "a2.h5.part.old1").write_text("older")
        pack(tmp_path / f"a{number}.journal", tmp_path / f"a{number}.h5")
        assert (tmp_path / f"a{number}.h5").read_bytes() == packed.read_bytes()
        assert not (tmp_path / f"a{number}.h5.part").exists()
        assert (tmp_path / f"a{number}.h5.part.old{number}").read_text() == "my notes"
    assert (tmp_path / "a2.h5.part.old1").read_text() == "older"


def test_packing_needs_room_first(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(packed.with_suffix(".journal"), tmp_path / "a.journal")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(RecordError, match="free some"):
        pack(tmp_path / "a.journal", tmp_path / "a.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["a.journal"]


@pytest.mark.parametrize("limit", [0, 10_000, 100_000])
def test_a_disk_that_fills_while_packing_leaves_the_journal(packed: Path, tmp_path: Path, limit: int) -> None:
    journal, record = tmp_path / "a.journal", tmp_path / "a.h5"
    shutil.copy(packed.with_suffix(".journal"), journal)
    command = [sys.executable, "-c", FULL_DISK, str(journal), str(record), str(limit)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "quietroom recover" in result.stdout
    assert result.stdout.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.journal"]
    pack(journal, record)
    assert record.read_bytes() == packed.read_bytes()


def test_strange_words_are_kept(tmp_path: Path) -> None:
    start = make_start(room="a\0b", site="\udcff", operator="", people=[], options={"x": [None, 2**70]})
    write_journal(tmp_path / "a.journal", start=start)
    pack(tmp_path / "a.journal", tmp_path / "a.h5")
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert record.start == start


def other_major(file: h5py.File) -> None:
    file.attrs["quietroom_schema"] = "2.0.0"


def no_schema(file: h5py.File) -> None:
    del file.attrs["quietroom_schema"]


def schema_is_huge(file: h5py.File) -> None:
    file.attrs["quietroom_schema"] = np.arange(1000)


def external_link(file: h5py.File) -> None:
    file["entry/other"] = h5py.ExternalLink("/etc/passwd", "/x")


def soft_link(file: h5py.File) -> None:
    file["entry/waterfall/other"] = h5py.SoftLink("/entry")


def virtual_data(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 32), "<i2")
    layout[:] = h5py.VirtualSource("other.h5", "x", (3, 32))
    del file["entry/data/mean"]
    file["entry/data"].create_virtual_dataset("mean", layout)


def external_data(file: h5py.File) -> None:
    del file["entry/data/mean"]
    file.create_dataset("entry/data/mean", (3, 32), "<i2", external=[("/etc/passwd", 0, 192)])


def absurd_rows(file: h5py.File) -> None:
    del file["entry/rows/leaf"]
    file.create_dataset("entry/rows/leaf", (1 << 40, 32), "u1", chunks=(1, 32), fletcher32=True)


def absurd_bins(file: h5py.File) -> None:
    del file["entry/data/frequency"], file["entry/summary/frequency"]
    file.create_dataset("entry/data/frequency", (1 << 40,), "<f8", chunks=(65536,), fletcher32=True)


def rows_never_written(file: h5py.File) -> None:
    del file["entry/summary/mean"]
    file.create_dataset("entry/summary/mean", (32,), "<f4", chunks=(16,), fletcher32=True)


def chunk_past_its_filters(file: h5py.File) -> None:
    levels = file["entry/summary/mean"]
    levels.id.write_direct_chunk((0,), np.zeros(32, "<f4").tobytes(), filter_mask=0b111)


def chunk_shorter_than_its_checksum(file: h5py.File) -> None:
    file["entry/summary/mean"].id.write_direct_chunk((0,), b"xy")


def absurd_chunk(file: h5py.File) -> None:
    del file["entry/data/mean"]
    file.create_dataset(
        "entry/data/mean", (3, 32), "<i2", chunks=(1 << 20, 512), maxshape=(None, None), fletcher32=True, compression=1
    )


def absurd_note(file: h5py.File) -> None:
    del file["entry/processing/data"]
    file.create_dataset("entry/processing/data", (1 << 40,), "S1", chunks=(65536,), fletcher32=True)


def other_type(file: h5py.File) -> None:
    data = file["entry/data/mean"][()].astype("<f4")
    del file["entry/data/mean"]
    file.create_dataset("entry/data/mean", data=data, chunks=True, fletcher32=True)


def no_checksums(file: h5py.File) -> None:
    data = file["entry/data/mean"][()]
    del file["entry/data/mean"]
    file["entry/data/mean"] = data


def no_mean(file: h5py.File) -> None:
    del file["entry/data/mean"]


def no_entry(file: h5py.File) -> None:
    del file["entry"]


def entry_is_data(file: h5py.File) -> None:
    del file["entry"]
    file["entry"] = np.zeros(3)


def fewer_hops(file: h5py.File) -> None:
    note = json.loads(file["entry/processing/data"][0])
    note["layout"]["n_hops"] = 1
    del file["entry/processing/data"]
    text = np.array([json.dumps(note).encode()])
    file.create_dataset("entry/processing/data", data=text, chunks=(1,), fletcher32=True)


def not_json(file: h5py.File) -> None:
    del file["entry/processing/data"]
    file.create_dataset("entry/processing/data", data=np.array([b"{oops"]), chunks=(1,), fletcher32=True)


def a_group_in_place_of_gaps(file: h5py.File) -> None:
    del file["entry/gaps"]
    file.create_group("entry/gaps")


def big_waterfall(file: h5py.File) -> None:
    del file["entry/waterfall/level"]
    file.create_dataset("entry/waterfall/level", (1 << 30, 1 << 10), "<f4", chunks=(64, 64), fletcher32=True)


DAMAGE: list[tuple[Callable[[h5py.File], None], str]] = [
    (other_major, "update Quietroom"),
    (no_schema, "not a Quietroom"),
    (schema_is_huge, "no text"),
    (external_link, "link"),
    (soft_link, "link"),
    (virtual_data, "another file"),
    (external_data, "another file"),
    (absurd_rows, "rows"),
    (absurd_bins, "bins"),
    (rows_never_written, "chunks"),
    (chunk_past_its_filters, "checksum"),
    (chunk_shorter_than_its_checksum, "checksum"),
    (absurd_chunk, "chunks"),
    (absurd_note, "no text"),
    (other_type, "float32"),
    (no_checksums, "checksums"),
    (no_mean, "no data/mean"),
    (no_entry, "entry"),
    (entry_is_data, "entry"),
    (fewer_hops, "fit"),
    (not_json, "damaged"),
    (a_group_in_place_of_gaps, "no gaps"),
    (big_waterfall, "waterfall"),
]


@pytest.mark.parametrize(("damage", "word"), DAMAGE, ids=lambda part: getattr(part, "__name__", ""))
def test_a_record_that_cannot_be_is_refused_in_one_line(
    record_path: Path, damage: Callable[[h5py.File], None], word: str
) -> None:
    with h5py.File(record_path, "r+", libver=("v108", "v110")) as file:
        damage(file)
    tracemalloc.start()
    with pytest.raises(RecordError, match=word) as caught:
        read_all(record_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert str(record_path) in str(caught.value)
    assert peak < 10e6


def test_an_untouched_copy_is_read(record_path: Path, packed: Path) -> None:
    assert read_all(record_path) == read_all(packed)


def test_what_is_unknown_is_ignored(record_path: Path, packed: Path) -> None:
    with h5py.File(record_path, "r+", libver=("v108", "v110")) as file:
        file.attrs["quietroom_schema"] = "1.7.0"
        file["entry/new_thing"] = np.arange(5)
        file["entry/data"].attrs["new"] = 1
        file["entry/seal/x"] = "later"
    assert read_all(record_path) == read_all(packed)


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("hello")
    (tmp_path / "empty.h5").write_bytes(b"")
    (tmp_path / "folder.h5").mkdir()
    with h5py.File(tmp_path / "other.h5", "x") as file:
        file["x"] = np.arange(3)
    for name in ("text", "empty", "folder", "other", "absent"):
        with pytest.raises(RecordError, match=name) as caught:
            SweepRecord.open(tmp_path / f"{name}.h5")
        assert "\n" not in str(caught.value)


def test_a_truncated_record_is_refused(packed: Path, tmp_path: Path) -> None:
    data = packed.read_bytes()
    for length in range(0, len(data), len(data) // 60):
        (tmp_path / "cut.h5").write_bytes(data[:length])
        with pytest.raises(RecordError, match=r"cut\.h5"):
            read_all(tmp_path / "cut.h5")


def test_a_flipped_byte_in_a_chunk_is_refused_and_its_row_named(tmp_path: Path) -> None:
    layout = make_layout(90, 768)  # wide enough for a chunk of its own in each row
    rows = [make_row(number, layout, absent=OPTIONAL) for number in range(4)]
    with JournalWriter.create(tmp_path / "a.journal", make_start(), layout) as journal:
        for row in rows:
            journal.append_row(row)
        journal.finish_with(make_judgement(layout))
    pack(tmp_path / "a.journal", tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        chunk = file["entry/data/mean"].id.get_chunk_info_by_coord((2, 0))
    data = bytearray((tmp_path / "a.h5").read_bytes())
    data[chunk.byte_offset + chunk.size // 2] ^= 1
    (tmp_path / "a.h5").write_bytes(data)
    with SweepRecord.open(tmp_path / "a.h5") as record:
        with pytest.raises(RecordError, match="damaged"):
            list(record.rows())
        assert record.verify_rows() == [(0, True), (1, True), (2, False), (3, True)]
        assert [row.sequence for row in record.rows(3)] == [3]


def test_a_chunk_that_hdf5_no_longer_finds_is_missed(packed: Path, tmp_path: Path) -> None:
    data = bytearray(packed.read_bytes())
    with h5py.File(packed) as file:
        for place in ("data/mean", "summary/mean"):
            address = file["entry"][place].id.get_chunk_info(0).byte_offset
            data[data.index(struct.pack("<Q", address)) - 10] ^= 1  # the end of its key in the list of chunks
    (tmp_path / "lost.h5").write_bytes(data)
    with SweepRecord.open(tmp_path / "lost.h5") as record:
        with pytest.raises(RecordError, match="chunk"):
            list(record.rows())
        with pytest.raises(RecordError, match="chunk"):
            _ = record.summary_mean_dbfs
        assert record.verify_rows() == [(0, False), (1, False), (2, False)]


@pytest.mark.parametrize("place", ["data/mean", "hops/hop_utc_ns", "bursts/burst_64", "rows/utc_ns"])
def test_an_edited_value_is_found_in_its_row(record_path: Path, place: str) -> None:
    with h5py.File(record_path, "r+", libver=("v108", "v110")) as file:
        dataset = file["entry"][place]
        dataset[1] = dataset[1] + 1
    with SweepRecord.open(record_path) as record:
        assert record.verify_rows() == [(0, True), (1, False), (2, True)]


def test_a_time_that_no_calendar_has_is_found(record_path: Path) -> None:
    with h5py.File(record_path, "r+", libver=("v108", "v110")) as file:
        file["entry/rows/utc_ns"][2] = -(1 << 63)
    with SweepRecord.open(record_path) as record:
        assert record.verify_rows()[2] == (2, False)


def test_two_swapped_rows_are_found(record_path: Path) -> None:
    with h5py.File(record_path, "r+", libver=("v108", "v110")) as file:
        for group in ("data", "hops", "bursts", "rows"):
            for dataset in file["entry"][group].values():
                if dataset.shape[0] == 3:
                    dataset[0:2] = dataset[0:2][::-1]
    with SweepRecord.open(record_path) as record:
        assert [ok for _, ok in record.verify_rows()] == [False, False, False]


def test_no_flipped_byte_goes_unnoticed(packed: Path, tmp_path: Path) -> None:
    data, good = packed.read_bytes(), read_all(packed)
    rng = np.random.default_rng(20261123)
    for at in rng.integers(0, len(data), 100).tolist():
        flipped = bytearray(data)
        flipped[at] ^= 1 << int(rng.integers(8))
        (tmp_path / "flipped.h5").write_bytes(flipped)
        try:
            read = read_all(tmp_path / "flipped.h5")
        except RecordError:
            continue
        rows_hold = all(ok for _, ok in read[0])  # type: ignore[attr-defined]
        assert read == good or not rows_hold, at


def test_rows_of_a_record_cannot_be_written_to(packed: Path) -> None:
    with SweepRecord.open(packed) as record:
        assert not next(record.rows()).mean.flags.writeable
