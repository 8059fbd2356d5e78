"""Raw IQ recordings: samples and nothing else, so that all facts come from the name, a sidecar or the user."""

from __future__ import annotations

from pathlib import Path

from dsp.samples import SAMPLE_FORMATS
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.facts import facts_from_sidecar, given_format, settle
from sweep.sources.recorded.files import SUPPORTED, foreign_content, refuse, regular_size, shown
from sweep.sources.recorded.fixed import FixedRecording, fixed_recording
from sweep.sources.recorded.iq import Samples

__all__ = ["open_raw", "sample_format_of"]

_FORMAT_OF_SUFFIX = {
    ".cu8": "cu8",
    ".complex16u": "cu8",  # Universal Radio Hacker counts the bits of I and Q together
    ".cs8": "ci8",
    ".ci8": "ci8",
    ".c8": "ci8",
    ".complex16s": "ci8",
    ".cs16": "ci16_le",
    ".ci16": "ci16_le",
    ".c16": "ci16_le",
    ".complex32s": "ci16_le",
    ".cf32": "cf32_le",
    ".fc32": "cf32_le",
    ".cfile": "cf32_le",
    ".complex": "cf32_le",
}
_FEWEST_SAMPLES = 2048  # nothing in a raw file shows that it is a recording; one this short is a fragment at any rate


def sample_format_of(path: Path, options: SourceOptions) -> tuple[str, str | None]:
    """Sample format of a raw recording, and a note where the user overruled its name.

    Raises
    ------
    CaptureError
        The extension says nothing, and no format was given.
    ParameterError
        The given format is unknown.
    """
    suffix = path.suffix.lower()
    named = _FORMAT_OF_SUFFIX.get(suffix)
    if named is None and suffix == ".raw" and path.stem.startswith("gqrx_") and path.stem.endswith("_fc"):
        named = "cf32_le"
    given = given_format(options)
    if given is not None:
        note = f"sample format {given} as given by the user; the extension says {named}"
        return given, note if named not in (None, given) else None
    if named is None:
        raise refuse(
            path,
            f"extension {shown(path.suffix)} does not tell what it is; Quietroom reads {SUPPORTED}; for raw IQ "
            f"give --format with one of {', '.join(SAMPLE_FORMATS)}",
        )
    return named, None


def open_raw(path: Path, options: SourceOptions) -> FixedRecording:
    """Open a raw IQ recording.

    Parameters
    ----------
    path : Path
    options : SourceOptions
        Rate, centre and format where the name does not carry them.

    Raises
    ------
    CaptureError
        It is empty, too short, another kind of file, or a fact is missing.
    """
    size = regular_size(path)
    foreign = foreign_content(path)
    if foreign is not None:
        raise refuse(path, foreign)
    sample_format, format_note = sample_format_of(path, options)
    sample_bytes = 2 * SAMPLE_FORMATS[sample_format].itemsize
    n_samples, rest = divmod(size, sample_bytes)
    if n_samples < _FEWEST_SAMPLES:
        reason = f"is too short: {n_samples} samples of {sample_format}, but {_FEWEST_SAMPLES} are needed at any rate"
        raise refuse(path, f"{reason}; record longer")
    known = settle(path, options, facts_from_sidecar(path))
    notes = [format_note] if format_note else []
    if rest:
        notes.append(f"{rest} bytes after the last whole sample are left out")
    samples = Samples(path=path, sample_format=sample_format, offset_bytes=0, n_samples=n_samples)
    return fixed_recording(samples, known, options, notes=notes)
