"""The report as PDF, typeset by typst: PDF/A-3 and PDF/UA-1, the same bytes for the same content."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from dsp.errors import ParameterError
from reports.content import ReportContent
from reports.content.document import compose, draw
from reports.files import write_bytes
from reports.pdf.attachments import Attachment, attachments
from reports.pdf.fonts import gather_fonts
from reports.text import SQUARE, clean, printable
from sweep.units import parse_utc

__all__ = ["Typeset", "typeset", "typeset_document", "write_pdf"]

_STANDARDS: tuple[typst.PDFStandard, ...] = ("a-3a", "ua-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typeset:
    """A report that was typeset.

    Attributes
    ----------
    pdf : bytes
    missing : tuple of str
        Characters for which there is no font; a square stands for each.
    """

    pdf: bytes
    missing: tuple[str, ...]

    @property
    def remark(self) -> str | None:
        """What is wrong with it, in one line; None where nothing is."""
        if not self.missing:
            return None
        shown = ", ".join(f"{character} (U+{ord(character):04X})" for character in self.missing[:_MOST_NAMED])
        more = f" and {len(self.missing) - _MOST_NAMED} more" if len(self.missing) > _MOST_NAMED else ""
        return (
            f"no font of this machine has a glyph for {shown}{more}; the PDF shows {SQUARE} instead: install the fonts "
            "(Debian: fonts-noto-cjk, fonts-noto-core) and write the report again"
        )


_MOST_NAMED = 5


def write_pdf(content: ReportContent, path: Path) -> str | None:
    """Write the report as PDF, whole or not at all.

    Returns
    -------
    str or None
        One line that names characters without a font.

    Raises
    ------
    ParameterError
        The file cannot be written, or the report holds something that cannot be typeset.
    """
    done = typeset(content)
    write_bytes(done.pdf, path)
    return done.remark


def typeset(content: ReportContent) -> Typeset:
    """Typeset the report; its date is that of the sweep, and the findings JSON and the seal are attached.

    Raises
    ------
    ParameterError
        The report holds something that cannot be typeset.
    """
    return typeset_document(
        compose(content),
        draw(content),
        tuple(attachments(content)),
        utc_ns=parse_utc(str(content.start["start_time"])),
        name=content.record_name,
    )


def typeset_document(
    composed: Mapping[str, Any], drawings: Mapping[str, str], attached: Sequence[Attachment], *, utc_ns: int, name: str
) -> Typeset:
    """Typeset what was composed.

    Parameters
    ----------
    composed : mapping
        As `reports.content.document.compose` gives it.
    drawings : mapping
        SVG text by the names that it refers to.
    attached : sequence of Attachment
    utc_ns : int
        Date of the file, in nanoseconds since 1970.
    name : str
        For messages.

    Raises
    ------
    ParameterError
        It holds something that cannot be typeset.
    """
    report = clean(dict(composed), printable)
    with tempfile.TemporaryDirectory(prefix="quietroom-") as place:  # typst sees this folder and no other
        folder = Path(place)
        font_folder = folder / "fonts"
        font_folder.mkdir()
        fonts = gather_fonts(frozenset("".join(_strings(report)) + SQUARE), font_folder)
        missing = str.maketrans(dict.fromkeys(fonts.missing, SQUARE))
        report = clean(report, lambda text: text.translate(missing))
        report |= {"fonts": asdict(fonts), "attachments": []}
        for file in attached:
            (folder / file.name).write_bytes(file.data)
            report["attachments"].append(file.described)
        for drawing, svg in drawings.items():
            (folder / f"{drawing}.svg").write_text(svg, encoding="utf-8")
        (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
        return Typeset(pdf=_compile(folder, font_folder, utc_ns // 1_000_000_000, name), missing=fonts.missing)


def _compile(folder: Path, font_folder: Path, utc_s: int, name: str) -> bytes:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[font_folder])
    template = (files("reports.pdf") / "report.typ").read_bytes()
    compiler = typst.Compiler(template, root=folder, font_paths=fonts)
    try:
        pdf = compiler.compile(format="pdf", pdf_standards=list(_STANDARDS), timestamp=utc_s)
    except typst.TypstError as error:
        reason = " ".join(str(error).split())
        raise ParameterError(f"{name}: the PDF cannot be typeset ({reason}); write the HTML report instead") from error
    assert isinstance(pdf, bytes)
    return pdf


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in _strings(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in _strings(item))
