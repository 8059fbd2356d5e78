"""Delivering what waits, again and again for as long as is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dsp.errors import ParameterError
from reports.handoff.failure import DeliveryError
from reports.handoff.http import post
from reports.handoff.messages import Message
from reports.handoff.spool import Spool
from reports.handoff.syslog import send_datagrams, send_stream
from reports.handoff.target import Target

__all__ = ["Delivery", "deliver"]

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_SENDERS: dict[str, Callable[[Target, Sequence[Message]], Iterator[str]]] = {
    "https": post,
    "http": post,
    "syslog+udp": send_datagrams,
    "syslog+tcp": send_stream,
    "syslog+tls": send_stream,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of it.

    Attributes
    ----------
    url : str
    delivered, waiting : int
        Messages.
    failure : str or None
        Why some wait, in one line.
    """

    url: str
    delivered: int
    waiting: int
    failure: str | None


def deliver(spool: Spool, *, retry_s: float, sleep: Callable[[float], None] = time.sleep) -> Delivery:
    """Send all that waits; where the receiver is away, wait twice as long before each further attempt.

    Parameters
    ----------
    spool : Spool
        Locked by the caller.
    retry_s : float
        Waits are at most so long in all.
    sleep : callable
    """
    n_delivered, waited_s, wait_s = 0, 0.0, _FIRST_WAIT_S
    while pending := spool.waiting():
        try:
            for uid in _SENDERS[spool.target.scheme](spool.target, pending):
                spool.settle(uid)
                n_delivered += 1
        except ParameterError as error:  # of files that the target names
            left = len(spool.waiting())
            return Delivery(url=spool.target.url, delivered=n_delivered, waiting=left, failure=str(error))
        except DeliveryError as error:
            pause_s = max(wait_s, error.after_s)
            if not error.is_passing or waited_s + pause_s > retry_s:
                left = len(spool.waiting())
                return Delivery(url=spool.target.url, delivered=n_delivered, waiting=left, failure=str(error))
            sleep(pause_s)
            waited_s, wait_s = waited_s + pause_s, min(2 * wait_s, _LONGEST_WAIT_S)
    return Delivery(url=spool.target.url, delivered=n_delivered, waiting=0, failure=None)
