"""The report as one HTML file that fetches nothing."""

from reports.html.page import html_bytes, write_html

__all__ = ["html_bytes", "write_html"]
