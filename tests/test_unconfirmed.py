"""What is heard in too few passes to be a finding: in journal and record, on the terminal, in exports and reports."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import msgspec
import pytest
from as_judged import as_judged
from matplotlib.figure import Figure
from report_records import DISPOSITION, document, finding, make_record
from rows import make_finding, make_judgement, make_layout, make_start, write_journal

from baselines.disposition import mark
from dsp.errors import ParameterError
from reports.content import ReportContent, from_record
from reports.content.annex import annex_sections
from reports.content.blocks import Section, paragraph
from reports.content.client import client_pages
from reports.content.recommendations import to_do
from reports.exports.document import findings_document
from reports.exports.table import csv_bytes
from reports.figures.overviews import spectrum_figure, waterfall_figure
from reports.pdf import typeset
from sweep.cli.main import main
from sweep.cli.wording import findings_lines
from sweep.journal import JournalReader, JournalWriter
from sweep.model import Judgement
from sweep.packing import pack
from sweep.record import SweepRecord
from sweep.recovery import recover
from sweep.workspace import Workspace

SELDOM_HZ = 433_500_000
SCENE = """\
schema = "quietroom.scene/1"
title = "A steady bug, and one that is within the range for one pass of four"
seed = 8
start = 2026-03-02T09:00:00Z
ranges = ["430M:437M"]

[[emitters]]
name = "repeater"
kind = "carrier"
center_freq_hz = 436_125_000
power_dbfs = -50.0

[[bugs]]
name = "steady"
kind = "nfm"
center_freq_hz = 431_620_000
power_dbfs = -50.0

[[bugs]]
name = "roaming"
kind = "nfm"
center_freq_hz = 433_500_000
roams_hz = 30e6
power_dbfs = -50.0
"""


def seldom(name: str = "U1", **more: Any) -> dict[str, Any]:
    return finding(name, SELDOM_HZ, "low", **{"hits": 1, "channels": ["mask"], "confirmed": False, **more})


def judged(**more: Any) -> Judgement:
    judgement = make_judgement(make_layout())
    return replace(judgement, document={**judgement.document, **more})


def write_closed(path: Path, judgement: Judgement) -> None:
    with JournalWriter.create(path, make_start(), make_layout()) as journal:
        journal.finish_with(judgement, end_time="2026-11-18T11:10:00Z")


def at_visits(*visits: int | None) -> list[dict[str, Any]]:
    return [seldom(f"U{number}", visits=count) for number, count in enumerate(visits, 1)]


def content_of(folder: Path, unconfirmed: list[dict[str, Any]], **more: Any) -> ReportContent:
    with make_record(folder, document(unconfirmed=unconfirmed, **more)) as record:
        return from_record(record)


# Journal and record


@pytest.mark.parametrize("closed_by", [pack, lambda journal, _: recover(journal)])
def test_the_record_keeps_them_and_has_a_table(tmp_path: Path, closed_by: Any) -> None:
    write_closed(tmp_path / "a.journal", judged(unconfirmed=[seldom(), seldom("U2", power_dbfs=None)]))
    with JournalReader(tmp_path / "a.journal") as journal:
        assert journal.judgement is not None
        assert [item["id"] for item in journal.judgement.emissions] == ["F1", "U1", "U2"]
    closed_by(tmp_path / "a.journal", tmp_path / "a.h5")
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert record.judgement.document["unconfirmed"] == [seldom(), seldom("U2", power_dbfs=None)]
        assert record.judgement.document["findings"] == [make_finding()]
    with h5py.File(tmp_path / "a.h5") as file:
        table, findings = file["entry/unconfirmed"], file["entry/findings"]
        assert table.dtype.names == findings.dtype.names
        assert [bytes(name) for name in table["id"]] == [b"U1", b"U2"]
        assert list(table["center_freq_hz"]) == [SELDOM_HZ, SELDOM_HZ]
        assert table["power_dbfs"][1] != table["power_dbfs"][1]
        assert len(findings) == 1


def test_a_record_of_before_reads_as_having_none(tmp_path: Path) -> None:
    old = judged(rejected_candidates=[make_finding("R1")])
    old = replace(old, document={key: value for key, value in old.document.items() if key != "unconfirmed"})
    write_closed(tmp_path / "a.journal", old)
    pack(tmp_path / "a.journal", tmp_path / "a.h5")
    with SweepRecord.open(tmp_path / "a.h5") as record:
        read, exported = record.judgement.document, findings_document(record)
    assert (read["unconfirmed"], exported["unconfirmed"]) == ([], [])
    without = {**make_finding(), "p_value": None}  # it was that of one bin
    assert (read["findings"], read["rejected_candidates"]) == ([without], [{**without, "id": "R1"}])
    with h5py.File(tmp_path / "a.h5") as file:
        assert "unconfirmed" not in file["entry"]
        assert file["entry/findings"]["p_value"][0] == make_finding()["p_value"]


def test_an_unclosed_sweep_has_none(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", closed=False)
    recover(tmp_path / "a.journal")
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert record.judgement.document["unconfirmed"] == []
        assert as_judged(record.judgement.document)["findings"] == [make_finding()]


# Decisions and exports


def test_they_are_marked_as_findings_are(tmp_path: Path) -> None:
    with make_record(tmp_path, document(unconfirmed=[seldom()])) as record:
        path = record.path
    entry = mark(path, "U1", as_="explained", reason="a telephone", by="A")
    assert (entry["finding"], entry["as"]) == ("U1", "explained")
    with pytest.raises(ParameterError, match="has no finding 'U2'; it has F1, F2, U1"):
        mark(path, "U2", as_="known", reason="x", by="A")


def test_exports_name_the_list(tmp_path: Path) -> None:
    told = {**DISPOSITION, "finding": "U1"}
    with make_record(tmp_path, document(unconfirmed=[seldom()])) as record:
        plain = findings_document(record, [told])
    assert plain["unconfirmed"] == [{**seldom(), "power_dbm": None}]  # no profile of the dongle, no dBm
    rows = list(csv.DictReader(io.StringIO(csv_bytes(plain).decode(), newline=""), strict=True))
    assert list(rows[0])[-2:] == ["list", "exercise"]
    assert [(row["id"], row["list"]) for row in rows] == [("F1", "finding"), ("F2", "finding"), ("U1", "unconfirmed")]
    assert [row["disposition"] for row in rows] == ["", "", "known"]
    assert float(rows[2]["power_dbfs"]) == seldom()["power_dbfs"]


# On the terminal


def test_a_block_of_their_own_after_the_findings() -> None:
    items = [seldom(emitter="E4", visits=3), {**seldom("U12"), "hits": None, "known_as": "gate (K1)"}]
    lines = findings_lines(document(unconfirmed=items), {"U1": "explained"})
    assert max(map(len, lines)) <= 100
    head = lines.index("Heard in too few passes to confirm; sweep again with --camp, or stay on the band:")
    assert head > next(number for number, line in enumerate(lines) if line.startswith("F2 "))
    first, second = (line.split() for line in lines[head + 2 : head + 4])
    assert first[:6] == ["U1", "433.5000", "12.5", "-42.2", "1", "explained"]
    assert " ".join(first[6:]) == "E4, heard at 3 visits; intermittent narrowband"
    assert second[4:6] == ["-", "known"]
    alone = findings_lines(document(findings=[], unconfirmed=[seldom()], verdict="no_anomaly_detected"))
    assert alone[:3] == ["Verdict: no anomalous emitter was detected", "", lines[head]]
    assert lines[head] not in findings_lines(document())


def test_the_chance_of_a_finding_is_said_in_words() -> None:
    def text(**more: Any) -> str:
        return " ".join(" ".join(findings_lines(document(findings=[finding("F1", 1, "low", **more)]))).split())

    assert "with nothing new on the air, fewer than 1 visit in a million would show anything this strong" in text()
    assert "1 visit in 480 would show anything this strong (p 0.0021);" in text(p_value=0.0021)
    assert "25 % of visits would show" in text(p_value=0.25)
    assert "would show" not in text(p_value=None)
    heard = " ".join(findings_lines(document(baseline=None)))
    assert "with nothing on the air, fewer" in " ".join(heard.split())


# In the report


def sections(content: ReportContent) -> list[Section]:
    first, second = client_pages(content)
    return [*first, *second]


def words(blocks: Any) -> str:
    return json.dumps(msgspec.to_builtins(blocks), ensure_ascii=False)


def test_the_client_reads_what_it_means_and_what_to_do(tmp_path: Path) -> None:
    content = content_of(tmp_path, at_visits(1, 3))
    (section,) = (part for part in sections(content) if part.title == "What was heard too seldom to judge")
    text = section.blocks[0].text
    assert text.startswith(
        "2 emissions were heard in too few of the 4 passes to tell whether a transmitter stays there"
    )
    assert "U1 (433.500 MHz) and U2 (433.500 MHz)" in text
    assert "so is a device that sends now and then in short bursts" in text
    assert text.endswith("Heard at several visits to this room: U2 (3 visits).")
    assert any(step.startswith("Find out whether U1 (433.500 MHz) and U2 ") for step in to_do(content))
    closed = replace(content, dispositions=tuple({**DISPOSITION, "finding": name} for name in ("U1", "U2")))
    assert not any("U1" in step for step in to_do(closed))
    assert "too seldom" not in words(sections(replace(content, document=document())))


def test_one_emission_is_told_as_one(tmp_path: Path) -> None:
    content = content_of(tmp_path, at_visits(None), findings=[])
    assert "1 emission was heard" in words(sections(content))
    assert "Heard at several visits" not in words(sections(content))
    assert any("U1 (433.500 MHz) comes back" in step for step in to_do(content))
    assert "Marked: U1 at 433.500 MHz." in words(sections(content))


def test_the_annex_has_a_table(tmp_path: Path) -> None:
    def section(content: ReportContent) -> Any:
        (found,) = (part for part in annex_sections(content) if part.title == "Emissions that were not confirmed")
        return found.blocks

    content = content_of(tmp_path, [seldom(), seldom("U2", visits=2, channels=["continuous", "burst"], hits=None)])
    rows = section(content)[1].rows
    assert rows[0][:5] == ("U1", "433.500 MHz", "12.5 kHz", "-42.2 dBFS", "in 1 of 4 passes")
    assert rows[0][5:] == ("highest level", "amateur", "open")
    assert rows[1][4:6] == ("not measured; at 2 visits", "steady level, bursts")
    many = replace(content, document=document(unconfirmed=[seldom(f"U{number}") for number in range(1, 131)]))
    assert "30 more are in the record." in words(section(many))
    assert section(replace(content, document=document())) == (paragraph("None."),)


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_drawings_mark_them_hollow_and_the_report_is_typeset(tmp_path: Path) -> None:
    content = content_of(tmp_path, [seldom()])
    figure = spectrum_figure(content)
    names = [text.get_text() for text in figure.texts]
    assert "U1  433.500" in names
    assert "not confirmed" in legend_texts(figure)
    for drawn in (figure, waterfall_figure(content)):
        marks = [line for axes in drawn.axes for line in axes.get_lines() if list(line.get_xdata()) == [433.5]]
        assert [mark.get_markerfacecolor() for mark in marks] == ["white"]
    without = spectrum_figure(replace(content, document=document()))
    assert "not confirmed" not in legend_texts(without)
    assert typeset(content).pdf.startswith(b"%PDF")


# The whole job


class Job:
    """A room whose scene has bugs, and the commands given there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = Workspace.create(root / "ws")
        self.scene = root / "scene.toml"
        self.scene.write_text(SCENE, encoding="utf-8")

    def run(self, *words: str) -> Any:
        result = self.root / "result.json"
        result.unlink(missing_ok=True)
        assert main(["--workspace", str(self.workspace.root), *words, "--json", str(result)]) in (0, 3)
        return json.loads(result.read_text(encoding="utf-8"))

    def sweep(self, visit: str, *words: str) -> Any:
        source = f"sim:{self.scene}?visit={visit}"
        return self.run("sweep", "lab", "--source", source, "--range", "430M:437M", "--passes", "4", *words)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = Job(tmp_path_factory.mktemp("unconfirmed"))
    clean = [job.sweep(str(visit), "--baseline", "none")["record"] for visit in range(3)]
    job.run("baseline", "learn", "lab", *clean)
    return job


@pytest.fixture(scope="module")
def swept(job: Job) -> Any:
    return job.sweep("3&bugs=all", "--keep-iq")


def test_what_is_heard_in_one_pass_is_no_finding(job: Job, swept: Any) -> None:
    (steady,), (once,) = swept["findings"], swept["unconfirmed"]
    assert abs(steady["center_freq_hz"] - 431_620_000) < 5000
    assert abs(once["center_freq_hz"] - 433_431_000) < 5000
    assert (steady["id"], once["id"], once["hits"], once["confirmed"]) == ("F1", "U1", 1, False)
    assert set(once) == set(steady)
    assert "1 emission was heard in too few passes to be confirmed" in swept["reasons"]
    quiet = job.sweep("4&bugs=roaming")
    assert (quiet["verdict"], quiet["findings"]) == ("no_anomaly_detected", [])
    assert [abs(item["center_freq_hz"] - 435_167_000) < 5000 for item in quiet["unconfirmed"]] == [True]


def test_every_command_tells_the_same(job: Job, swept: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ("findings", swept["record"]),
        ("compare", swept["record"]),
        ("replay", "lab", str(Path(swept["record"]).with_suffix(".iq"))),
    ):
        capsys.readouterr()
        again = job.run(*words)
        assert again["unconfirmed"] == swept["unconfirmed"], words
        assert "\nU1 " in capsys.readouterr().out
    name = Path(swept["record"]).stem
    entry = job.run("known", "add", "lab", "--name", "n", "--reason", "r", "--by", "b", "--from", name, "U1")
    assert entry["center_freq_hz"] == swept["unconfirmed"][0]["center_freq_hz"]
    (explained,) = (item for item in job.run("compare", name)["unconfirmed"] if item["known_as"] is not None)
    assert explained["threat"]["level"] == "info"


def test_the_register_numbers_them_and_knows_which_were_confirmed(job: Job, swept: Any) -> None:
    numbers = [item["emitter"] for item in (*swept["findings"], *swept["unconfirmed"])]
    assert len(set(numbers)) == len(numbers)
    listed = {item["emitter"]: item for item in job.run("emitters", "lab")["emitters"]}
    assert listed[swept["findings"][0]["emitter"]]["confirmed_sweeps"] == 1
    assert {listed[item["emitter"]]["confirmed_sweeps"] for item in swept["unconfirmed"]} == {0}
    rebuilt = job.run("emitters", "lab", "--rebuild")["emitters"]
    assert {item["emitter"]: item for item in rebuilt} == listed
