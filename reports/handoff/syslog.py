"""Delivery by syslog: datagrams (RFC 5426), or a stream with octet counting (RFC 6587), in TLS or not (RFC 5425)."""

from __future__ import annotations

import fcntl
import os
import socket
import ssl
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from reports.handoff.failure import DeliveryError, naming_target
from reports.handoff.messages import Message
from reports.handoff.target import Target

__all__ = ["frame", "send_datagrams", "send_stream"]

_TIMEOUT_S = 20.0
_POLL_S = 0.01
_REFUSAL_S = 0.5  # longer than a way around the earth and back
_MOST_DATAGRAM = 65_000


def frame(body: bytes) -> bytes:
    """Put its length before a message.

    Examples
    --------
    >>> frame(b"<108>1 - - - - - -")
    b'18 <108>1 - - - - - -'
    """
    return b"%d %b" % (len(body), body)


def send_datagrams(target: Target, pending: Sequence[Message]) -> Iterator[str]:
    """Send each message as a datagram, and give their identifiers: nobody says whether they arrived.

    All that comes back is word that nobody listens (ICMP), some time later; that is waited for.

    Raises
    ------
    DeliveryError
        The host is not known, or said that nobody listens there; then no message counts as delivered.
    """
    with naming_target(target.url):
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as sender:
            sender.connect(address)
            for message in pending:
                sender.send(message.body[:_MOST_DATAGRAM])
            _require_no_refusal(sender)
    yield from (message.uid for message in pending)


def _require_no_refusal(sender: socket.socket) -> None:
    sender.settimeout(_REFUSAL_S)
    with suppress(TimeoutError):  # nothing came back
        sender.recv(1)


def send_stream(target: Target, pending: Sequence[Message]) -> Iterator[str]:
    """Send all messages over one connection, and give their identifiers once the receiver has read to the end of it.

    Syslog has no acknowledgement. What stands in for it: our end is closed, the receiver closes its own, and its system
    has taken all bytes and resets nothing. A receiver that closes without having read everything resets the connection
    (RFC 1122, 4.2.2.13), be it that it died or that it did not like who we are.

    Raises
    ------
    DeliveryError
        There is no connection, or it broke; then no message counts as delivered.
    """
    content = b"".join(frame(message.body) for message in pending)
    with naming_target(target.url), socket.create_connection((target.host, target.port), _TIMEOUT_S) as plain:
        if target.scheme == "syslog+tls":
            with target.tls().wrap_socket(plain, server_hostname=target.host) as covered:
                covered.sendall(content)
                with suppress(ssl.SSLEOFError):  # rsyslog reads to our end of TLS, and then just closes
                    covered.unwrap()
                _require_all_read(covered)
        else:
            plain.sendall(content)
            plain.shutdown(socket.SHUT_WR)
            if plain.recv(1):
                raise DeliveryError(f"{target.url}: answers, which no syslog receiver does", is_passing=False)
            _require_all_read(plain)
    yield from (message.uid for message in pending)


def _require_all_read(connection: socket.socket) -> None:
    """Wait until each byte was taken or refused, after the receiver closed its end."""
    limit = time.monotonic() + _TIMEOUT_S
    while True:
        n_left = _unacknowledged(connection)
        error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))
        if not n_left:
            return
        if time.monotonic() > limit:
            raise TimeoutError
        time.sleep(_POLL_S)


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes that the system of the receiver has not taken yet; 0 where ours cannot say (it can on Linux, tcp(7))."""
    try:
        told = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(told, sys.byteorder)
