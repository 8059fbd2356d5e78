"""Where the snippets of a record lie, and what names their files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["DATA", "META", "edges_hz", "sha256_of", "snippet_folder", "snippet_parts", "unfinished_folder"]

META, DATA = ".sigmf-meta", ".sigmf-data"


def snippet_folder(record: Path) -> Path:
    """Folder of the snippets of a record, also given by its journal."""
    return record.with_suffix(".snippets")


def unfinished_folder(record: Path) -> Path:
    """Where they are written: what a crash leaves there is no part of any record."""
    return record.with_suffix(".snippets-part")


def snippet_parts(finding: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names of the files of the snippet of a finding, and the SHA-256 of each; none where it has no snippet.

    Examples
    --------
    >>> list(snippet_parts({"iq_snippet": {"file": "F1.sigmf-meta", "sha256": "ab", "data_sha256": "cd"}}))
    [('F1.sigmf-meta', 'ab'), ('F1.sigmf-data', 'cd')]
    """
    snippet = finding.get("iq_snippet")
    if snippet:
        yield snippet["file"], snippet["sha256"]
        yield snippet["file"].removesuffix(META) + DATA, snippet["data_sha256"]


def edges_hz(finding: Mapping[str, Any], bin_width_hz: float) -> dict[str, float]:
    """Frequencies between which a finding lies, in the words of SigMF.

    Examples
    --------
    >>> edges_hz({"center_freq_hz": 100_000, "occupied_bw_hz": 5_000}, 2_500)
    {'core:freq_lower_edge': 97500.0, 'core:freq_upper_edge': 102500.0}
    """
    reach_hz = (finding["occupied_bw_hz"] or bin_width_hz) / 2
    center_hz = float(finding["center_freq_hz"])
    return {"core:freq_lower_edge": center_hz - reach_hz, "core:freq_upper_edge": center_hz + reach_hz}


def sha256_of(path: Path) -> str:
    """Hash a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
