"""A time server on this computer: ``openssl ts -reply`` behind HTTP."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

_CONFIG = """\
[ tsa ]
default_tsa = tsa1
[ tsa1 ]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/ca.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
[ leaf ]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[ authority ]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[ req ]
distinguished_name = name
[ name ]
"""


@dataclass(frozen=True)
class TimeServer:
    """One that answers at ``url``, and the certificate to trust it by."""

    url: str
    authority: Path


def make_authority(folder: Path) -> None:
    """Make a CA and a certificate for time stamps."""
    (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "tsa.cnf")
    leaf = ("-days", "3650", "-extfile", "tsa.cnf", "-extensions", "leaf", "-out", "tsa.pem")
    for command in (
        (
            "req",
            "-x509",
            *key,
            "-extensions",
            "authority",
            "-subj",
            "/CN=Test CA",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        ),
        ("req", *key, "-subj", "/CN=Test time", "-keyout", "tsa.key", "-out", "tsa.csr"),
        ("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", *leaf),
    ):
        subprocess.run(["openssl", *command], check=True, capture_output=True, timeout=60, cwd=folder)


def answer(folder: Path, query: bytes) -> bytes:
    """What the server says to a query."""
    (folder / "query.tsq").write_bytes(query)
    files = ("-queryfile", str(folder / "query.tsq"), "-out", str(folder / "reply.tsr"))
    command = ["openssl", "ts", "-reply", "-config", str(folder / "tsa.cnf"), *files]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return (folder / "reply.tsr").read_bytes()


@contextlib.contextmanager
def serving(folder: Path, *, say: bytes | None = None) -> Iterator[TimeServer]:
    """Run a time server; with ``say`` it always says that."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            body = answer(folder, query) if say is None else say
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield TimeServer(f"http://127.0.0.1:{server.server_port}/tsr", folder / "ca.pem")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
