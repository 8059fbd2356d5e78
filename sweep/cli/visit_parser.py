"""The grammar of a guided visit, and of what is measured once for many visits."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from sweep.cli.arguments import (
    DEFAULT_PASSES,
    Commands,
    OneLineParser,
    add_command,
    add_json,
    add_room,
    decibels,
    duration_s,
    frequency_hz,
    positive_int,
    printable,
    range_hz,
)
from sweep.cli.seal_parser import add_time_server

__all__ = ["add_calibrate", "add_visit"]

_LEVEL = re.compile(r"([+-]?\d+(?:\.\d+)?)(?:dBm)?", re.IGNORECASE)


def add_visit(commands: Commands[OneLineParser]) -> None:
    """Add ``visit``."""
    add_command(
        commands,
        "visit",
        "guided.command:visit",
        "be led through a whole visit, from the check of the receiver to the report",
        "It can be left at any time and goes on with the step that is not finished. Exit code 3: not finished, or "
        "inconclusive.",
        fill=_visit,
    )


def add_calibrate(commands: Commands[OneLineParser]) -> None:
    """Add ``calibrate``."""
    add_command(
        commands,
        "calibrate",
        "calibrate:calibrate",
        "measure a dongle, and keep its profile in the workspace",
        "A profile is never changed: measuring again makes a new one that keeps the other parts. Levels are dBFS; dBm "
        "are given beside them only near a level that was fed, at its gain, until it expires.",
        fill=_calibrate,
    )


def _calibrate(calibrate: OneLineParser) -> None:
    calibrate.add_argument("--source", metavar="S", default="rtlsdr:0", help="a dongle (default rtlsdr:0)")
    calibrate.add_argument(
        "--terminated",
        action="store_true",
        help="floor and lines without an antenna: put a 50 ohm terminator in its place",
    )
    calibrate.add_argument("--passes", metavar="N", type=positive_int, default=10, help="of --terminated (default 10)")
    calibrate.add_argument(
        "--carrier", metavar="HZ", type=frequency_hz, help="error of the crystal, against a carrier of this frequency"
    )
    calibrate.add_argument(
        "--gains",
        action="store_true",
        help="steps of the gain, against a steady carrier at --at, or else against noise",
    )
    calibrate.add_argument(
        "--level", metavar="DBM", type=_dbm, help="a known level that is fed at --at, for example -40dBm"
    )
    calibrate.add_argument(
        "--at", metavar="HZ", type=frequency_hz, help="frequency of the level, or of the steady carrier"
    )
    calibrate.add_argument(
        "--valid-days", metavar="N", type=positive_int, default=365, help="days until the level expires (default 365)"
    )
    calibrate.add_argument(
        "--gain", metavar="DB", type=decibels, help="fixed gain in dB (default: that of a sweep, 28)"
    )
    calibrate.add_argument(
        "--range",
        metavar="R",
        dest="ranges_hz",
        type=range_hz,
        action="append",
        help="of --terminated, as for sweep (default: all that the dongle tunes)",
    )
    add_json(calibrate)


def _dbm(text: str) -> float:
    match = _LEVEL.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a level in dBm; write for example --level=-40dBm")
    return float(match[1])


def _visit(visit: OneLineParser) -> None:
    add_room(visit)
    visit.add_argument("--operator", metavar="NAME", type=printable, help="who carries it out (default: asked)")
    visit.add_argument("--new", action="store_true", help="begin a new visit, also where one is not finished")
    visit.add_argument(
        "--source", metavar="S", action="append", help="as for sweep (default: of site.toml, or rtlsdr:0)"
    )
    visit.add_argument(
        "--range",
        metavar="R",
        dest="ranges_hz",
        type=range_hz,
        action="append",
        help="as for sweep (default: of site.toml, or all that the source has)",
    )
    visit.add_argument(
        "--position",
        metavar="NAME",
        type=printable,
        action="append",
        help="place in the room to sweep at; may be repeated (default: those of site.toml, or table)",
    )
    visit.add_argument("--passes", metavar="N", type=positive_int, help=f"of each sweep (default {DEFAULT_PASSES})")
    visit.add_argument("--camp", metavar="T", type=duration_s, help="as for sweep, in each sweep")
    visit.add_argument(
        "--answers", metavar="FILE", type=Path, help="TOML of questions and answers, for a visit that nobody types"
    )
    visit.add_argument("--yes", action="store_true", help="ask nothing: take the default of what has no answer")
    add_time_server(visit)
    add_json(visit)
