"""Snippets that a sweep had cut when it was interrupted: the whole ones belong to the record made of its journal."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsp.errors import CaptureError
from sweep.model import Judgement
from sweep.snippets.noting import with_snippets
from sweep.snippets.places import DATA, META, edges_hz, sha256_of, snippet_folder, unfinished_folder
from sweep.sources.recorded.sigmf_files import check_sha512, locate_data, read_metadata

__all__ = ["adopt_snippets", "discard_unfinished"]

_GONE = "the sweep was interrupted before the samples of its findings were cut"


def discard_unfinished(record_path: Path) -> None:
    """Remove snippets that were being written: nothing names them."""
    unfinished = unfinished_folder(record_path)
    if unfinished.is_dir() and not unfinished.is_symlink():
        shutil.rmtree(unfinished, ignore_errors=True)


def adopt_snippets(judgement: Judgement, record_path: Path, bin_width_hz: float) -> Judgement:
    """Name the snippets that an interrupted sweep left, as far as they are of the same findings; cut none.

    Parameters
    ----------
    judgement : Judgement
        Of the rows in the journal.
    record_path : Path
    bin_width_hz : float

    Returns
    -------
    Judgement
        As a sweep that was closed has it.
    """
    emissions = [one for one in judgement.emissions if one["kind"] != "missing"]
    found = {str(one["id"]): _left(one, snippet_folder(record_path), bin_width_hz) for one in emissions}
    whole = {name: snippet for name, snippet in found.items() if snippet is not None}
    return with_snippets(judgement, whole, _GONE if len(whole) < len(emissions) else None)


def _left(finding: Mapping[str, Any], folder: Path, bin_width_hz: float) -> dict[str, Any] | None:
    name = str(finding["id"])
    meta, data = folder / f"{name}{META}", folder / f"{name}{DATA}"
    try:
        document, _ = read_metadata(meta)
        info, annotations = document["global"], document["annotations"]
        check_sha512(meta, locate_data(meta, info), str(info.get("core:sha512")))
    except CaptureError:
        return None
    wanted = {"core:label": name, **edges_hz(finding, bin_width_hz)}
    if not any(isinstance(one, dict) and wanted.items() <= one.items() for one in annotations):
        return None
    return {"file": meta.name, "sha256": sha256_of(meta), "data_sha256": sha256_of(data)}
