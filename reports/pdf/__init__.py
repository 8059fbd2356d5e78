"""The report as PDF."""

from __future__ import annotations

from reports.pdf.typesetting import pdf_bytes, write_pdf

__all__ = ["pdf_bytes", "write_pdf"]
