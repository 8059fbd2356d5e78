"""The report as PDF."""

from __future__ import annotations

from reports.pdf.typesetting import Typeset, typeset, write_pdf

__all__ = ["Typeset", "typeset", "write_pdf"]
