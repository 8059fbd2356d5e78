"""The grammar of a guided visit."""

from __future__ import annotations

from pathlib import Path

from sweep.cli.arguments import (
    DEFAULT_PASSES,
    Commands,
    OneLineParser,
    add_command,
    add_json,
    add_room,
    duration_s,
    positive_int,
    printable,
    range_hz,
)
from sweep.cli.seal_parser import add_time_server

__all__ = ["add_visit"]


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
