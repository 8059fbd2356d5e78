"""The report as PDF, typeset by typst: PDF/A-3 and PDF/UA-1, the same bytes for the same content."""

from __future__ import annotations

import json
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path

import typst

from dsp.errors import ParameterError
from reports.content import ReportContent
from reports.content.document import compose, draw
from reports.exports.document import findings_document, json_bytes
from reports.files import write_bytes
from reports.text import FONT_FOLDER, clean, drawable
from sweep.units import parse_utc

__all__ = ["pdf_bytes", "write_pdf"]

_STANDARDS: tuple[typst.PDFStandard, ...] = ("a-3a", "ua-1")
_FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")  # typst brings Libertinus Serif


def write_pdf(content: ReportContent, path: Path) -> None:
    """Write the report as PDF, whole or not at all.

    Raises
    ------
    ParameterError
        The file cannot be written, or the report holds something that cannot be typeset.
    """
    write_bytes(pdf_bytes(content), path)


def pdf_bytes(content: ReportContent) -> bytes:
    """Typeset the report; its date is that of the sweep, and the findings JSON is attached.

    Raises
    ------
    ParameterError
        The report holds something that cannot be typeset.
    """
    template = (files("reports.pdf") / "report.typ").read_bytes()
    inputs = {
        "report": json.dumps(clean(compose(content), drawable)),
        "drawings": json.dumps(draw(content)),
        "findings": json_bytes(findings_document(content)).decode("utf-8"),
    }
    with tempfile.TemporaryDirectory(prefix="quietroom-") as folder:  # typst sees this folder and no other
        for name in _FONTS:  # alone, so that no other font of matplotlib steps in
            shutil.copyfile(FONT_FOLDER / name, Path(folder) / name)
        fonts = typst.Fonts(include_system_fonts=False, font_paths=[folder])
        compiler = typst.Compiler(template, root=folder, font_paths=fonts)
        try:
            pdf = compiler.compile(
                format="pdf", sys_inputs=inputs, pdf_standards=list(_STANDARDS), timestamp=_timestamp(content)
            )
        except typst.TypstError as error:
            reason = " ".join(str(error).split())
            raise ParameterError(
                f"{content.record_name}: the PDF cannot be typeset ({reason}); write the HTML report instead"
            ) from error
    assert isinstance(pdf, bytes)
    return pdf


def _timestamp(content: ReportContent) -> int:
    return parse_utc(str(content.start["start_time"])) // 1_000_000_000
