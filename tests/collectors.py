"""Receivers for the tests of the handoff: an HTTP collector and a real rsyslogd, which can go and come back."""

from __future__ import annotations

import datetime
import ipaddress
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATIENCE_S = 60.0  # on a machine with nothing to spare


def wait_for(condition: Callable[[], Any]) -> Any:
    """What a condition gives once it is true."""
    limit = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)
    return value


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Certificates:
    """A certificate authority, and a certificate of it for this machine."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.ca, self.cert, self.key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
        limits = x509.BasicConstraints(ca=True, path_length=None), x509.BasicConstraints(ca=False, path_length=None)
        made = (
            self._signed(ca_name, ca_key, ca_name, ca_key, limits[0]),
            self._signed(name, key, ca_name, ca_key, limits[1], alternative),
        )
        for path, certificate in zip((self.ca, self.cert), made, strict=True):
            path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        self.key.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain),
        )
        self.both = folder / "both.pem"
        self.both.write_bytes(self.cert.read_bytes() + self.key.read_bytes())

    @staticmethod
    def _signed(
        name: x509.Name, key: Any, issuer: x509.Name, signer: Any, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(signer, hashes.SHA256())

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context


class Collector:
    """Takes JSON by POST. ``answer`` is asked for the status of each request; only what it takes (2xx) is kept."""

    def __init__(self, port: int = 0, certificates: Certificates | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[int], int | tuple[int, dict[str, str]]] = lambda number: 200
        self._n_requests = 0
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = collector.answer(collector._n_requests)
                collector._n_requests += 1
                status, more = told if isinstance(told, tuple) else (told, {})
                if 200 <= status < 300:
                    collector.events.append(json.loads(body))
                    collector.headers.append(dict(self.headers))
                self.send_response(status)
                for name, value in {**more, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that does not trust us hangs up: nothing to print."""

        self._server = Server(("127.0.0.1", port), Handler)
        if certificates is not None:
            context = certificates.context()
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "http" if certificates is None else "https"
        self.port = self._server.server_address[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}/events?source=tscm"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Rsyslog:
    """A real rsyslogd on ports of its own; each message is a line of its file, as it came."""

    def __init__(
        self, folder: Path, certificates: Certificates | None = None, *, wants_certificate: bool = False
    ) -> None:
        self._program = shutil.which("rsyslogd") or shutil.which("/usr/sbin/rsyslogd")
        if self._program is None:
            pytest.skip("rsyslogd is not installed (Debian's rsyslog)")
        if certificates is not None and not list(Path("/usr/lib").glob("*/rsyslog/lmnsd_gtls.so")):
            pytest.skip("rsyslog has no TLS here (Debian's rsyslog-gnutls)")
        folder.mkdir()
        self._folder, self._process = folder, None
        self.udp_port, self.tcp_port = free_port(socket.SOCK_DGRAM), free_port()
        self._out = folder / "messages"
        driver, files = "", ""
        if certificates is not None:
            mode = "x509/certvalid" if wants_certificate else "anon"
            driver = f' StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="{mode}"'
            named = {"CAFile": certificates.ca, "CertFile": certificates.cert, "KeyFile": certificates.key}
            told = " ".join(f'DefaultNetstreamDriver{name}="{path}"' for name, path in named.items())
            files = f"global({told})\n"
        self._configuration = folder / "rsyslog.conf"
        self._configuration.write_text(
            f'global(workDirectory="{folder}" maxMessageSize="64k")\n{files}'
            f'module(load="imudp")\nmodule(load="imtcp"{driver})\n'
            f'input(type="imudp" address="127.0.0.1" port="{self.udp_port}")\n'
            f'input(type="imtcp" address="127.0.0.1" port="{self.tcp_port}")\n'
            'template(name="asis" type="string" string="'
            '%app-name% %msgid% %syslogseverity% %timestamp:::date-rfc3339% %msg%\\n")\n'
            f'action(type="omfile" file="{self._out}" template="asis" flushOnTXEnd="on")\n',
            encoding="utf-8",
        )

    @property
    def lines(self) -> list[str]:
        return self._out.read_text(encoding="utf-8").splitlines() if self._out.is_file() else []

    def __enter__(self) -> Self:
        command = [str(self._program), "-n", "-f", str(self._configuration), "-i", str(self._folder / "pid")]
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._is_up)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE_S)

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text(encoding="utf-8", errors="replace")
        # State 0A is listening; a connection of before, which lingers, has the same port. 07 is a socket for datagrams.
        wanted = {("udp", self.udp_port, "07"), ("tcp", self.tcp_port, "0A")}
        found = {
            (kind, int(fields[1].rpartition(":")[2], 16), fields[3])
            for kind in ("udp", "tcp")
            for fields in map(str.split, Path(f"/proc/net/{kind}").read_text(encoding="ascii").splitlines()[1:])
        }
        return wanted <= found
