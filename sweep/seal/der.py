"""The certificates within a time token, put in order.

A token is DER, where the members of a set stand in order. OpenSSL, with which many time servers answer, writes its
certificates in any order, and rfc3161-client reads none that are not in order. The signature of a token does not cover
them, and their order means nothing (RFC 5652, section 5.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["with_ordered_certificates"]

_SEQUENCE, _TAGGED = 0x30, 0xA0


class _Value(NamedTuple):
    tag: int
    start: int
    body: int
    end: int


def with_ordered_certificates(response: bytes) -> bytes:
    """Give a time server's answer with its certificates in order; as it is where it is no such answer."""
    try:
        _, token = _inside(response, _only(response, 0, len(response), _SEQUENCE))
        _, content = _inside(response, token)
        signed = _only(response, content.body, content.end, _SEQUENCE)
        certificates = next(value for value in _inside(response, signed) if value.tag == _TAGGED)
    except (ValueError, IndexError, StopIteration):
        return response
    members = sorted(response[value.start : value.end] for value in _inside(response, certificates))
    return response[: certificates.body] + b"".join(members) + response[certificates.end :]


def _only(data: bytes, start: int, end: int, tag: int) -> _Value:
    (value,) = _values(data, start, end)
    if value.tag != tag:
        raise ValueError(f"tag {value.tag}")
    return value


def _inside(data: bytes, value: _Value) -> list[_Value]:
    return list(_values(data, value.body, value.end))


def _values(data: bytes, start: int, end: int) -> Iterator[_Value]:
    while start < end:
        tag, size, body = data[start], data[start + 1], start + 2
        if size & 0x80:
            n_bytes = size & 0x7F
            size, body = int.from_bytes(data[body : body + n_bytes], "big"), body + n_bytes
        if body + size > end:
            raise ValueError("cut")
        yield _Value(tag, start, body, body + size)
        start = body + size
