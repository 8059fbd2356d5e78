"""The grammar of the command line. Each command names the function that does it, which is imported when it runs."""

from __future__ import annotations

import os
from pathlib import Path

from reports.exports.formats import FORMATS
from sweep import __version__
from sweep.cli.arguments import (
    DEFAULT_PASSES,
    Commands,
    OneLineParser,
    add_captures,
    add_context,
    add_json,
    add_judging,
    add_record,
    add_room,
    decibels,
    duration_s,
    export_formats,
    frequency_hz,
    positive_int,
    printable,
    range_hz,
    since_ns,
    whole_ppm,
)
from sweep.cli.arguments import add_command as _command
from sweep.cli.help_format import RawHelpFormat
from sweep.cli.room_parser import add_baseline, add_room_commands
from sweep.cli.seal_parser import add_seal_commands, add_time_server
from sweep.cli.visit_parser import add_calibrate, add_visit

__all__ = ["build_parser"]

_EPILOG = """\
exit codes: 0 done; 2 an error, said in one line; 3 the sweep or replay was inconclusive;
those of verify and register check are in their help
first steps: 'quietroom demo' needs no hardware
"""
_REPORTS = "default: in the workspace's reports, RECORD"
_MARKS = ("known", "explained", "suspicious", "device")


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
        formatter_class=RawHelpFormat,
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
    _add_sweeping(commands)
    add_baseline(commands)
    _add_deciding(commands)
    add_room_commands(commands)
    _add_presenting(commands)
    add_seal_commands(commands)
    return parser


def _add_sweeping(commands: Commands[OneLineParser]) -> None:
    _command(
        commands,
        "init",
        "setup:init",
        "make a folder a workspace",
        "Nothing that is in it already is changed.",
        fill=_init,
    )
    _command(
        commands,
        "demo",
        "demo:demo",
        "no hardware: sweep a simulated room with planted bugs",
        "Learns a baseline from three simulated visits, finds what is planted at a fourth, writes record, report and "
        "plot.",
        fill=_demo,
    )
    _command(commands, "devices", "setup:devices", "list the dongles, or say which driver is missing", fill=_devices)
    _command(
        commands,
        "sweep",
        "capture:sweep",
        "sweep a room, record it, compare it with its baseline",
        "Ctrl-C ends the sweep in order: what was measured is judged and recorded.",
        fill=_sweep,
    )
    add_visit(commands)
    add_calibrate(commands)
    _command(
        commands,
        "replay",
        "capture:replay",
        "record and judge recorded captures as if they were swept now",
        "Several captures within 30 minutes are passes of one visit; each visit gives a record.",
        fill=_replay,
    )
    _command(commands, "recover", "capture:recover", "make the record of a sweep that was interrupted", fill=_recover)


def _add_deciding(commands: Commands[OneLineParser]) -> None:
    _command(
        commands,
        "findings",
        "findings:findings",
        "list what was found, what was decided, and what could be missed",
        fill=_findings,
    )
    _command(
        commands,
        "mark",
        "findings:mark",
        "note who decided what about a finding, and why",
        "The decision goes to a log beside the record; nothing in it is ever changed, the latest entry counts.",
        fill=_mark,
    )


def _add_presenting(commands: Commands[OneLineParser]) -> None:
    _command(commands, "plot", "present:plot", "draw the spectrum against the baseline, and the waterfall", fill=_plot)
    _command(commands, "report", "present:report", "write the compliance report", fill=_report)
    _command(
        commands,
        "export",
        "exporting:export",
        "write the findings, decisions and spectra for other tools",
        fill=_export,
    )
    _command(
        commands,
        "handoff",
        "handoff:handoff",
        "deliver the findings and decisions to a collector",
        "What cannot be delivered waits in the workspace, and is sent by the next handoff to the same address, or by "
        "--flush. A finding that was delivered is sent again only when somebody decided about it.",
        fill=_handoff,
    )


def _init(init: OneLineParser) -> None:
    init.add_argument(
        "folder", metavar="DIR", nargs="?", type=Path, help="made if it is not there (default: the --workspace folder)"
    )


def _demo(demo: OneLineParser) -> None:
    demo.add_argument(
        "folder",
        metavar="DIR",
        nargs="?",
        type=Path,
        default=Path("quietroom-demo"),
        help="new folder, becomes a workspace (default quietroom-demo)",
    )
    add_json(demo)


def _devices(devices: OneLineParser) -> None:
    devices.add_argument(
        "--check", action="store_true", help="also check each, in some seconds; exit code 3 where a check fails"
    )
    devices.add_argument(
        "--source",
        metavar="S",
        action="append",
        help="check this one, rtlsdr:INDEX-or-SERIAL or rtltcp:HOST:PORT; may be repeated (default: all dongles)",
    )
    devices.add_argument(
        "--warm-up",
        metavar="T",
        type=duration_s,
        help="with --check: see for so long how far the crystal drifts, for example 10m (default: not)",
    )
    add_json(devices)


def _sweep(sweep: OneLineParser) -> None:
    add_room(sweep)
    sweep.add_argument(
        "--source",
        metavar="S",
        action="append",
        help="rtlsdr:INDEX-or-SERIAL, rtltcp:HOST:PORT or sim:SCENE (default rtlsdr:0); several receivers share the "
        "ranges out and make one record",
    )
    sweep.add_argument(
        "--range",
        metavar="R",
        dest="ranges_hz",
        type=range_hz,
        action="append",
        help="START:STOP in Hz, or with k, M or G, for example 430M:440M; may be repeated "
        "(default: all that the source has)",
    )
    length = sweep.add_mutually_exclusive_group()
    length.add_argument(
        "--passes", metavar="N", type=positive_int, help=f"passes over the ranges (default {DEFAULT_PASSES})"
    )
    length.add_argument(
        "--duration",
        metavar="T",
        type=duration_s,
        help="instead of --passes: begin new passes for so long, for example 90s, 10m, 1h; the last one is finished",
    )
    sweep.add_argument(
        "--camp",
        metavar="T",
        type=duration_s,
        help="after the passes stay for so long in all, for example 60s or 2m, about a second at a time, on what they "
        "could not settle and on the bands where devices are found: that hears bursts which passes miss",
    )
    sweep.add_argument(
        "--gain",
        metavar="DB",
        type=decibels,
        action="append",
        help="fixed gain of the tuner in dB, the nearest that it has; never automatic (default: that of the source, "
        "28 for a dongle); of several sources one for all, or one for each",
    )
    sweep.add_argument(
        "--ppm",
        metavar="P",
        type=whole_ppm,
        action="append",
        help="frequency correction of the dongle in parts per million, whole (default 0); of several sources one for "
        "all, or one for each",
    )
    sweep.add_argument(
        "--bin-width",
        metavar="HZ",
        type=frequency_hz,
        help="width of a bin in Hz, or with k; must divide the sample rate (default 2500)",
    )
    sweep.add_argument(
        "--keep-iq", action="store_true", help="also keep the raw samples beside the record, as SigMF, for replay"
    )
    add_context(sweep)
    add_judging(sweep)
    add_time_server(sweep)
    add_json(sweep)


def _replay(replay: OneLineParser) -> None:
    add_room(replay)
    add_captures(replay)
    add_context(replay)
    add_judging(replay)
    add_time_server(replay)
    add_json(replay)


def _recover(recover: OneLineParser) -> None:
    recover.add_argument(
        "journal", metavar="JOURNAL", type=Path, help="the .journal file that the sweep left in the workspace's sweeps"
    )
    recover.add_argument(
        "--baseline",
        metavar="ID",
        type=printable,
        help="baseline to compare with (default: the one that the sweep had; 'none' for none)",
    )
    add_time_server(recover)
    add_json(recover)


def _findings(findings: OneLineParser) -> None:
    add_record(findings)
    add_json(findings)


def _mark(mark: OneLineParser) -> None:
    add_record(mark)
    mark.add_argument("finding", metavar="FINDING", help="id of the finding, for example F1; U1 where unconfirmed")
    mark.add_argument("--as", dest="as_", required=True, choices=_MARKS, help="the decision")
    mark.add_argument("--reason", metavar="TEXT", required=True, type=printable, help="why, up to 200 characters")
    mark.add_argument("--by", metavar="NAME", required=True, type=printable, help="who decided")
    add_json(mark)


def _plot(plot: OneLineParser) -> None:
    add_record(plot)
    plot.add_argument(
        "--range",
        metavar="R",
        dest="range_hz",
        type=range_hz,
        help="only START:STOP in Hz, or with k, M or G, for example 430M:440M (default: all of the record)",
    )
    plot.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help=f"name ending with .png, .svg or .pdf ({_REPORTS}.png)"
    )


def _report(report: OneLineParser) -> None:
    report.add_argument("record", metavar="RECORD|ROOM", help="a sweep record, by path or by name; with --since a room")
    report.add_argument(
        "--since",
        metavar="DATE",
        type=since_ns,
        help="the history of a room: all its visits from this day (UTC) on, for example 2026-01-31",
    )
    report.add_argument("-o", "--output", metavar="FILE", type=Path, help=f"name ending with .pdf ({_REPORTS}.pdf)")
    report.add_argument("--html", action="store_true", help="also write it as one HTML file, beside the PDF")
    add_json(report)


def _export(export: OneLineParser) -> None:
    add_record(export)
    export.add_argument(
        "--format",
        metavar="LIST",
        dest="formats",
        required=True,
        type=export_formats,
        help=f"one or more of {', '.join(FORMATS)}, with commas between",
    )
    export.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        type=Path,
        help="folder for the files, or with one format the name of the file (default: the reports of the workspace)",
    )
    export.add_argument("--overwrite", action="store_true", help="replace files that say something else")


def _handoff(handoff: OneLineParser) -> None:
    handoff.add_argument(
        "record",
        metavar="RECORD",
        nargs="?",
        help="path of a sweep record (.h5), or its name in the workspace's sweeps",
    )
    handoff.add_argument(
        "--to",
        metavar="URL",
        help="https://HOST/PATH gets OCSF events as JSON; syslog+udp://HOST, syslog+tcp://HOST:PORT and "
        "syslog+tls://HOST:PORT get CEF",
    )
    handoff.add_argument("--flush", action="store_true", help="deliver what waits for any receiver, without a record")
    handoff.add_argument(
        "--retry",
        metavar="T",
        type=duration_s,
        default=15.0,
        help="wait at most so long in all for a receiver that is away, for example 10m (default 15s)",
    )
    handoff.add_argument(
        "--ca", metavar="PEM", help="certificates of the authorities to trust (default: those of the system)"
    )
    handoff.add_argument("--client-cert", metavar="PEM", help="our own certificate and its key, for receivers that ask")
    handoff.add_argument(
        "--token-file",
        metavar="FILE",
        help="token for HTTP, alone or after its scheme (default: that in the variable QUIETROOM_HANDOFF_TOKEN, if "
        "there is one)",
    )
    add_json(handoff)
