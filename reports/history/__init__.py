"""The history of a room as PDF, HTML and JSON: what appeared, vanished and changed over its visits."""

from __future__ import annotations

from reports.history.export import history_document
from reports.history.writing import write_history_html, write_history_pdf

__all__ = ["history_document", "write_history_html", "write_history_pdf"]
