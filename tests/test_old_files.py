"""What an earlier version wrote stays readable for ever: files that the code of each schema version wrote."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from baselines.disposition import read_log
from baselines.known import room_list
from baselines.register import EmitterRegister
from baselines.store import BaselineStore
from dsp.errors import RecordError
from reports.exports.formats import FORMATS
from sweep.cli.main import main
from sweep.journal import JournalReader
from sweep.journal.framing import MAGIC
from sweep.record import SweepRecord
from sweep.record.schema import SCHEMA
from sweep.workspace import Workspace

KEPT = Path(__file__).parent / "old"
VERSIONS = sorted(path.name for path in KEPT.iterdir() if path.name[0].isdigit())
PAGE = Path(__file__).resolve().parents[1] / "docs/record-format.md"

NEXUS = {"", "NX_class", "axes", "signal", "auxiliary_signals", "interpretation", "units", "long_name"}


class Old:
    """A workspace with what a version wrote, unpacked."""

    def __init__(self, version: str, root: Path) -> None:
        self.version = version
        self.workspace = Workspace.create(root)
        for path in (KEPT / version).rglob("*"):
            to = root / path.relative_to(KEPT / version)
            if path.is_dir():
                to.mkdir(parents=True, exist_ok=True)
            elif path.suffix == ".gz":
                to.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
            else:
                shutil.copy(path, to)
        [self.record] = self.workspace.sweeps.glob("*.h5")
        self.journal = self.record.with_suffix(".journal")

    def code(self, *words: str) -> int:
        return main(["--workspace", str(self.workspace.root), *words])


@pytest.fixture(params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Old:
    return Old(request.param, tmp_path / "then")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_of_every_schema_version_is_kept() -> None:
    """The versions without a gap, the present one among them."""
    minors = [int(version.split(".")[1]) for version in VERSIONS]
    assert minors == list(range(len(minors)))
    assert SCHEMA in VERSIONS, f"write the files of {SCHEMA} with tests/old/make.py, and commit them"


def test_every_row_and_look_of_an_old_record_is_as_it_was_written(old: Old) -> None:
    with h5py.File(old.record) as file:
        assert file.attrs["quietroom_schema"] == old.version
    with SweepRecord.open(old.record) as record:
        assert record.verify_rows() == [(number, True) for number in range(4)]
        assert record.verify_looks() == [(number, True) for number in range(len(record.looks))]
        assert (len(record.looks) > 0) == (old.version != "1.0.0")
        stays = record.verify_stays()
        assert stays == [(number, True) for number in range(len(stays))]
        assert (len(stays) > 0) == (old.version not in ("1.0.0", "1.1.0", "1.2.0"))
        assert [finding["id"] for finding in record.judgement.document["findings"]] == ["F1"]
        assert record.start["position"] == "table"
        assert record.plan is not None
        assert record.waterfall.level_dbfs.shape == (4, 192)


def test_an_old_journal_holds_what_the_old_record_holds(old: Old, tmp_path: Path) -> None:
    with JournalReader(old.journal) as journal, SweepRecord.open(old.record) as record:
        assert (journal.torn_tail_bytes, journal.start) == (0, record.start)
        assert tuple(journal.leaves) == record.leaves
        assert tuple(journal.look_leaves) == record.look_leaves
    alone = Path(shutil.copy(old.journal, tmp_path / "alone.journal"))
    assert old.code("recover", str(alone)) == 0
    with SweepRecord.open(alone.with_suffix(".h5")) as packed, SweepRecord.open(old.record) as record:
        assert (packed.recovered, packed.leaves, packed.look_leaves) == (True, record.leaves, record.look_leaves)
        assert packed.judgement.document == record.judgement.document
        assert (packed.start, packed.end_time) == (record.start, record.end_time)


def test_an_old_journal_that_was_not_closed_is_recovered_without_the_baseline_of_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Old("1.0.0", tmp_path)
    old.record.unlink()
    data = old.journal.read_bytes()
    old.journal.write_bytes(data[: data.rindex(MAGIC)])
    assert old.code("recover", str(old.journal)) == 2
    assert "or save the rows without it: quietroom recover --baseline none" in capsys.readouterr().err
    assert old.code("recover", "--baseline", "none", str(old.journal)) in (0, 3)
    with SweepRecord.open(old.record) as record:
        assert record.verify_rows() == [(number, True) for number in range(4)]


def test_what_was_decided_then_is_known_today(old: Old) -> None:
    room = old.workspace.room("lab")
    assert [(entry["finding"], entry["as"]) for entry in read_log(old.record)] == [("F1", "suspicious")]
    assert [entry.name for entry in room_list(room).entries()] == ["pager"]
    assert [sighting.emitter for sighting in EmitterRegister(room).sightings()] == ["E1"]


def test_every_command_takes_an_old_record(old: Old, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(old.workspace.root)
    name, reports = old.record.stem, old.workspace.reports
    assert old.code("findings", name) == 0
    assert "F1" in capsys.readouterr().out
    assert old.code("compare", name, "--baseline", "none") == 0
    assert old.code("plot", name) == 0
    assert old.code("report", name, "--html") == 0
    assert old.code("export", name, "--format", ",".join(FORMATS)) == 0
    assert {path.suffix for path in reports.iterdir()} == {".png", ".pdf", ".html", ".json", ".csv", ".tar", ".cef"}
    assert json.loads((reports / f"{name}.json").read_text())["findings"][0]["id"] == "F1"
    assert {path: data for path, data in contents(old.workspace.root).items() if path.parent != reports} == before


@pytest.mark.parametrize("of", [version for version in VERSIONS if version != "1.0.0"])
def test_an_old_record_is_compared_with_old_baselines(old: Old, of: str, tmp_path: Path) -> None:
    """Every record with every baseline of today's major schema, which is not that of the baseline beside 1.0.0."""
    baselines = Old(of, tmp_path / "other").workspace.room("lab") / "baselines"
    shutil.rmtree(old.workspace.room("lab") / "baselines")
    shutil.copytree(baselines, old.workspace.room("lab") / "baselines")
    result = tmp_path / "result.json"
    assert old.code("compare", old.record.stem, "--json", str(result)) == 0
    document = json.loads(result.read_text())
    assert document["baseline"] == BaselineStore(old.workspace.room("lab")).list()[0]
    assert [finding["id"] for finding in document["findings"]] == ["F1"]


def test_a_baseline_of_another_major_schema_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = Old("1.0.0", tmp_path)
    assert old.code("compare", old.record.stem) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "baseline schema 1.0.0 is not 2" in said
    assert "learn the baseline again from its records" in said


def test_a_record_of_a_later_minor_version_is_read(old: Old) -> None:
    with h5py.File(old.record, "r+", libver=("v108", "v110")) as file:
        note = json.loads(file["entry/processing/data"][0])
        note["weather"] = "rain"
        note["start"]["moon"] = "full"
        note["judgement"]["findings"][0]["mood"] = "bad"
        del file["entry/processing/data"]
        text = np.array([json.dumps(note).encode()])
        file["entry/processing"].create_dataset("data", data=text, chunks=(1,), fletcher32=True)
        file.attrs["quietroom_schema"] = "1.99.0"
        file["entry/seances/leaf"] = b"later"
    assert old.code("findings", old.record.stem) == 0
    assert old.code("report", old.record.stem) == 0


@pytest.mark.parametrize("words", [["findings"], ["compare"], ["plot"], ["report"], ["export", "--format", "csv"]])
def test_a_record_of_a_later_major_version_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    old = Old(VERSIONS[-1], tmp_path)
    with h5py.File(old.record, "r+") as file:
        file.attrs["quietroom_schema"] = "2.0.0"
    before = contents(tmp_path)
    assert old.code(words[0], old.record.stem, *words[1:]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "has schema 2.0.0, and this Quietroom reads 1.x: update Quietroom" in said.err
    assert contents(tmp_path) == before


def _examples() -> list[str]:
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 2
    return examples


@pytest.mark.parametrize(("number", "ending"), [(0, ".h5"), (1, ".journal")])
def test_the_page_on_the_format_is_enough_for_a_stranger(old: Old, number: int, ending: str, tmp_path: Path) -> None:
    """Its programs read each kept file and use none of our code: it could not be imported where they run."""
    script = tmp_path / "reader.py"
    script.write_text(_examples()[number])
    command = [sys.executable, "-I", str(script), str(old.record.with_suffix(ending))]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.stderr == ""
    assert "anomalies in lab" in result.stdout
    assert "4 rows of 192 bins, 4 of them unaltered" in result.stdout


@pytest.mark.parametrize(("number", "ending"), [(0, ".h5"), (1, ".journal")])
def test_the_programs_of_the_page_see_an_altered_row(number: int, ending: str, tmp_path: Path) -> None:
    old = Old(VERSIONS[-1], tmp_path / "then")
    script = tmp_path / "reader.py"
    script.write_text(_examples()[number])
    path = old.record.with_suffix(ending)
    if ending == ".h5":
        with h5py.File(path, "r+") as file:
            file["entry/data/mean"][2, 100] += 1
    else:
        data = bytearray(path.read_bytes())
        third = [at.start() for at in re.finditer(re.escape(MAGIC + b"\x02"), data)][2]
        data[third + 1000] ^= 1
        path.write_bytes(data)
    result = subprocess.run([sys.executable, "-I", str(script), str(path)], capture_output=True, text=True, check=False)
    if ending == ".h5":
        assert "4 rows of 192 bins, 3 of them unaltered" in result.stdout
    else:
        assert re.search(r"record \d+ at byte \d+ is damaged", result.stderr)


def _everything(group: h5py.Group) -> Iterator[h5py.Group | h5py.Dataset]:
    for item in group.values():
        yield item
        if isinstance(item, h5py.Group):
            yield from _everything(item)


def test_the_page_names_everything_that_is_in_a_record(old: Old) -> None:
    names: set[str] = set()
    with h5py.File(old.record) as file:
        for item in (file, *_everything(file)):
            names |= {item.name.rpartition("/")[2]} | set(item.attrs)
            names |= set((isinstance(item, h5py.Dataset) and item.dtype.names) or ())
    said = set(re.findall(r"\w+", PAGE.read_text(encoding="utf-8")))
    assert sorted(names - said - NEXUS) == []


def test_no_old_file_is_too_big() -> None:
    assert all(path.stat().st_size < 64 << 10 for path in KEPT.rglob("*") if path.is_file())


def test_damaged_old_files_are_refused_all_the_same(tmp_path: Path) -> None:
    """Reading old files has no weaker checks."""
    old = Old("1.0.0", tmp_path)
    with h5py.File(old.record, "r+") as file:
        del file["entry/data/mean"]
    with pytest.raises(RecordError, match="data/mean"):
        SweepRecord.open(old.record)
