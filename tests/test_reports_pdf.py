"""The PDF: typeset for real, read back with pdftotext."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from report_records import DISPOSITION, document, make_record

from dsp.errors import ParameterError
from reports.content import ReportContent, from_record
from reports.pdf import typeset, write_pdf

HOSTILE = '#eval("1+1") $x^2$ \\ <script>alert(1)</script> *b* _i_ @ref `c` // \x00\u202e "'


@pytest.fixture
def content(tmp_path: Path) -> ReportContent:
    with make_record(tmp_path) as record:
        return from_record(record, [DISPOSITION])


def read(pdf: bytes, path: Path) -> str:
    """Text of a PDF in reading order, with every run of white space as one blank."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    path.write_bytes(pdf)
    run = subprocess.run(["pdftotext", "-enc", "UTF-8", path, "-"], capture_output=True, check=True)
    return " ".join(run.stdout.decode().split())


def test_answer_findings_and_evidence_are_in_the_text(content: ReportContent, tmp_path: Path) -> None:
    text = read(typeset(content).pdf, tmp_path / "a.pdf")
    assert "2 anomalous emitters were detected." in text
    assert "F1: 100.600 MHz" in text
    assert "F2: 433.920 MHz" in text
    assert "-42.2 dBFS" in text
    assert "known by A. Technician" in text
    assert "door opener" in text
    assert "crystal spur: 0.0 kHz from 7 x 14.4 MHz" in text
    assert "in 3 of 4 passes" in text
    assert "dongle pulled — é" in text
    assert str(content.record_sha256) in text
    assert str(content.last_leaf) in text
    assert "Wi-Fi" in text
    assert "EXERCISE" not in text
    assert "clean" not in text.lower()


def test_nothing_found_is_followed_by_what_could_have_been_missed(content: ReportContent, tmp_path: Path) -> None:
    quiet = document(verdict="no_anomaly_detected", findings=[], rejected_candidates=[])
    text = read(typeset(replace(content, document=quiet, dispositions=())).pdf, tmp_path / "a.pdf")
    first_page, _, annex = text.partition("Technical annex")
    assert "No anomalous emitter was detected." in first_page
    assert "What could have been missed" in first_page
    assert "less than about -55.5 dBFS" in first_page
    assert "11 % for one of 0.1 s and 52 % for one of 1 s" in first_page
    assert "433 to 434.918 MHz. There the receiver was overloaded" in first_page
    assert "DECT cordless telephones" in first_page
    assert "Findings None." in annex
    assert "clean" not in text.lower()


def test_inconclusive_gives_the_reasons(content: ReportContent, tmp_path: Path) -> None:
    unsure = document(verdict="inconclusive", findings=[], reasons=["half of the hops were overloaded", "no baseline"])
    text = read(typeset(replace(content, document=unsure)).pdf, tmp_path / "a.pdf")
    assert "Inconclusive: half of the hops were overloaded; no baseline." in text


def test_what_was_not_measured_is_said_so(content: ReportContent, tmp_path: Path) -> None:
    text = read(typeset(content).pdf, tmp_path / "a.pdf")
    _, _, of_f2 = text.partition("F2: 433.920 MHz")
    assert of_f2.count("not measured") >= 5
    assert "None" not in text.replace("None.", "")
    assert "nan" not in text.lower().split()
    assert "0.0 dB " not in of_f2


def test_an_exercise_says_so_on_every_page(content: ReportContent, tmp_path: Path) -> None:
    exercise = replace(content, start={**content.start, "synthetic": True})
    pdf = typeset(exercise).pdf
    read(pdf, tmp_path / "a.pdf")
    run = subprocess.run(["pdftotext", tmp_path / "a.pdf", "-"], capture_output=True, check=True)
    pages = run.stdout.decode().split("\f")[:-1]
    assert len(pages) > 3
    assert all("EXERCISE" in page for page in pages)


def test_the_same_record_gives_the_same_bytes(content: ReportContent) -> None:
    pdf = typeset(content).pdf
    assert pdf == typeset(content).pdf
    stamp = str(content.start["start_time"])[:19].translate({ord(c): None for c in "-:T"})
    assert f"/CreationDate(D:{stamp}Z)".encode() in pdf


def test_it_claims_pdf_a_and_pdf_ua_and_carries_the_findings(content: ReportContent) -> None:
    pdf = typeset(content).pdf
    assert b"pdfaid:part>3<" in pdf
    assert b"pdfuaid:part>1<" in pdf
    assert b"findings.json" in pdf
    assert b"/StructTreeRoot" in pdf


def test_hostile_texts_are_shown_and_nothing_else(content: ReportContent, tmp_path: Path) -> None:
    start = {**content.start, "room": HOSTILE, "site": HOSTILE, "operator": HOSTILE, "people": [HOSTILE]}
    judged = document(reasons=[HOSTILE], verdict="inconclusive")
    judged["findings"][0] |= {"id": HOSTILE, "signal_type": HOSTILE, "allocation": HOSTILE, "known_as": HOSTILE}
    judged["rejected_candidates"][0]["artefact_tests"] = [{"test": HOSTILE, "passed": False, "reason": HOSTILE}]
    marked = ({**DISPOSITION, "finding": HOSTILE, "reason": HOSTILE, "by": HOSTILE},)
    hostile = replace(content, start=start, document=judged, dispositions=marked, record_name=f"{HOSTILE}.h5")
    text = read(typeset(hostile).pdf, tmp_path / "a.pdf")
    shown = '#eval("1+1") $x^2$ \\ <script>alert(1)</script> *b* _i_ @ref `c` // □□ "'
    assert text.replace("-\n", "").count(shown) >= 3


def test_the_file_appears_whole_or_not_at_all(content: ReportContent, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ParameterError, match=r"report\.pdf: the folder .* does not exist"):
        write_pdf(content, out / "report.pdf")
    out.mkdir()
    write_pdf(content, out / "report.pdf")
    assert [p.name for p in out.iterdir()] == ["report.pdf"]
