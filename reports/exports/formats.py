"""The formats of ``quietroom export``, by name. Nothing heavy is imported here: the command line lists them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:  # as in ``typing``, the import of which would be a tenth of the time of ``--help``
    from reports.exports.source import ExportSource

__all__ = ["FORMATS", "SUFFIXES", "exported"]

FORMATS = {
    "json": "source:findings_json",
    "csv": "table:findings_csv",
    "sigmf": "sigmf_archive:sigmf_archive",
    "rtl_power": "rtl_power:rtl_power_csv",
    "ocsf": "ocsf:ocsf_json",
    "cef": "cef:cef_lines",
    "stix": "stix:stix_json",
    "oscal": "oscal:oscal_json",
}
"""Module below ``reports.exports`` and its function, from a source to the bytes of a file in pieces."""

SUFFIXES = {
    "json": ".json",
    "csv": ".csv",
    "sigmf": ".sigmf.tar",
    "rtl_power": ".rtl_power.csv",
    "ocsf": ".ocsf.json",
    "cef": ".cef",
    "stix": ".stix.json",
    "oscal": ".oscal.json",
}
"""How a file of each format ends."""


def exported(name: str, source: ExportSource) -> Iterable[bytes]:
    """Give the bytes of a format, in pieces that are made as they are asked for.

    Parameters
    ----------
    name : str
        One of `FORMATS`.
    source : ExportSource
    """
    module, function = FORMATS[name].split(":")
    pieces: Iterable[bytes] = getattr(importlib.import_module(f"reports.exports.{module}"), function)(source)
    return pieces
