"""The form of the PDF: PDF/A-3 and PDF/UA-1 as pypdf sees them, fonts, attachments, two pages for the client."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from pypdf.generic import DictionaryObject
from report_records import DISPOSITION, document, finding, make_record
from seals import IDENTITY, make_signer, request_of

from reports.content import ReportContent, from_record
from reports.content.document import draw
from reports.content.evidence import SEAL_CODE, seal_code
from reports.exports.document import findings_document, json_bytes
from reports.pdf import Typeset, typeset
from sweep.record import SweepRecord
from sweep.seal.files import seal_path, signature_path
from sweep.seal.sealing import seal_record
from sweep.workspace import Workspace

NAMES = {
    "Latin": "Łukasz Żółć",
    "Greek": "Ελένη Παπαδοπούλου",
    "Cyrillic": "Дмитрий Щукин",
    "Arabic": "محمد العربي",
    "Chinese": "张伟明",
    "Japanese": "さくら田中",
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> ReportContent:
    """A record in a workspace, sealed, with people whose names are in six scripts."""
    workspace = Workspace.create(tmp_path_factory.mktemp("sealed"))
    with make_record(workspace.sweeps, people=tuple(NAMES.values()), operator="A. Smith") as record:
        path = record.path
    seal_record(path, request_of(workspace, make_signer(), path))
    with SweepRecord.open(path) as record:
        return from_record(record, [DISPOSITION])


@pytest.fixture(scope="module")
def done(sealed: ReportContent) -> Typeset:
    return typeset(sealed)


@pytest.fixture(scope="module")
def reader(done: Typeset) -> PdfReader:
    return PdfReader(BytesIO(done.pdf))


def catalog(reader: PdfReader) -> DictionaryObject:
    root = reader.trailer["/Root"].get_object()
    assert isinstance(root, DictionaryObject)
    return root


def walk(element: Any) -> Iterator[DictionaryObject]:
    """Every element of the structure tree below one."""
    children = element.get("/K", [])
    for child in children if isinstance(children, list) else [children]:
        item = child.get_object()
        if isinstance(item, DictionaryObject) and "/S" in item:
            yield item
            yield from walk(item)


def test_it_claims_and_has_what_pdf_a_and_pdf_ua_ask_for(reader: PdfReader) -> None:
    root = catalog(reader)
    assert root["/MarkInfo"]["/Marked"].value is True
    assert root["/Lang"] == "en"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"].value is True
    assert root["/OutputIntents"]
    assert "/Encrypt" not in reader.trailer
    assert "/JavaScript" not in root.get("/Names", {})
    assert reader.metadata is not None
    assert str(reader.metadata.title).startswith("Radio sweep report: ")
    xmp = root["/Metadata"].get_object().get_data().decode()
    for claim in ("pdfaid:part>3<", "pdfaid:conformance>A<", "pdfuaid:part>1<", "<dc:title>", "<dc:language>"):
        assert claim in xmp, claim


def test_every_figure_has_a_description_and_every_table_a_head(reader: PdfReader, sealed: ReportContent) -> None:
    elements = list(walk(catalog(reader)["/StructTreeRoot"]))
    figures = [element for element in elements if element["/S"] == "/Figure"]
    assert len(figures) == len(draw(sealed))
    assert all(str(element.get("/Alt", "")).strip() for element in figures)
    kinds = {str(element["/S"]) for element in elements}
    assert {"/H1", "/H2", "/H3", "/P", "/L", "/LI", "/Table", "/TH", "/TD"} <= kinds
    levels = [int(str(element["/S"])[2:]) for element in elements if str(element["/S"]) in ("/H1", "/H2", "/H3")]
    assert all(below - above <= 1 for above, below in pairwise(levels))


def test_every_font_is_in_the_file(reader: PdfReader) -> None:
    names = set()
    for page in reader.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            kind = font.get_object()
            for inner in kind.get("/DescendantFonts", [kind]):
                descriptor = inner.get_object()["/FontDescriptor"].get_object()
                names.add(str(descriptor["/FontName"]).partition("+")[2])
                assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor), descriptor["/FontName"]
            assert "/ToUnicode" in kind
    assert {name for name in names if name.startswith("FiraGO")}


def test_findings_and_seal_are_attached_as_they_are(reader: PdfReader, sealed: ReportContent) -> None:
    files = {str(file.get_object()["/UF"]): file.get_object() for file in catalog(reader)["/AF"]}
    told = {name: str(file["/AFRelationship"]) for name, file in files.items()}
    assert told == {"findings.json": "/Data", "seal.json": "/Supplement", "seal.json.sig": "/Supplement"}
    assert all(str(file["/Desc"]) for file in files.values())
    data = {name: file["/EF"]["/F"].get_object().get_data() for name, file in files.items()}
    assert data["findings.json"] == json_bytes(findings_document(sealed))
    assert json.loads(data["seal.json"])["predicate"]["signer"]["identity"] == IDENTITY
    assert sealed.sealed is not None
    assert data["seal.json.sig"] == sealed.sealed.signature
    assert hashlib.sha256(data["seal.json"]).hexdigest() in str(seal_code(sealed))
    assert SEAL_CODE in draw(sealed)


def test_a_report_tells_nothing_of_when_it_was_written(sealed: ReportContent, done: Typeset) -> None:
    time.sleep(1.1)  # a second later: what holds a time shows
    assert typeset(sealed).pdf == done.pdf


def text_of(pdf: bytes, folder: Path) -> list[str]:
    """Text of each page."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    path = folder / "report.pdf"
    path.write_bytes(pdf)
    run = subprocess.run(["pdftotext", "-enc", "UTF-8", path, "-"], capture_output=True, check=True)
    return [" ".join(page.split()) for page in run.stdout.decode().split("\f")[:-1]]


def test_names_in_six_scripts_are_read_back(done: Typeset, tmp_path: Path) -> None:
    text = " ".join(text_of(done.pdf, tmp_path))
    lacking = "".join(done.missing)
    for script, name in NAMES.items():
        shown = "".join("\u25a1" if character in lacking else character for character in name)
        words = shown.split()
        assert all(word in text or word[::-1] in text for word in words), script
    assert not set(lacking) & set("".join(NAMES[script] for script in ("Latin", "Greek", "Cyrillic", "Arabic")))


def test_a_character_without_a_font_is_named_in_one_line() -> None:
    remark = Typeset(pdf=b"", missing=("\U00012000", *"abcdef")).remark
    assert remark is not None
    assert "\n" not in remark
    assert "(U+12000)" in remark
    assert "and 2 more" in remark
    assert "fonts-noto" in remark
    assert Typeset(pdf=b"", missing=()).remark is None


def test_what_no_font_has_is_a_square_and_said(sealed: ReportContent, tmp_path: Path) -> None:
    start = {**sealed.start, "site": "site \U00012000\U00012001"}  # cuneiform
    result = typeset(replace(sealed, start=start))
    if not result.missing:
        pytest.skip("this machine has a font for cuneiform")
    assert result.missing == ("\U00012000", "\U00012001")
    assert "site \u25a1\u25a1" in text_of(result.pdf, tmp_path)[1]


LONG = "an answer that is as long as answers get, with all that stood in its way, " * 4


@pytest.mark.parametrize(
    "judged",
    [
        pytest.param(document(), id="two findings"),
        pytest.param(document(verdict="no_anomaly_detected", findings=[], rejected_candidates=[]), id="nothing found"),
        pytest.param(document(baseline=None, reasons=["no baseline: x"]), id="no baseline"),
        pytest.param(
            document(verdict="inconclusive", findings=[], reasons=[LONG + str(n) for n in range(9)]), id="reasons"
        ),
        pytest.param(
            document(
                findings=[
                    finding(f"F{n}", 100_000_000 + 25_000 * n, "high", signal_type="intermittent broadband block")
                    for n in range(1, 31)
                ],
                unconfirmed=[finding(f"U{n}", 433_100_000 + 25_000 * n, "info", visits=3) for n in range(1, 31)],
                reasons=[LONG] * 9,
            ),
            id="many",
        ),
    ],
)
def test_the_client_has_two_pages(sealed: ReportContent, judged: dict[str, Any], tmp_path: Path) -> None:
    pages = text_of(typeset(replace(sealed, document=judged)).pdf, tmp_path)
    assert "Was a radio transmitter heard" in pages[0]
    assert "What could have been missed" in pages[1]
    assert "The sweep at a glance" in pages[1]
    assert [number for number, page in enumerate(pages) if "Technical annex" in page] == [2]


def test_a_seal_that_cannot_be_read_is_said_and_not_attached(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path)
    with make_record(workspace.sweeps) as record:
        path = record.path
        seal_path(path).write_text("{}")
        signature_path(path).write_text("x")
        content = from_record(record)
    assert content.sealed is not None
    assert content.sealed.seal is None
    pdf = typeset(content).pdf
    assert len(catalog(PdfReader(BytesIO(pdf)))["/AF"]) == 1
    assert "The seal is not shown: " in " ".join(text_of(pdf, tmp_path))
