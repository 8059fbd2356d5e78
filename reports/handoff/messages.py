"""What is delivered: OCSF events as JSON for HTTP, CEF in RFC 5424 for syslog."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from reports.exports.cef import cef_events
from reports.exports.ocsf import ocsf_events
from reports.exports.source import ExportSource
from reports.handoff.target import Target

__all__ = ["Message", "messages", "syslog_message"]

_FACILITY = 13  # log audit
_NOTICE, _WARNING, _INFORMATIONAL = 5, 4, 6
_MOST_HOST = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message.

    Attributes
    ----------
    uid : str
        UUID of the event: the same for the same finding with the same decision, so that a second delivery is no second
        alarm.
    body : bytes
    """

    uid: str
    body: bytes


def messages(target: Target, source: ExportSource) -> Iterator[Message]:
    """Give what a target is to know of a record: the sweep, then each finding.

    Parameters
    ----------
    target : Target
    source : ExportSource
    """
    if not target.scheme.startswith("syslog"):
        for event in ocsf_events(source):
            body = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            yield Message(uid=event["metadata"]["uid"], body=body.encode("utf-8", errors="replace"))
        return
    for uid, line in cef_events(source):
        yield Message(uid=uid, body=syslog_message(uid, line, time=source.end))


def syslog_message(uid: str, line: str, *, time: str, host: str | None = None) -> bytes:
    """Put a CEF event in a message of RFC 5424.

    Parameters
    ----------
    uid : str
        UUID, without dashes the MSGID.
    line : str
        CEF, sent as it is: without the byte order mark that would hide ``CEF:`` from many parsers.
    time : str
        ISO 8601 in UTC; cut to the microseconds of RFC 5424.
    host : str, optional
        By default this machine.

    Examples
    --------
    >>> uid = "0c002367-64e7-5a31-bbea-99bf82490d31"
    >>> line = "CEF:0|Quietroom|Quietroom|1|finding.new|name|8|cn1=1"
    >>> print(syslog_message(uid, line, time="2026-11-18T05:50:00.123456789Z", host="desk").decode())
    <108>1 2026-11-18T05:50:00.123456Z desk quietroom - 0c00236764e75a31bbea99bf82490d31 - CEF:0|...|cn1=1
    """
    # Six fields of the prefix end with a "|" that is not escaped; what stands between the last two is the severity.
    severity = int(re.findall(r"((?:[^|\\]|\\.)*)\|", line)[6])
    level = _INFORMATIONAL if severity <= 1 else _NOTICE if severity <= 3 else _WARNING
    whole, _, fraction = time.removesuffix("Z").partition(".")
    stamp = f"{whole}.{fraction[:6]}Z" if fraction else time
    name = re.sub(r"[^!-~]", "", socket.gethostname() if host is None else host)[:_MOST_HOST] or "-"
    head = f"<{_FACILITY * 8 + level}>1 {stamp} {name} quietroom - {uid.replace('-', '')} - "
    return f"{head}{line}".encode("utf-8", errors="replace")
