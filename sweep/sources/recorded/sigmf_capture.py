"""SigMF recordings: one frequency, a sweep by Quietroom, or a sweep by somebody else."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import sigmf

from dsp.samples import SAMPLE_FORMATS
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.facts import given_format
from sweep.sources.recorded.files import refuse, shown
from sweep.sources.recorded.iq import Recording, Samples
from sweep.sources.recorded.kept_sweep import open_kept_sweep
from sweep.sources.recorded.quietroom_keys import is_kept_sweep
from sweep.sources.recorded.segments import open_segments
from sweep.sources.recorded.sigmf_files import DataPlace, check_sha512, locate_data, read_metadata

__all__ = ["open_sigmf"]

_WHOLE_KEYS = tuple(
    f"core:{name}"
    for name in ("sample_start", "global_index", "header_bytes", "trailing_bytes", "offset", "num_channels")
)


def open_sigmf(path: Path, options: SourceOptions) -> Recording:
    """Open a SigMF recording.

    Parameters
    ----------
    path : Path
        Its metadata file, or its archive.
    options : SourceOptions
        Rate and centre, where the metadata lacks them.

    Returns
    -------
    Recording
        The metadata is valid, the samples are there, and their checksum, if there is one, was compared.

    Raises
    ------
    CaptureError
        Anything in it is missing, contradictory, unsupported or damaged.

    References
    ----------
    The Signal Metadata Format specification 1.2, https://sigmf.org
    """
    document, place = read_metadata(path)
    info: dict[str, Any] = document["global"]
    sample_format = _sample_format(path, info, options)
    _validate(path, document)
    for section in (info, *document["captures"]):
        section.update(_whole_numbers(section))
    if info.get("core:metadata_only"):
        if not is_kept_sweep(info):
            raise refuse(path, "is metadata only: there are no samples to replay")
        samples = Samples(path=path, sample_format=sample_format, offset_bytes=0, n_samples=0)
        return open_kept_sweep(path, samples, document, options)
    place = place or locate_data(path, info)
    if "core:sha512" in info:
        check_sha512(path, place, info["core:sha512"])
    samples = _samples(path, document, place, sample_format)
    if is_kept_sweep(info):
        return open_kept_sweep(path, samples, document, options)
    return open_segments(path, samples, document, options)


def _sample_format(path: Path, info: Mapping[str, Any], options: SourceOptions) -> str:
    datatype, channels = info.get("core:datatype"), info.get("core:num_channels", 1)
    supported = ", ".join(SAMPLE_FORMATS)
    if not isinstance(datatype, str) or datatype not in SAMPLE_FORMATS:
        real = isinstance(datatype, str) and datatype.startswith("r")
        kind = "real samples, not IQ" if real else "not supported"
        raise refuse(path, f"core:datatype {shown(datatype)} is {kind}; supported are {supported}")
    if channels != 1:
        raise refuse(path, f"has {shown(channels)} channels of {datatype}; one is supported; split the recording first")
    if given_format(options) not in (None, datatype):
        raise refuse(
            path, f"holds {datatype} according to its metadata, not {options.sample_format}; leave --format out"
        )
    return datatype


def _validate(path: Path, document: dict[str, Any]) -> None:
    """Check against the specification's schema, as the sigmf package holds it; it leaves out what is null."""
    for section in (document["global"], *document["captures"]):
        null = next((key for key, value in section.items() if value is None and str(key).startswith("core:")), None)
        if null is not None:
            raise refuse(path, f"is not valid SigMF: {shown(null)} is null; leave it out or give its value")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # undeclared extensions of others are their makers' business
        try:
            sigmf.SigMFFile(metadata=document).validate()
        except jsonschema.ValidationError as error:
            where = "/".join(str(part) for part in error.absolute_path)
            reason = error.message if len(error.message) <= 160 else error.message[:160] + "..."
            raise refuse(path, f"is not valid SigMF{' at ' + where if where else ''}: {reason}") from error
        except (sigmf.error.SigMFError, TypeError, KeyError, AttributeError, ValueError, RecursionError) as error:
            raise refuse(path, f"is not valid SigMF: {type(error).__name__} {shown(str(error))}") from error


def _whole_numbers(section: Mapping[str, Any]) -> dict[str, int]:
    """Give as such what the schema takes for whole numbers; 2000.0 is one to JSON Schema.

    Examples
    --------
    >>> _whole_numbers({"core:sample_start": 2000.0, "core:frequency": 1e8})
    {'core:sample_start': 2000}
    """
    return {key: int(section[key]) for key in _WHOLE_KEYS if isinstance(section.get(key), float)}


def _samples(path: Path, document: Mapping[str, Any], place: DataPlace, sample_format: str) -> Samples:
    """Whole samples between the header and trailing bytes that a non-conforming dataset may have."""
    info, captures = document["global"], document["captures"]
    headers = [capture.get("core:header_bytes", 0) for capture in captures]
    if any(headers[1:]):
        raise refuse(path, "has core:header_bytes between captures, which is not supported; convert it to plain SigMF")
    header = headers[0] if headers else 0
    sample_bytes = 2 * SAMPLE_FORMATS[sample_format].itemsize
    n_samples, rest = divmod(place.size - header - info.get("core:trailing_bytes", 0), sample_bytes)
    if n_samples <= 0 or rest:
        raise refuse(
            path,
            f"its samples are {place.size} bytes, no whole number of {sample_format} samples of {sample_bytes} bytes; "
            "the file is cut or of another datatype",
        )
    return Samples(
        path=place.path, sample_format=sample_format, offset_bytes=place.offset + header, n_samples=n_samples
    )
