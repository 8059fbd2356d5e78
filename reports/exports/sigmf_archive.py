"""A sweep and the samples of its findings as SigMF 1.2: a tar archive with a folder of recordings and their collection.

``NAME/NAME.sigmf-collection`` lists them: ``sweep``, metadata only, and the IQ snippet of each finding with the
annotation that names it and says what was decided. The snippets are checked against the hashes in the record before
they are handed on; their metadata are written anew, their samples are not. The ending is ``.tar``: readers of SigMF
archives take the first recording for the only one.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dsp.errors import CaptureError, RecordError
from reports.exports.document import json_bytes
from reports.exports.sigmf_sweep import SIGMF_VERSION, annotation_edges, annotation_words, sweep_facts, sweep_metadata
from reports.exports.source import ExportSource, Reported
from reports.exports.telling import sweep_text
from sweep.snippets.places import META, sha256_of, snippet_folder, snippet_parts
from sweep.sources.recorded.quietroom_keys import EXTENSION
from sweep.sources.recorded.sigmf_files import read_metadata

__all__ = ["sigmf_archive"]

_CHUNK_BYTES = 1 << 20


def sigmf_archive(source: ExportSource) -> Iterator[bytes]:
    """Write the archive, with a piece of the samples in memory at a time.

    Raises
    ------
    RecordError
        A snippet was altered, or names a file outside its folder.
    """
    name = source.record.path.stem
    snippets = [(item, *files) for item in source.reported if (files := _files(source, item)) is not None]
    texts = {"sweep": json_bytes(sweep_metadata(source))}
    texts |= {meta.name.removesuffix(META): _annotated(source, item, meta) for item, meta, _ in snippets}
    yield from _member(f"{name}/{name}.sigmf-collection", json_bytes(_collection(source, texts)))
    for stem, text in texts.items():
        yield from _member(f"{name}/{stem}{META}", text)
    for _, _, data in snippets:
        yield from _file(f"{name}/{data.name}", data)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _files(source: ExportSource, item: Reported) -> tuple[Path, Path] | None:
    """Metadata and samples of a finding, unaltered; None where it has none, or they do not lie beside the record."""
    folder = snippet_folder(source.record.path)
    named = [(folder / name, digest) for name, digest in snippet_parts(item.finding)]
    if not named or not all(path.is_file() for path, _ in named):
        return None
    for path, digest in named:
        if path.parent != folder or path.is_symlink() or path.name != Path(path.name).name:
            raise RecordError(f"{source.name}: names a snippet outside its folder, {path}; use an intact copy")
        if sha256_of(path) != digest:
            raise RecordError(f"{path}: does not match its hash in the record; use an intact copy, or remove it")
    return named[0][0], named[1][0]


def _annotated(source: ExportSource, item: Reported, meta: Path) -> bytes:
    try:
        document, _ = read_metadata(meta)
    except CaptureError as error:
        raise RecordError(str(error)) from error
    told: dict[str, Any] = {
        "global": document["global"] | sweep_facts(source) | {"quietroom:snippet_sha256": sha256_of(meta)},
        "captures": [_whole_hz(capture) for capture in document["captures"]],
        "annotations": [
            annotation | annotation_edges(source, item.finding) | annotation_words(source, item)
            for annotation in document["annotations"]
        ],
    }
    return json_bytes(told)


def _whole_hz(capture: dict[str, Any]) -> dict[str, Any]:
    frequency = capture.get("core:frequency")
    return capture if frequency is None else capture | {"core:frequency": round(frequency)}


def _collection(source: ExportSource, texts: dict[str, bytes]) -> dict[str, Any]:
    streams = [{"name": stem, "hash": hashlib.sha512(text).hexdigest()} for stem, text in texts.items()]
    return {
        "collection": {
            "core:version": SIGMF_VERSION,
            "core:description": sweep_text(source),
            "core:extensions": [EXTENSION],
            "core:streams": streams,
            **sweep_facts(source),
        }
    }


def _member(name: str, content: bytes) -> Iterator[bytes]:
    yield _head(name, len(content))
    yield content
    yield bytes(-len(content) % tarfile.BLOCKSIZE)


def _file(name: str, path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    yield _head(name, size)
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK_BYTES):
            yield piece
    yield bytes(-size % tarfile.BLOCKSIZE)


def _head(name: str, size: int) -> bytes:
    """A header without owner and time, so that the same record gives the same archive."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")
