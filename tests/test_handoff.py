"""Delivery to a real HTTP collector and a real rsyslogd, which go away and come back."""

from __future__ import annotations

import json
import re
import socket
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from collectors import PATIENCE_S, Certificates, Collector, Rsyslog, free_port, wait_for
from ocsf_schema import SCHEMA, OcsfSchema
from report_records import make_record
from test_exports import CASES, parse_cef

from baselines.disposition import mark
from dsp.errors import ParameterError
from reports.handoff.delivery import deliver
from reports.handoff.failure import DeliveryError
from reports.handoff.http import post
from reports.handoff.messages import Message
from reports.handoff.spool import Spool
from reports.handoff.syslog import send_datagrams, send_stream
from reports.handoff.target import TOKEN_VARIABLE, Target
from sweep.cli.main import main
from sweep.workspace import Workspace

N_MESSAGES = 8  # the sweep, six findings and one unconfirmed emission


class Desk:
    """A workspace with one record, and ``handoff`` given in it."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str], case: str = "rich") -> None:
        self.workspace, self._capsys = Workspace.create(root), capsys
        judged, _, start = CASES[case]
        with make_record(self.workspace.sweeps, judged, **start) as record:
            self.record = record.path

    def code(self, *words: str) -> int:
        self._capsys.readouterr()
        given = ["--workspace", str(self.workspace.root), "handoff", *words, "--retry", "1s"]
        code = main(given)
        told = self._capsys.readouterr()
        self.out, self.err = told.out, told.err
        assert self.err.count("\n") == (1 if code else 0)
        return code

    def send(self, url: str, *more: str) -> int:
        return self.code("sweep", "--to", url, *more)

    @property
    def n_waiting(self) -> int:
        return len(list(self.workspace.handoff.glob("*/waiting/*.msg")))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path / "ws", capsys)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


# HTTP


def test_a_collector_gets_valid_events_once_each(desk: Desk, certificates: Certificates, tmp_path: Path) -> None:
    (secret := tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
    with Collector(certificates=certificates) as collector:
        assert desk.send(collector.url, "--ca", str(certificates.ca), "--token-file", str(secret)) == 0
        assert desk.out == f"{N_MESSAGES} messages delivered to {collector.url}\n"
        assert len(collector.events) == N_MESSAGES
        if SCHEMA.is_file():
            schema = OcsfSchema(SCHEMA)
            assert [fault for event in collector.events for fault in schema.faults(event)] == []
        for event, headers in zip(collector.events, collector.headers, strict=True):
            assert headers["Idempotency-Key"] == event["metadata"]["uid"]
            assert headers["Authorization"] == "Bearer s3cret"
            assert headers["Content-Type"] == "application/json"
        assert desk.send(collector.url, "--ca", str(certificates.ca), "--token-file", str(secret)) == 0
        assert len(collector.events) == N_MESSAGES
        assert f"0 messages delivered to {collector.url}, {N_MESSAGES} had been before" in desk.out
        mark(desk.record, "F1", as_="device", reason="in the lamp", by="A. Smith")
        assert desk.send(collector.url, "--ca", str(certificates.ca), "--token-file", str(secret)) == 0
    (event,) = collector.events[N_MESSAGES:]
    assert event["activity_name"] == "Update"
    assert event["finding_info"]["uid"] == collector.events[1]["finding_info"]["uid"]
    kept = b"".join(path.read_bytes() for path in desk.workspace.root.rglob("*") if path.is_file())
    assert b"s3cret" not in kept


def test_nothing_is_lost_while_the_collector_is_away(desk: Desk) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/events?source=tscm"
    assert desk.send(url) == 2
    assert "refused" in desk.err
    assert f"{N_MESSAGES} messages wait in the workspace; send with: quietroom handoff --flush" in desk.err
    assert desk.n_waiting == N_MESSAGES
    assert desk.code("--flush") == 2
    with Collector(port) as collector:
        assert desk.code("--flush") == 0
        assert desk.n_waiting == 0
        assert len({event["metadata"]["uid"] for event in collector.events}) == len(collector.events) == N_MESSAGES
        assert desk.code("--flush") == 0
        assert desk.send(url) == 0
    assert len(collector.events) == N_MESSAGES


def test_a_collector_killed_half_way_gets_the_rest_when_it_is_back(desk: Desk) -> None:
    with Collector() as first:
        first.answer = lambda number: 200 if number < 3 else 503
        assert desk.send(first.url) == 2
        assert "answers 503 Service Unavailable" in desk.err
    assert (len(first.events), desk.n_waiting) == (3, N_MESSAGES - 3)
    with Collector(first.port) as second:
        assert desk.send(first.url) == 0
    uids = [event["metadata"]["uid"] for event in (*first.events, *second.events)]
    assert len(uids) == len(set(uids)) == N_MESSAGES


def test_a_busy_collector_is_asked_again(desk: Desk) -> None:
    with Collector() as collector:
        collector.answer = lambda number: (429, {"Retry-After": "1"}) if number == 2 else 200
        assert desk.send(collector.url) == 0
    assert len(collector.events) == N_MESSAGES


def test_one_event_that_is_refused_holds_up_no_other(desk: Desk) -> None:
    with Collector() as collector:
        collector.answer = lambda number: 400 if number == 1 else 200
        assert desk.send(collector.url) == 2
        assert "answers 400 Bad Request" in desk.err
        assert (len(collector.events), desk.n_waiting) == (N_MESSAGES - 1, 1)
        assert desk.code("--flush") == 0
    assert len({event["metadata"]["uid"] for event in collector.events}) == len(collector.events) == N_MESSAGES


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (401, "answers 401 Unauthorized; check the token"),
        ((302, {"Location": "http://127.0.0.1:9/"}), "answers 302 Found; give the address that it leads to"),
    ],
)
def test_what_waiting_does_not_mend_is_said_at_once(desk: Desk, answer: Any, said: str) -> None:
    with Collector() as collector:
        collector.answer = lambda number: answer
        assert desk.send(collector.url) == 2
        assert collector._n_requests == 1
    assert said in desk.err
    assert desk.n_waiting == N_MESSAGES


@pytest.mark.parametrize("kind", ["https", "syslog+tls"])
def test_a_port_without_tls_is_told_at_once(desk: Desk, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        n_calls = 0

        def answer() -> None:
            nonlocal n_calls
            with suppress(OSError):  # the server was closed
                while True:
                    connection, _ = server.accept()
                    n_calls += 1
                    with connection:
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert desk.send(f"{kind}://127.0.0.1:{server.getsockname()[1]}") == 2
    assert "TLS is not spoken there; check scheme and port" in desk.err
    assert (n_calls, desk.n_waiting) == (1, N_MESSAGES)


def test_a_name_that_nobody_has_takes_one_line(desk: Desk) -> None:
    assert desk.send("https://collector.invalid/events") == 2
    assert "the name was not found" in desk.err
    assert desk.n_waiting == N_MESSAGES


class Run:
    """``quietroom handoff`` in a process of its own, to be killed without warning."""

    def __init__(self, desk: Desk, *words: str) -> None:
        command = [sys.executable, "-m", "sweep.cli.main", "--workspace", str(desk.workspace.root), "handoff", *words]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def kill(self) -> None:
        assert self._process.poll() is None, self._process.communicate()[0].decode()
        self._process.kill()
        self._process.communicate()


def test_killed_while_a_collector_thinks_nothing_is_lost_and_what_comes_twice_says_so(desk: Desk) -> None:
    """The collector took the third event, and its answer never came: whoever sends cannot know."""
    thinks, may_go_on = threading.Event(), threading.Event()
    with Collector() as collector:

        def answer(number: int) -> int:
            if number == 2:
                thinks.set()
                may_go_on.wait(PATIENCE_S)
            return 200

        collector.answer = answer
        run = Run(desk, "sweep", "--to", collector.url)
        assert thinks.wait(PATIENCE_S)
        run.kill()
        may_go_on.set()
        assert desk.n_waiting == N_MESSAGES - 2
        wait_for(lambda: len(collector.events) == 3)
        assert desk.code("--flush") == 0
        assert desk.n_waiting == 0
    keys = [headers["Idempotency-Key"] for headers in collector.headers]
    assert (len(keys), len(set(keys))) == (N_MESSAGES + 1, N_MESSAGES)
    assert keys[2] == keys[3]
    assert collector.events[2] == collector.events[3]


def test_killed_before_a_receiver_of_syslog_has_read_all_everything_waits(desk: Desk, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"syslog+tcp://127.0.0.1:{server.getsockname()[1]}"
        run = Run(desk, "sweep", "--to", url)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(10)
            run.kill()
    assert desk.n_waiting == N_MESSAGES
    with Rsyslog(tmp_path / "rsyslog") as receiver:
        (folder,) = desk.workspace.handoff.iterdir()
        told = json.loads((folder / "target.json").read_text(encoding="utf-8"))
        told["url"] = f"syslog+tcp://127.0.0.1:{receiver.tcp_port}"
        (folder / "target.json").write_text(json.dumps(told), encoding="utf-8")
        assert desk.code("--flush") == 0
        wait_for(lambda: len(receiver.lines) >= N_MESSAGES)
    assert len({line.split(" ")[1] for line in receiver.lines}) == len(receiver.lines) == N_MESSAGES


def test_waits_grow_and_stay_within_what_was_allowed(tmp_path: Path) -> None:
    waits: list[float] = []
    spool = Spool.open(tmp_path / "handoff", Target(url=f"http://127.0.0.1:{free_port()}/"))
    spool.add(Message(uid="a", body=b"{}"))
    done = deliver(spool, retry_s=60.0, sleep=waits.append)
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]
    assert (done.delivered, done.waiting) == (0, 1)


def test_certificates_are_checked_and_faults_take_one_line(
    desk: Desk, certificates: Certificates, tmp_path: Path
) -> None:
    with Collector(certificates=certificates) as collector:
        assert desk.send(collector.url) == 2
        assert "its certificate was not accepted" in desk.err
        assert "give --ca" in desk.err
        named = collector.url.replace("127.0.0.1", "localhost")
        assert desk.send(named, "--ca", str(certificates.ca)) == 2
        assert "its certificate was not accepted" in desk.err
        assert collector.events == []
        (tmp_path / "none.pem").write_text("nothing", encoding="utf-8")
        assert desk.send(collector.url, "--ca", str(tmp_path / "none.pem")) == 2
        assert "is no PEM file that can be used" in desk.err


# syslog


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_rsyslog_gets_every_event(desk: Desk, tmp_path: Path, kind: str) -> None:
    with Rsyslog(tmp_path / "rsyslog") as receiver:
        port = receiver.udp_port if kind == "udp" else receiver.tcp_port
        assert desk.send(f"syslog+{kind}://127.0.0.1:{port}") == 0
        wait_for(lambda: len(receiver.lines) >= N_MESSAGES)
        assert desk.send(f"syslog+{kind}://127.0.0.1:{port}") == 0
    assert len(receiver.lines) == N_MESSAGES
    for line in receiver.lines:
        program, msgid, severity, time, message = line.split(" ", 4)
        assert (program, len(msgid)) == ("quietroom", 32)
        assert severity in "456"
        assert re.fullmatch(r"2026-11-18T\d\d:\d\d:\d\d.*", time)
        (version, vendor, *_), values = parse_cef(message.lstrip())
        assert (version, vendor) == ("CEF:0", "Quietroom")
        assert len(values["externalId"]) == 36
    assert any("会議" in line for line in receiver.lines)


def test_datagrams_that_nobody_took_are_not_delivered(desk: Desk, tmp_path: Path) -> None:
    """The word of it comes back after the last was sent, or in the midst."""
    receiver = Rsyslog(tmp_path / "rsyslog")
    url = f"syslog+udp://127.0.0.1:{receiver.udp_port}"
    assert desk.send(url) == 2
    assert "refused" in desk.err
    assert desk.n_waiting == N_MESSAGES
    alone = Target(url=url)
    with pytest.raises(DeliveryError, match="refused"):
        list(send_datagrams(alone, [Message(uid="a", body=b"x")]))
    with receiver:
        assert desk.code("--flush") == 0
        wait_for(lambda: len(receiver.lines) >= N_MESSAGES)
    assert len(receiver.lines) == N_MESSAGES


def test_rsyslog_over_tls(desk: Desk, tmp_path: Path, certificates: Certificates) -> None:
    with Rsyslog(tmp_path / "rsyslog", certificates) as receiver:
        url = f"syslog+tls://127.0.0.1:{receiver.tcp_port}"
        assert desk.send(url) == 2
        assert "its certificate was not accepted" in desk.err
        assert receiver.lines == []
        assert desk.send(url, "--ca", str(certificates.ca)) == 0
        wait_for(lambda: len(receiver.lines) >= N_MESSAGES)
    assert len(receiver.lines) == N_MESSAGES


def test_rsyslog_that_asks_who_we_are(desk: Desk, tmp_path: Path, certificates: Certificates) -> None:
    with Rsyslog(tmp_path / "rsyslog", certificates, wants_certificate=True) as receiver:
        url, trust = f"syslog+tls://127.0.0.1:{receiver.tcp_port}", ("--ca", str(certificates.ca))
        assert desk.send(url, *trust) == 2
        assert desk.n_waiting == N_MESSAGES
        assert receiver.lines == []
        assert desk.send(url, *trust, "--client-cert", str(certificates.both)) == 0
        wait_for(lambda: len(receiver.lines) >= N_MESSAGES)
    assert len(receiver.lines) == N_MESSAGES


@pytest.mark.parametrize("kind", ["tcp", "tls"])
def test_rsyslog_killed_and_back_gets_what_waited(
    desk: Desk, tmp_path: Path, certificates: Certificates, kind: str
) -> None:
    receiver = Rsyslog(tmp_path / "rsyslog", certificates if kind == "tls" else None)
    url = f"syslog+{kind}://127.0.0.1:{receiver.tcp_port}"
    more = ("--ca", str(certificates.ca)) if kind == "tls" else ()
    with receiver:
        assert desk.send(url, *more) == 0
    mark(desk.record, "F1", as_="suspicious", reason="nobody knows it", by="A. Smith")
    assert desk.send(url, *more) == 2
    assert desk.n_waiting == 1
    with receiver:
        assert desk.code("--flush") == 0
        wait_for(lambda: len(receiver.lines) > N_MESSAGES)
    assert len(receiver.lines) == N_MESSAGES + 1
    assert "nobody knows it" in receiver.lines[-1]


def test_streams_count_octets() -> None:
    """rsyslog would also take lines; others do not."""
    received = b""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            nonlocal received
            connection, _ = server.accept()
            with connection:
                while piece := connection.recv(65536):
                    received += piece

        thread = threading.Thread(target=take)
        thread.start()
        pending = [Message(uid=uid, body=f"{uid} Zürich".encode()) for uid in ("a", "bb")]
        target = Target(url=f"syslog+tcp://127.0.0.1:{server.getsockname()[1]}")
        assert list(send_stream(target, pending)) == ["a", "bb"]
        thread.join()
    assert received == "9 a Zürich10 bb Zürich".encode()


@pytest.mark.parametrize("n_read", [0, 10])
def test_a_receiver_that_closes_without_reading_all_has_not_got_it(n_read: int) -> None:
    """Whatever comes first, its end of the connection or the reset: one that dies, or that does not want us."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            for _ in range(30):
                connection, _ = server.accept()
                connection.recv(n_read)
                connection.close()

        thread = threading.Thread(target=take)
        thread.start()
        target = Target(url=f"syslog+tcp://127.0.0.1:{server.getsockname()[1]}")
        for _ in range(30):
            with pytest.raises(DeliveryError, match="closed the connection before it had read everything") as caught:
                list(send_stream(target, [Message(uid="a", body=b"x" * 1000)]))
            assert caught.value.is_passing
        thread.join()


def test_an_exercise_is_marked_wherever_it_is_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path / "ws", capsys, "exercise")
    with Collector() as collector:
        assert desk.send(collector.url) == 0
    assert {event["status"] for event in collector.events} == {"Exercise"}
    assert not any(event.get("is_alert") for event in collector.events)


# The spool and the address


def test_a_message_is_on_the_disk_before_it_is_sent_and_counts_once(tmp_path: Path) -> None:
    target = Target(url="syslog+udp://127.0.0.1:9")
    spool = Spool.open(tmp_path / "handoff", target)
    assert [spool.add(Message(uid=uid, body=uid.encode())) for uid in ("b", "a", "b")] == [True, True, False]
    (again,) = Spool.find_all(tmp_path / "handoff")
    assert again.target == target
    assert [message.body for message in again.waiting()] == [b"b", b"a"]
    again.settle("b")
    assert [message.uid for message in again.waiting()] == ["a"]
    assert not again.add(Message(uid="b", body=b"b"))
    delivered = spool.folder / "delivered"
    delivered.write_bytes(delivered.read_bytes() + b"\xff0123")  # a power cut in the midst of a line
    again.settle("a")
    assert {"a", "b"} < spool.delivered()
    with again.locked(), pytest.raises(Exception, match="another process delivers from here"), spool.locked():
        pass


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://user:secret@soc.example/", "can be read by everybody"),
        ("http://soc.example/", "is not encrypted"),
        ("ftp://soc.example/", "is no address to deliver to"),
        ("syslog+tcp://", "is no address to deliver to"),
        ("syslog+tcp://host:99999", "is no address"),
        ("syslog+tls://host/path", "no path"),
        ("nonsense", "is no address to deliver to"),
    ],
)
def test_bad_addresses_take_one_line_and_repeat_no_secret(desk: Desk, url: str, said: str) -> None:
    assert desk.send(url) == 2
    assert said in desk.err
    assert "secret" not in desk.err
    assert not desk.workspace.handoff.exists()


def test_the_token_comes_from_the_environment_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Collector() as collector:
        monkeypatch.setenv(TOKEN_VARIABLE, "abc")
        assert list(post(Target(url=collector.url), [Message(uid="u", body=b"{}")])) == ["u"]
    assert collector.headers[0]["Authorization"] == "Bearer abc"
    (told := tmp_path / "token").write_text("Splunk 0123\n", encoding="utf-8")
    target = Target(url=collector.url, token_file=str(told))
    assert target.authorization() == "Splunk 0123"
    told.write_text("more than one token", encoding="utf-8")
    with pytest.raises(ParameterError, match="holds no token"):
        target.authorization()


def test_the_command_wants_a_record_and_an_address_or_flush(desk: Desk) -> None:
    for words in (("sweep",), ("--to", "syslog+udp://127.0.0.1:9"), ("sweep", "--flush")):
        assert desk.code(*words) == 2
    assert desk.code("--flush") == 0
    assert desk.out == "nothing was ever handed off from this workspace\n"


def test_json_says_what_was_delivered(desk: Desk, tmp_path: Path) -> None:
    with Collector() as collector:
        assert desk.send(collector.url, "--json", str(tmp_path / "told.json")) == 0
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert told["schema"] == "quietroom.handoff/1"
    assert told["deliveries"] == [
        {"url": collector.url, "delivered": N_MESSAGES, "waiting": 0, "failure": None, "already": 0}
    ]


def test_a_damaged_spool_is_named(desk: Desk) -> None:
    (folder := desk.workspace.handoff / "x").mkdir(parents=True)
    (folder / "target.json").write_text("{", encoding="utf-8")
    assert desk.code("--flush") == 2
    assert "target.json: is damaged" in desk.err
    assert stat.S_ISDIR(folder.stat().st_mode)
