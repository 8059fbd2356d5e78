"""Where findings are delivered to."""

from __future__ import annotations

import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dsp.errors import ParameterError

__all__ = ["TOKEN_VARIABLE", "Target"]

TOKEN_VARIABLE = "QUIETROOM_HANDOFF_TOKEN"
_PORTS = {"https": 443, "http": 80, "syslog+udp": 514, "syslog+tcp": 514, "syslog+tls": 6514}
_MOST_TOKEN = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A receiver, and how to prove who it is and who we are. No secret is in it: the token is read when it is needed.

    Attributes
    ----------
    url : str
        ``https://``, ``syslog+udp://``, ``syslog+tcp://`` or ``syslog+tls://``; ``http://`` to this machine only.
    ca : str or None
        PEM file of the authorities to trust, in place of those of the system.
    client_cert : str or None
        PEM file with our own certificate and its key.
    token_file : str or None
        File with a token for HTTP; else the environment variable `TOKEN_VARIABLE` is looked at.
    """

    url: str
    ca: str | None = None
    client_cert: str | None = None
    token_file: str | None = None

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            scheme, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError as error:
            raise ParameterError(
                f"{self.url!r} is no address ({error}); write for example syslog+tls://host:6514"
            ) from error
        if scheme not in _PORTS or not host or not self.url.isprintable() or " " in self.url:
            raise ParameterError(
                f"{self.url!r} is no address to deliver to; write https://HOST/PATH or syslog+tls://HOST:PORT"
            )
        if parts.username is not None or parts.password is not None:
            raise ParameterError(
                f"{scheme}://...@{host}: a name or password in an address can be read by everybody on this machine; "
                f"put a token in a file and give --token-file, or in {TOKEN_VARIABLE}"
            )
        if port == 0 or (scheme.startswith("syslog") and parts.path not in ("", "/")):
            raise ParameterError(f"{self.url!r}: syslog has a host and a port, and no path")
        if scheme == "http" and not _is_here(host):
            raise ParameterError(f"{self.url}: http is not encrypted; use https (http only reaches this machine)")

    @property
    def scheme(self) -> str:
        """The part before ``://``."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """Name or address, without brackets."""
        return str(urlsplit(self.url).hostname)

    @property
    def port(self) -> int:
        """As given, or that of the protocol."""
        return urlsplit(self.url).port or _PORTS[self.scheme]

    @property
    def path(self) -> str:
        """What is asked for by HTTP."""
        parts = urlsplit(self.url)
        return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"

    def tls(self) -> ssl.SSLContext:
        """Trust what the target says; host names are checked, and TLS is 1.2 or later.

        Raises
        ------
        ParameterError
            A certificate file cannot be read.
        """
        place = self.ca
        try:
            context = ssl.create_default_context(cafile=self.ca)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            place = self.client_cert
            if self.client_cert is not None:
                context.load_cert_chain(self.client_cert, password=_no_password)
        except (OSError, ValueError) as error:
            raise ParameterError(f"{place}: is no PEM file that can be used ({error}); give another") from error
        return context

    def authorization(self) -> str | None:
        """Read the token, and give the HTTP header with it; None where there is none.

        A token of two words, such as ``Splunk 0123``, names its scheme; else it is a bearer token (RFC 6750).

        Raises
        ------
        ParameterError
            The file cannot be read, or holds no token.
        """
        if self.token_file is None:
            token, place = os.environ.get(TOKEN_VARIABLE, "").strip(), TOKEN_VARIABLE
            if not token:
                return None
        else:
            place = self.token_file
            try:
                with Path(self.token_file).open(encoding="utf-8") as stream:
                    token = stream.read(_MOST_TOKEN + 1).strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ParameterError(f"{place}: the token cannot be read ({error}); give another file") from error
        words = token.split(" ")
        if not token or len(token) > _MOST_TOKEN or not (token.isascii() and token.isprintable()) or len(words) > 2:
            raise ParameterError(f"{place}: holds no token; it is one word of ASCII, or a scheme and a word")
        return token if len(words) == 2 else f"Bearer {token}"


def _no_password() -> str:
    raise ValueError("its key has a passphrase")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
