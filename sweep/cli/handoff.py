"""``handoff``: findings for a collector, now or when it is there again."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from baselines.disposition import read_log
from dsp.errors import ParameterError, QuietroomError
from reports.content.wording import count
from reports.exports.source import ExportSource
from reports.handoff.delivery import Delivery, deliver
from reports.handoff.messages import messages
from reports.handoff.spool import Spool
from reports.handoff.target import Target
from sweep.cli.evidence import require_intact
from sweep.cli.printing import Printer
from sweep.record import SweepRecord
from sweep.workspace import Workspace

__all__ = ["handoff"]


def handoff(arguments: Namespace) -> int:
    """Deliver what a collector has not had yet.

    Raises
    ------
    QuietroomError
        Something was not delivered; it is on the disk, and waits.
    """
    printer = Printer(arguments.json)
    told = _flush(arguments) if arguments.flush else [_hand_off(arguments)]
    for result in told:
        before = f", {result['already']} had been before" if result["already"] else ""
        wait = f", {count(result['waiting'], 'message')} waiting" if result["waiting"] else ""
        printer.line(f"{count(result['delivered'], 'message')} delivered to {result['url']}{before}{wait}")
    if arguments.flush and not told:
        printer.line("nothing was ever handed off from this workspace")
    printer.document({"schema": "quietroom.handoff/1", "deliveries": told})
    failures = [f"{result['failure']}; {_kept(result['waiting'])}" for result in told if result["failure"]]
    if failures:
        raise QuietroomError(" ".join(failures))
    return 0


def _hand_off(arguments: Namespace) -> dict[str, Any]:
    if arguments.record is None or arguments.to is None:
        raise ParameterError("handoff needs a RECORD and an address with --to, or --flush")
    target = _target(arguments)
    path = Workspace(arguments.workspace).find_record(arguments.record)
    root = Workspace.around(arguments.workspace, path).handoff
    with SweepRecord.open(path) as record:
        require_intact(record)
        wanted = list(messages(target, ExportSource(record, read_log(path))))
    spool = Spool.open(root, target)
    with spool.locked():
        already = sum(message.uid in spool.delivered() for message in wanted)
        for message in wanted:
            spool.add(message)
        return _result(deliver(spool, retry_s=arguments.retry), already)


def _flush(arguments: Namespace) -> list[dict[str, Any]]:
    if arguments.record is not None or arguments.to is not None:
        raise ParameterError("--flush delivers what waits for every receiver; leave RECORD and --to out")
    told = []
    for spool in Spool.find_all(Workspace.open(arguments.workspace).handoff):
        with spool.locked():
            told.append(_result(deliver(spool, retry_s=arguments.retry), 0))
    return told


def _target(arguments: Namespace) -> Target:
    """The receiver; paths are made absolute, for --flush may be given elsewhere."""
    files = {name: getattr(arguments, name) for name in ("ca", "client_cert", "token_file")}
    target = Target(
        url=arguments.to, **{name: None if path is None else str(Path(path).resolve()) for name, path in files.items()}
    )
    if target.scheme in ("https", "syslog+tls"):
        target.tls()
    if target.scheme in ("https", "http"):
        target.authorization()
    return target


def _result(done: Delivery, already: int) -> dict[str, Any]:
    return {**asdict(done), "already": already}


def _kept(waiting: int) -> str:
    them = "waits" if waiting == 1 else "wait"
    return f"{count(waiting, 'message')} {them} in the workspace; send with: quietroom handoff --flush"
