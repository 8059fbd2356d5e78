"""The history of a room laid out as PDF and HTML, by the machinery of the report."""

from __future__ import annotations

from pathlib import Path

from baselines.chronicle import RoomChronicle
from reports.exports.document import json_bytes
from reports.files import write_bytes
from reports.history.document import compose_history, draw_history
from reports.history.export import history_document
from reports.html.page import page_bytes
from reports.pdf.attachments import Attachment
from reports.pdf.typesetting import typeset_document

__all__ = ["write_history_html", "write_history_pdf"]


def write_history_pdf(chronicle: RoomChronicle, path: Path) -> str | None:
    """Write the history as PDF with its JSON attached, whole or not at all.

    Returns
    -------
    str or None
        One line that names characters without a font.

    Raises
    ------
    ParameterError
        The file cannot be written, or the history holds something that cannot be typeset.
    """
    attached = Attachment(
        name="history.json",
        data=json_bytes(history_document(chronicle)),
        relationship="data",
        mime_type="application/json",
        description="History of the room, schema quietroom.history/1",
    )
    done = typeset_document(
        compose_history(chronicle),
        draw_history(chronicle),
        (attached,),
        utc_ns=chronicle.visits[-1].records[-1].start_ns,
        name=f"history of {chronicle.room}",
    )
    write_bytes(done.pdf, path)
    return done.remark


def write_history_html(chronicle: RoomChronicle, path: Path) -> None:
    """Write the history as a single HTML file, whole or not at all.

    Raises
    ------
    ParameterError
        The file cannot be written.
    """
    write_bytes(page_bytes(compose_history(chronicle), draw_history(chronicle)), path)
