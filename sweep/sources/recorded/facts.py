"""Rate, centre, format and time of a recording: from its name, from a sidecar, from the user."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dsp.errors import ParameterError
from dsp.samples import SAMPLE_FORMATS
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.files import name_errors, refuse, shown, within_folder
from sweep.units import format_hz, iso_utc, parse_utc

__all__ = ["Facts", "Known", "facts_from_name", "facts_from_sidecar", "given_format", "settle"]

_FORMAT_ALIASES = {"cs8": "ci8", "cs16": "ci16_le", "ci16": "ci16_le", "cf32": "cf32_le"}
_SIDECAR_BYTES = 65536
_MAX_HZ = 10**12

_DAY_TIME = re.compile(
    r"(?<!\d)(?P<y>20\d\d)(?P<d1>-?)(?P<m>\d\d)(?P=d1)(?P<d>\d\d)[_T ]"
    r"(?P<h>\d\d)(?P<d2>[-:]?)(?P<min>\d\d)(?P=d2)(?P<s>\d\d)(?!\d)Z?"
)
_START, _END = r"(?:^|(?<=[_\-\s(]))", r"(?=$|[_\-\s).,])"
_TUNED = re.compile(_START + r"(\d+(?:\.\d+)?)(?:([MG])|([kMGmg]?)[Hh][Zz])" + _END)  # "2m" is a band, not 2 MHz
_RATE = re.compile(_START + r"(\d+(?:\.\d+)?)(k|[kM]sps|[kM]S)" + _END, re.IGNORECASE)
_LTE = re.compile(r"^f(\d+(?:\.\d+)?)_s(\d+(?:\.\d+)?)(?=_|$)")
_BARE_PAIR = re.compile(r"(?<![\d.])(\d{7,10})_(\d{5,8})(?![\d.])")
_CUBIC = re.compile(r"^IQ_(\d+\.\d+)(?=_|$)")
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one place says about a recording; None where it is silent."""

    sample_rate_hz: int | None = None
    center_freq_hz: float | None = None
    utc_ns: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a recording is taken for, and the notes that say where each fact comes from."""

    sample_rate_hz: int
    center_freq_hz: float
    utc_ns: int
    notes: tuple[str, ...]


def given_format(options: SourceOptions) -> str | None:
    """Sample format that the user named, by its SigMF name.

    Raises
    ------
    ParameterError
        It is not one that Quietroom reads.

    Examples
    --------
    >>> given_format(SourceOptions(sample_format="cs16"))
    'ci16_le'
    """
    if options.sample_format is None:
        return None
    given = _FORMAT_ALIASES.get(options.sample_format, options.sample_format)
    if given not in SAMPLE_FORMATS:
        raise ParameterError(
            f"sample format {options.sample_format!r} is unknown; give --format one of {', '.join(SAMPLE_FORMATS)}"
        )
    return given


def facts_from_name(stem: str) -> Facts:
    """Read what recorders write into file names.

    Understood are ``_433.92M_250k`` (rtl_433), ``gqrx_20200101_120000_433920000_250000_fc``, ``_433920kHz_`` (HDSDR,
    SDRuno), ``IQ_433.920_2022-10-11_08-07-55`` (CubicSDR), ``f1860_s1.92_`` (MHz and MS/s) and a bare pair of centre
    and rate in Hz. Where a name gives two different values, it gives none.

    Parameters
    ----------
    stem : str
        File name without folder and extension.

    Examples
    --------
    >>> facts = facts_from_name("g001_433.92M_250k")
    >>> facts.center_freq_hz, facts.sample_rate_hz
    (433920000.0, 250000)
    >>> facts_from_name("f1860_s1.92_g0_1s_rtlsdr").sample_rate_hz
    1920000
    """
    time = _DAY_TIME.search(stem)
    utc_ns = _utc_of(time) if time else None
    text = _DAY_TIME.sub("", stem)  # its digits look like a centre and a rate
    centers = {float(m[1]) * _SCALE[(m[2] or m[3]).lower()] for m in _TUNED.finditer(text)}
    rates = {round(float(m[1]) * _SCALE[m[2][0].lower()]) for m in _RATE.finditer(text)}
    for match in _LTE.finditer(stem):
        centers.add(float(match[1]) * 1e6)
        rates.add(round(float(match[2]) * 1e6))
    if not centers:
        pairs = _BARE_PAIR.findall(text)
        centers = {float(pair[0]) for pair in pairs} or {float(m[1]) * 1e6 for m in _CUBIC.finditer(stem)}
        rates |= {int(pair[1]) for pair in pairs}
    return Facts(
        sample_rate_hz=rates.pop() if len(rates) == 1 else None,
        center_freq_hz=round(centers.pop(), 3) if len(centers) == 1 else None,
        utc_ns=utc_ns,
        note="the file name",
    )


def _utc_of(match: re.Match[str]) -> int | None:
    """Time in a name; digits that are no date are no error, only no time."""
    try:
        return parse_utc("{y}-{m}-{d}T{h}:{min}:{s}Z".format(**match.groupdict()))
    except ParameterError:
        return None


def facts_from_sidecar(path: Path) -> Facts:
    """Read the ``.TXT`` that a PortaPack writes beside a recording of the same stem.

    Raises
    ------
    CaptureError
        The sidecar cannot be read, or one of its numbers is not one.
    """
    for suffix in (".TXT", ".txt"):
        sidecar = within_folder(path.parent, path.stem + suffix)
        if sidecar is not None and sidecar.is_file() and sidecar != path:
            with name_errors(sidecar), sidecar.open("rb") as handle:
                text = handle.read(_SIDECAR_BYTES).decode("ascii", "replace")
            rate = _sidecar_number(sidecar, text, "sample_rate")
            center = _sidecar_number(sidecar, text, "center_frequency")
            if rate is not None or center is not None:
                return Facts(sample_rate_hz=rate, center_freq_hz=center, note=f"the sidecar {sidecar.name}")
    return Facts()


def _sidecar_number(sidecar: Path, text: str, key: str) -> int | None:
    match = re.search(rf"^\s*{key}\s*=\s*(.*?)\s*$", text, re.MULTILINE)
    if match is None:
        return None
    if not re.fullmatch(r"\d{1,13}", match[1]):
        raise refuse(sidecar, f"{key} is {shown(match[1])}, not a whole number of Hz; mend or remove the sidecar")
    return int(match[1])


def settle(path: Path, options: SourceOptions, stated: Facts) -> Known:
    """Settle what is known: what the file states, else what the user says, else what its name says.

    Parameters
    ----------
    path : Path
    options : SourceOptions
        Overrule the file name, which is free text; a note says so.
    stated : Facts
        From inside the file or from its sidecar. The user may not contradict it.

    Raises
    ------
    CaptureError
        Rate or centre is not known, or file and user contradict each other.
    """
    named = facts_from_name(path.stem)
    notes: list[str] = []
    rates = (stated.sample_rate_hz, options.sample_rate_hz, named.sample_rate_hz)
    centers = (stated.center_freq_hz, options.center_freq_hz, named.center_freq_hz)
    rate = _choose(path, _Quantity("sample rate", "--rate", *rates), stated.note, notes)
    center = _choose(path, _Quantity("centre frequency", "--center", *centers), stated.note, notes)
    if not (0 < rate <= _MAX_HZ and abs(center) <= _MAX_HZ):
        raise refuse(path, f"sample rate {rate:g} Hz or centre {center:g} Hz is impossible; give --rate and --center")
    if center == 0:
        notes.append("the centre was given as 0 Hz: frequencies are relative to an unknown centre")
    utc_ns, time_note = _start(path, stated, named)
    return Known(sample_rate_hz=int(rate), center_freq_hz=float(center), utc_ns=utc_ns, notes=(*notes, time_note))


class _Quantity(NamedTuple):
    """One fact in Hz, as the file states it, as the user gives it, as the name says it."""

    what: str
    option: str
    stated: float | None
    given: float | None
    named: float | None


def _choose(path: Path, quantity: _Quantity, stated_by: str, notes: list[str]) -> float:
    what, option, stated, given, named = quantity
    if stated is not None:
        if given is not None and abs(given - stated) >= 1:
            raise refuse(
                path,
                f"{what} is {format_hz(stated)} according to {stated_by}, but {option} says {format_hz(given)}; "
                f"leave {option} out",
            )
        notes.append(f"{what} from {stated_by}")
        return stated
    if given is not None:
        contradicted = named is not None and abs(given - named) >= 1
        notes.append(
            f"{what} as given by the user" + (f"; the name says {format_hz(named or 0)}" if contradicted else "")
        )
        return given
    if named is None:
        raise refuse(path, f"{what} is neither in the file nor in its name; give {option}")
    notes.append(f"{what} from the file name")
    return named


def _start(path: Path, stated: Facts, named: Facts) -> tuple[int, str]:
    """Time of the first sample in nanoseconds since 1970, and the note that says how it is known."""
    for facts in (stated, named):
        if facts.utc_ns is not None:
            return facts.utc_ns, f"start time from {facts.note}, taken as UTC"
    with name_errors(path):
        utc_ns = path.stat().st_mtime_ns
    return utc_ns, f"start time not recorded; the file's modification time {iso_utc(utc_ns)[:19]}Z is taken"
