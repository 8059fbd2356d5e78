"""Delivery by HTTP POST, one event a request."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Sequence

from reports.handoff.failure import DeliveryError, naming_target
from reports.handoff.messages import Message
from reports.handoff.target import Target
from sweep import __version__

__all__ = ["post"]

_TIMEOUT_S = 20.0
_MOST_ANSWER = 1 << 16
_MOST_WAIT_S = 60.0
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_OF_ONE_MESSAGE = frozenset({400, 413, 422})


def post(target: Target, pending: Sequence[Message]) -> Iterator[str]:
    """Send messages in order, and give the identifier of each that the collector took (any 2xx).

    Each has its identifier in the header ``Idempotency-Key``. Redirections are not followed: a token is for one host.

    Raises
    ------
    DeliveryError
        One was not taken. Those after it were sent only where the collector refused just that one.
    """
    authorization = target.authorization()
    with naming_target(target.url):
        if target.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                target.host, target.port, timeout=_TIMEOUT_S, context=target.tls()
            )
        else:
            connection = http.client.HTTPConnection(target.host, target.port, timeout=_TIMEOUT_S)
        try:
            refused = None
            for message in pending:
                try:
                    _send(connection, target, message, authorization)
                except _RefusedError as error:
                    refused = error
                else:
                    yield message.uid
            if refused is not None:
                raise refused
        finally:
            connection.close()


class _RefusedError(DeliveryError):
    """One message is not to the collector's taste; others may be."""


def _send(connection: http.client.HTTPConnection, target: Target, message: Message, authorization: str | None) -> None:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Quietroom/{__version__}",
        "Idempotency-Key": message.uid,
        **({} if authorization is None else {"Authorization": authorization}),
    }
    try:
        connection.request("POST", target.path, body=message.body, headers=headers)
        answer = connection.getresponse()
        answer.read(_MOST_ANSWER)
    except http.client.HTTPException as error:
        raise DeliveryError(
            f"{target.url}: gives no answer of HTTP ({type(error).__name__})", is_passing=True
        ) from error
    if not answer.isclosed():  # more than we read: what is left would be taken for the next answer
        connection.close()
    if 200 <= answer.status < 300:
        return
    cure = {
        401: "; check the token",
        403: "; check the token",
        404: "; check the address",
    }.get(answer.status, "; give the address that it leads to" if 300 <= answer.status < 400 else "")
    reason = "".join(letter for letter in answer.reason[:80] if letter.isprintable())
    kind = _RefusedError if answer.status in _OF_ONE_MESSAGE else DeliveryError
    raise kind(
        f"{target.url}: answers {answer.status} {reason}{cure}",
        is_passing=answer.status in _PASSING,
        after_s=_after_s(answer.getheader("Retry-After")),
    )


def _after_s(text: str | None) -> float:
    """How long a collector asks to wait, in seconds; a date is not waited for."""
    return min(float(text), _MOST_WAIT_S) if text is not None and text.isascii() and text.isdigit() else 0.0
