"""The grammar of what is kept of a room between visits: its baselines, known emitters and register."""

from __future__ import annotations

from sweep.cli.arguments import (
    Commands,
    OneLineParser,
    add_captures,
    add_command,
    add_json,
    add_judging,
    add_record,
    add_room,
    factor,
    frequency_hz,
    level_dbfs,
    printable,
    room_name,
)

__all__ = ["add_baseline", "add_room_commands"]

_PLACE = "name of the room; leave it out with --site"


def add_baseline(commands: Commands[OneLineParser]) -> None:
    """Add ``baseline`` and ``compare``."""
    add_command(commands, "baseline", None, "learn, list and show the baselines of a room", fill=_baseline)
    add_command(
        commands,
        "compare",
        "baseline:compare",
        "judge a record anew against a baseline",
        "The record stays as it is; the new judgement is printed, and written with --json.",
        fill=_compare,
    )


def add_room_commands(commands: Commands[OneLineParser]) -> None:
    """Add ``known`` and ``emitters``."""
    add_command(
        commands,
        "known",
        None,
        "add, list and retire known emitters of a room or of the site",
        "What one of them explains is listed and is no anomaly; what changes its level or its bandwidth is one again.",
        fill=_known,
    )
    add_command(
        commands,
        "emitters",
        "emitters:emitters",
        "list every emitter that was found in a room, with the number that it keeps",
        fill=_emitters,
    )


def _baseline(baseline: OneLineParser) -> None:
    actions = baseline.add_subparsers(metavar="ACTION", required=True)
    add_command(
        actions,
        "learn",
        "baseline:learn",
        "make a baseline from sweeps of the room while it is known to hold no device",
        "Give at least two visits, better three: only then is it known how much the room varies. A version is never "
        "changed; learning again makes a new one.",
        fill=_learn,
    )
    add_command(
        actions,
        "list",
        "baseline:list_versions",
        "list the versions of a room, and which fit its latest sweep",
        fill=_list_baselines,
    )
    add_command(
        actions,
        "show",
        "baseline:show",
        "show one version, and whether the latest sweep fits it",
        fill=_show,
    )


def _known(known: OneLineParser) -> None:
    actions = known.add_subparsers(metavar="ACTION", required=True)
    add_command(
        actions,
        "add",
        "known:add",
        "say that an emitter is known, by its numbers or from a finding",
        "A number that is left out, and that no finding gives, is not looked at: any bandwidth, any level.",
        fill=_add,
    )
    add_command(
        actions, "list", "known:list_entries", "list the known emitters, those of the site with them", fill=_list_known
    )
    add_command(
        actions,
        "retire",
        "known:retire",
        "take an entry out of use",
        "The log keeps that it was there, and why it went.",
        fill=_retire,
    )


def _learn(learn: OneLineParser) -> None:
    add_room(learn)
    add_captures(learn, also="sweep records (.h5) of the room, or captures, which are replayed first: ")
    learn.add_argument(
        "--extend",
        metavar="ID",
        nargs="?",
        const="",
        help="learn from the visits of this version too, by default of the latest; their records must still be here. "
        "Write it after the paths",
    )
    add_json(learn)


def _list_baselines(listing: OneLineParser) -> None:
    add_room(listing)
    add_json(listing)


def _show(show: OneLineParser) -> None:
    add_room(show)
    show.add_argument("id", metavar="ID", nargs="?", help="version, as listed (default: the latest)")
    add_json(show)


def _compare(compare: OneLineParser) -> None:
    add_record(compare)
    compare.add_argument(
        "--outside",
        metavar="RECORD",
        help="record to take the levels outside the room from (default: the latest earlier one of the same visit, "
        "within 12 hours, whose position begins with 'outside')",
    )
    add_judging(compare)
    add_json(compare)


def _emitters(emitters: OneLineParser) -> None:
    add_room(emitters)
    emitters.add_argument(
        "--rebuild", action="store_true", help="make the register anew from the records; the old one is kept"
    )
    add_json(emitters)


def _list_known(listing: OneLineParser) -> None:
    _add_place(listing)
    add_json(listing)


def _retire(retire: OneLineParser) -> None:
    _add_place(retire)
    retire.add_argument("entry", metavar="ENTRY", help="id of the entry, for example K1, or S1 of the site")
    _add_why(retire)
    add_json(retire)


def _add(add: OneLineParser) -> None:
    _add_place(add)
    add.add_argument("--name", metavar="TEXT", required=True, type=printable, help="what it is, up to 200 characters")
    add.add_argument(
        "--from",
        dest="from_",
        metavar=("RECORD", "FINDING"),
        nargs=2,
        help="take frequency, bandwidth and level of this finding, where they are not given",
    )
    add.add_argument("--frequency", metavar="HZ", type=frequency_hz, help="centre, for example 433.92M")
    add.add_argument(
        "--tolerance",
        metavar="HZ",
        type=frequency_hz,
        help="how far its centre may be off (default: half the bandwidth, at least 7.5k and 1 ppm)",
    )
    add.add_argument("--bandwidth", metavar="HZ", type=frequency_hz, help="occupied bandwidth, for example 12.5k")
    add.add_argument(
        "--bandwidth-factor", metavar="X", type=factor, help="how many times wider or narrower it may be (default 2)"
    )
    add.add_argument("--level", metavar="DBFS", type=level_dbfs, help="level in dBFS with the usual dongle and gain")
    add.add_argument(
        "--level-tolerance", metavar="DB", type=level_dbfs, help="how much stronger or weaker it may be (default 6)"
    )
    add.add_argument(
        "--expires", metavar="DAY", type=printable, help="last day (UTC), for example 2027-06-30 (default: no end)"
    )
    _add_why(add)
    add_json(add)


def _add_place(parser: OneLineParser) -> None:
    parser.add_argument("room", metavar="ROOM", nargs="?", type=room_name, help=_PLACE)
    parser.add_argument("--site", action="store_true", help="instead of a room: of every room of this workspace")


def _add_why(parser: OneLineParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", required=True, type=printable, help="why, up to 200 characters")
    parser.add_argument("--by", metavar="NAME", required=True, type=printable, help="who says so")
