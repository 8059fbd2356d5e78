"""Types and groups of arguments that several commands share. Nothing heavy is imported here: help must be quick."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from dsp.errors import ParameterError, QuietroomError
from reports.exports.formats import FORMATS
from sweep.cli.help_format import HelpFormat
from sweep.room_names import check_room_name
from sweep.units import parse_day, parse_hz, parse_range

TYPE_CHECKING = False
if TYPE_CHECKING:  # as in ``typing``, the import of which would be a tenth of the time of ``--help``
    from typing import Any, NoReturn

__all__ = [
    "DEFAULT_FALSE_ALARMS",
    "DEFAULT_PASSES",
    "Commands",
    "OneLineParser",
    "add_captures",
    "add_command",
    "add_context",
    "add_json",
    "add_judging",
    "add_record",
    "add_room",
    "decibels",
    "duration_s",
    "export_formats",
    "factor",
    "false_alarms",
    "frequency_hz",
    "level_dbfs",
    "positive_int",
    "printable",
    "range_hz",
    "room_name",
    "since_ns",
    "whole_ppm",
]

DEFAULT_FALSE_ALARMS = 0.1
DEFAULT_PASSES = 5
"""What the rules of persistence are made for."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h)?")
_SECONDS = {None: 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_MOST_PPM = 1000
_MOST_FALSE_ALARMS = 100
_MAX_TEXT = 200
_SAMPLE_FORMATS = ("cu8", "ci8", "ci16_le", "cf32_le")


Commands = argparse._SubParsersAction  # argparse has no public name for it


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors of the command line are.

    Attributes
    ----------
    fill : callable or None
        Adds the arguments of a command when they are first needed: most runs need those of one command at most.
    """

    fill: Callable[[OneLineParser], None] | None = None

    def complete(self) -> None:
        """Add what is still to be added."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse with all arguments added; argparse calls this for the command that it meets."""
        self.complete()
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what was wrong in one line on standard error and exit 2."""
        flat = " ".join(message.split())
        self.exit(2, f"{self.prog}: {flat}; see '{self.prog} --help'\n")


def _argument(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse show the message of our own errors instead of "invalid ... value"."""

    def convert(text: str) -> Any:
        try:
            return parse(text)
        except QuietroomError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def _duration(text: str) -> float:
    match = _DURATION.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if seconds <= 0:
        raise ParameterError(f"duration {text!r} is not a time above 0; write for example 90s, 10m or 1h")
    return seconds


def _positive_int(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
        raise ParameterError(f"{text!r} is not a whole number above 0")
    return int(text)


def _positive_float(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ParameterError(f"{text!r} is not a number above 0")
    return value


def _false_alarms(text: str) -> float:
    value = _positive_float(text)
    if value >= _MOST_FALSE_ALARMS:
        raise ParameterError(f"{text!r} false alarms a sweep is not below {_MOST_FALSE_ALARMS}; try 0.1")
    return value


def _ppm(text: str) -> int:
    if _WHOLE.fullmatch(text) is None or abs(int(text)) > _MOST_PPM:
        raise ParameterError(
            f"correction {text!r} is not a whole number of ppm from -{_MOST_PPM} to {_MOST_PPM}; dongles are within 100"
        )
    return int(text)


def _decibels(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ParameterError(f"gain {text!r} is not a number of dB")
    return value


def _level(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ParameterError(f"{text!r} is not a number of dB; write for example -52.5")
    return value


def _printable(text: str) -> str:
    kept = text.strip()
    if not kept or len(kept) > _MAX_TEXT or not kept.isprintable():
        raise ParameterError(f"{text[:40]!r} is empty, longer than {_MAX_TEXT} characters or has control characters")
    return kept


def _export_formats(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise ParameterError(f"format {unknown[0]!r} is not one of {', '.join(FORMATS)}")
    return names


frequency_hz = _argument(parse_hz)
range_hz = _argument(parse_range)
room_name = _argument(check_room_name)
duration_s = _argument(_duration)
positive_int = _argument(_positive_int)
false_alarms = _argument(_false_alarms)
whole_ppm = _argument(_ppm)
decibels = _argument(_decibels)
level_dbfs = _argument(_level)
factor = _argument(_positive_float)
printable = _argument(_printable)
export_formats = _argument(_export_formats)
since_ns = _argument(parse_day)


def add_command(
    commands: Commands[OneLineParser],
    name: str,
    target: str | None,
    summary: str,
    more: str = "",
    *,
    fill: Callable[[OneLineParser], None],
) -> None:
    """Add a command.

    Parameters
    ----------
    commands : Commands
    name : str
    target : str or None
        Its module in ``sweep.cli`` and its function, with a colon between; None where it has actions.
    summary, more : str
        What it does, in a line and in full.
    fill : callable
        Adds its arguments or actions.
    """
    description = f"{summary[:1].upper()}{summary[1:]}. {more}".strip()
    parser = commands.add_parser(name, help=summary, description=description, formatter_class=HelpFormat)
    parser.set_defaults(target=target)
    parser.fill = fill


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument(
        "--json", metavar="PATH", type=Path, help="also write the result as JSON; '-' writes only JSON, to stdout"
    )


def add_room(parser: argparse.ArgumentParser) -> None:
    """Add the room."""
    parser.add_argument(
        "room",
        metavar="ROOM",
        type=room_name,
        help="name of the room: letters, digits, dots, dashes, underscores; made at its first use",
    )


def add_record(parser: argparse.ArgumentParser) -> None:
    """Add the record."""
    parser.add_argument(
        "record", metavar="RECORD", help="path of a sweep record (.h5), or its name in the workspace's sweeps"
    )


def add_captures(parser: OneLineParser, *, also: str = "") -> None:
    """Add the paths of captures, and what they do not say themselves."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        type=Path,
        nargs="+",
        help=f"{also}SigMF (file or folder), .cu8/.cs8/.cs16/.cf32, WAV IQ, or CSV of rtl_power or hackrf_sweep",
    )
    parser.add_argument(
        "--rate", metavar="HZ", type=frequency_hz, help="sample rate that the capture does not say, for example 2.4M"
    )
    parser.add_argument(
        "--center",
        metavar="HZ",
        type=frequency_hz,
        help="centre frequency that the capture does not say, for example 433.92M",
    )
    parser.add_argument("--format", choices=_SAMPLE_FORMATS, help="sample format that the capture does not say")
    parser.add_argument(
        "--bin-width",
        metavar="HZ",
        type=frequency_hz,
        help="width of a bin in Hz, or with k; must divide the sample rate (default: chosen, 2500 where it divides)",
    )


def add_context(parser: argparse.ArgumentParser) -> None:
    """Add who swept from where with which antenna, for the record."""
    parser.add_argument(
        "--position",
        metavar="NAME",
        type=printable,
        help="where the antenna stands, for the record; those inside are compared with 'outside'",
    )
    parser.add_argument("--operator", metavar="NAME", type=printable, help="who sweeps, for the record")
    parser.add_argument(
        "--antenna", metavar="NAME", type=printable, help="antenna in use; one unlike the baseline's is remarked upon"
    )


def add_judging(parser: argparse.ArgumentParser) -> None:
    """Add which baseline to compare with, and how strictly."""
    parser.add_argument(
        "--baseline",
        metavar="ID",
        type=printable,
        help="baseline of the room to compare with (default: the latest, if there is one; 'none' for none)",
    )
    parser.add_argument(
        "--false-alarms-per-sweep",
        metavar="X",
        type=false_alarms,
        default=DEFAULT_FALSE_ALARMS,
        help=f"accepted mean number of false findings in a report (default {DEFAULT_FALSE_ALARMS})",
    )
