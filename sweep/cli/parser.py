"""The grammar of the command line. Each command names the function that does it, which is imported when it runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from sweep import __version__
from sweep.cli.arguments import (
    OneLineParser,
    add_context,
    add_json,
    add_judging,
    decibels,
    duration_s,
    export_formats,
    frequency_hz,
    positive_int,
    printable,
    range_hz,
    room_name,
)

__all__ = ["build_parser"]

_EPILOG = """\
exit codes: 0 done; 2 an error, said in one line; 3 the sweep or replay was inconclusive
first steps: 'quietroom demo' needs no hardware
"""
_MARKS = ("known", "explained", "suspicious", "device")
_SAMPLE_FORMATS = ("cu8", "ci8", "ci16_le", "cf32_le")
_Commands = argparse._SubParsersAction  # argparse has no public name for it


def build_parser() -> OneLineParser:
    """Make the parser of the whole command line.

    Returns
    -------
    OneLineParser
        The namespace that it gives has ``target``: the module in ``sweep.cli`` and the function that does the
        command, with a colon between.
    """
    parser = OneLineParser(
        prog="quietroom",
        description="Radio sweeps against eavesdropping devices: record, compare with the room's baseline, report.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"quietroom {__version__}")
    parser.add_argument(
        "--workspace",
        metavar="DIR",
        type=Path,
        default=Path(os.environ.get("QUIETROOM_WORKSPACE") or "."),
        help="folder of rooms, sweeps and reports (default QUIETROOM_WORKSPACE, or the current folder)",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_setup(commands)
    _add_sweep(commands)
    _add_replay(commands)
    _add_baseline(commands)
    _add_findings(commands)
    _add_present(commands)
    return parser


def _command(commands: _Commands[OneLineParser], name: str, target: str, summary: str) -> OneLineParser:
    parser = commands.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
    parser.set_defaults(target=target)
    return parser


def _add_setup(commands: _Commands[OneLineParser]) -> None:
    init = _command(commands, "init", "setup:init", "make a folder a workspace")
    init.add_argument("folder", metavar="DIR", nargs="?", type=Path, help="default: the --workspace folder")
    demo = _command(commands, "demo", "demo:demo", "no hardware: sweep a simulated room with planted bugs")
    demo.add_argument("folder", metavar="DIR", nargs="?", type=Path, default=Path("quietroom-demo"))
    add_json(demo)
    devices = _command(commands, "devices", "setup:devices", "list the dongles, or say which driver is missing")
    add_json(devices)


def _add_sweep(commands: _Commands[OneLineParser]) -> None:
    sweep = _command(commands, "sweep", "capture:sweep", "sweep a room, record it, compare it with its baseline")
    sweep.add_argument("room", metavar="ROOM", type=room_name)
    sweep.add_argument(
        "--source",
        metavar="S",
        default="rtlsdr:0",
        help="rtlsdr:INDEX-or-SERIAL, rtltcp:HOST:PORT or sim:SCENE (default rtlsdr:0)",
    )
    sweep.add_argument(
        "--range",
        metavar="R",
        dest="ranges_hz",
        type=range_hz,
        action="append",
        help="START:STOP, for example 430M:440M; may be repeated (default: all that the source has)",
    )
    length = sweep.add_mutually_exclusive_group()
    length.add_argument("--passes", metavar="N", type=positive_int, help="passes over the ranges (default 5)")
    length.add_argument("--duration", metavar="T", type=duration_s, help="or pass after pass for 90s, 10m, 1h")
    sweep.add_argument("--gain", metavar="DB", type=decibels, help="fixed tuner gain in dB (never automatic)")
    sweep.add_argument("--ppm", metavar="P", type=int, default=0, help="frequency correction of the dongle")
    sweep.add_argument("--bin-width", metavar="HZ", type=frequency_hz, help="width of a bin (default 2500)")
    sweep.add_argument("--keep-iq", action="store_true", help="also keep the raw samples, as SigMF, for replay")
    add_context(sweep)
    add_judging(sweep)
    add_json(sweep)


def _add_replay(commands: _Commands[OneLineParser]) -> None:
    replay = _command(commands, "replay", "capture:replay", "the same from recordings; each visit gives a record")
    replay.add_argument("room", metavar="ROOM", type=room_name)
    _add_captures(replay)
    add_context(replay)
    add_judging(replay)
    add_json(replay)
    recover = _command(commands, "recover", "capture:recover", "pack the journal of an interrupted sweep")
    recover.add_argument("journal", metavar="JOURNAL", type=Path)
    recover.add_argument("--baseline", metavar="ID", type=printable, help="default the one that the sweep had")
    add_json(recover)


def _add_captures(parser: OneLineParser) -> None:
    parser.add_argument(
        "paths", metavar="PATH", type=Path, nargs="+", help="SigMF, .cu8/.cs8/.cs16/.cf32, WAV IQ or sweep CSV"
    )
    parser.add_argument("--rate", metavar="HZ", type=frequency_hz, help="sample rate that the file does not say")
    parser.add_argument("--center", metavar="HZ", type=frequency_hz, help="centre frequency that the file does not say")
    parser.add_argument("--format", choices=_SAMPLE_FORMATS, help="sample format that the file does not say")
    parser.add_argument("--bin-width", metavar="HZ", type=frequency_hz, help="width of a bin (default chosen)")


def _add_baseline(commands: _Commands[OneLineParser]) -> None:
    summary = "learn and list the baselines of a room"
    baseline = commands.add_parser("baseline", help=summary, description=summary)
    actions = baseline.add_subparsers(metavar="ACTION", required=True)
    learn = _command(actions, "learn", "baseline:learn", "make a baseline from sweeps of the room known to be clean")
    learn.add_argument("room", metavar="ROOM", type=room_name)
    _add_captures(learn)
    add_json(learn)
    listing = _command(actions, "list", "baseline:list_versions", "list the versions of a room")
    listing.add_argument("room", metavar="ROOM", type=room_name)
    add_json(listing)
    show = _command(actions, "show", "baseline:show", "show one version, and what it may be compared with")
    show.add_argument("room", metavar="ROOM", type=room_name)
    show.add_argument("id", metavar="ID", nargs="?", help="default the latest")
    add_json(show)
    compare = _command(commands, "compare", "baseline:compare", "judge a record anew against a baseline")
    compare.add_argument("record", metavar="RECORD")
    add_judging(compare)
    add_json(compare)


def _add_findings(commands: _Commands[OneLineParser]) -> None:
    findings = _command(commands, "findings", "findings:findings", "list what was found, and what could be missed")
    findings.add_argument("record", metavar="RECORD")
    add_json(findings)
    mark = _command(commands, "mark", "findings:mark", "note who decided what about a finding, and why")
    mark.add_argument("record", metavar="RECORD")
    mark.add_argument("finding", metavar="FINDING", help="id of the finding, for example F1")
    mark.add_argument("--as", dest="as_", required=True, choices=_MARKS)
    mark.add_argument("--reason", metavar="TEXT", required=True, type=printable)
    mark.add_argument("--by", metavar="NAME", required=True, type=printable)
    add_json(mark)


def _add_present(commands: _Commands[OneLineParser]) -> None:
    plot = _command(commands, "plot", "present:plot", "draw the spectrum against the baseline, and the waterfall")
    plot.add_argument("record", metavar="RECORD")
    plot.add_argument("--range", metavar="R", dest="range_hz", type=range_hz, help="START:STOP (default all)")
    plot.add_argument("-o", "--output", metavar="PNG", type=Path)
    report = _command(commands, "report", "present:report", "write the compliance report")
    report.add_argument("record", metavar="RECORD")
    report.add_argument("-o", "--output", metavar="PDF", type=Path)
    report.add_argument("--html", action="store_true", help="also write it as one HTML file, beside the PDF")
    export = _command(commands, "export", "handoff:export", "hand the findings to another tool")
    export.add_argument("record", metavar="RECORD")
    export.add_argument(
        "--format", metavar="LIST", dest="formats", required=True, type=export_formats, help="json, csv or json,csv"
    )
    export.add_argument("-o", "--output", metavar="PATH", type=Path, help="only with one format")
