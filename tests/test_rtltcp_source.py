"""Our network source against the real ``rtl_tcp``, which runs on the virtual dongle."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_clock import REAL_CLOCK
from virtual_dongle.scene import Emitter, Scene

from dsp.errors import DeviceError, ParameterError
from dsp.spectra import hop_spectra
from sweep.model import HopGap, HopSamples
from sweep.plan import SweepPlan
from sweep.record import SweepRecord
from sweep.sources import rtltcp_stream as stream_module
from sweep.sources.live import Recovery
from sweep.sources.options import SourceOptions
from sweep.sources.registry import open_sources
from sweep.sources.rtltcp import RtlTcpReceiver, open_rtltcp, parse_address
from sweep.sources.rtltcp_stream import ArrivalClock, RtlTcpStream
from sweep.sources.tuners import ReceiverSettings
from sweep.workspace import Workspace

PlugIn = Callable[[Scene], dict[str, str]]
STATION = Emitter(kind="fm", freq_hz=98.3e6, level_dbfs=-15, bandwidth_hz=75e3)
OPTIONS = SourceOptions(ranges_hz=((96_000_000, 104_000_000),))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_listening(port: int) -> None:
    """Look in the kernel's table: rtl_tcp serves one client, so a trial connection would use it up."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("needs Linux's /proc/net/tcp")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(f":{port:04X} 00000000:0000 0A" in line for line in table.read_text().splitlines()):
            return
        time.sleep(0.02)
    pytest.fail("rtl_tcp does not listen")


@pytest.fixture
def rtl_tcp(virtual_dongle: PlugIn) -> Iterator[Callable[[Scene, int], subprocess.Popen[bytes]]]:
    program = shutil.which("rtl_tcp")
    if program is None:
        pytest.skip("rtl_tcp is not installed (Debian's rtl-sdr)")
    running: list[subprocess.Popen[bytes]] = []

    def start(scene: Scene, port: int) -> subprocess.Popen[bytes]:
        command = [program, "-a", "127.0.0.1", "-p", str(port)]
        environment = virtual_dongle(scene)
        running.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        wait_until_listening(port)
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def loudest_dbfs(plan: SweepPlan, hop: HopSamples) -> tuple[float, int]:
    sizes = {"n_fft": plan.n_fft, "n_frames": plan.n_frames, "hop_bins": plan.hop_bins}
    mean = hop_spectra(hop.raw, hop.sample_format, **sizes).mean
    return float(10 * np.log10(mean.max())), int(mean.argmax())


@REAL_CLOCK
def test_a_sweep_through_the_real_rtl_tcp(rtl_tcp: Callable[[Scene, int], subprocess.Popen[bytes]]) -> None:
    port = free_port()
    tone = Emitter(freq_hz=102.5e6, level_dbfs=-30)
    rtl_tcp(Scene(realtime=True, stale_samples=20_000, retune_s=0.005, emitters=(STATION, tone)), port)
    source = open_rtltcp(f"127.0.0.1:{port}", OPTIONS)
    with contextlib.closing(source):
        instrument, plan = source.instrument, source.plan
        assert instrument.driver == "rtl_tcp"
        assert instrument.tuner == "R820T"
        assert instrument.gain_db == 28.0
        assert instrument.settle_measured
        assert (instrument.settle_s or 0) > 20_000 / 2.4e6
        blocks = list(source.blocks(3))
    assert all(isinstance(block, HopSamples) for block in blocks), blocks
    for block in blocks:
        assert isinstance(block, HopSamples)
        assert block.raw.size == 2 * plan.hop_samples
        level, place = loudest_dbfs(plan, block)
        if block.hop_index == 1:
            assert level > -45
        elif block.hop_index == 3:
            assert level == pytest.approx(-30, abs=0.3)
            assert plan.layout().freq_hz[3 * plan.hop_bins + place] == 102.5e6
        else:
            assert level < -61, f"ghost of the station on hop {block.hop_index}"


@REAL_CLOCK
def test_one_of_each_shares_a_plan_by_time(rtl_tcp: Callable[[Scene, int], subprocess.Popen[bytes]]) -> None:
    port = free_port()
    tones = (Emitter(freq_hz=401e6, level_dbfs=-20.0), Emitter(freq_hz=439e6, level_dbfs=-20.0))
    scene = Scene(realtime=True, emitters=tones)
    rtl_tcp(scene, port)
    options = SourceOptions(ranges_hz=((400_000_000, 440_000_000),))
    with contextlib.closing(open_sources([f"rtltcp:127.0.0.1:{port}", "rtlsdr:0"], [options] * 2)) as source:
        hops = {block.hop_index: block for block in source.blocks(1) if isinstance(block, HopSamples)}
        local, far = source.instrument.receivers
        assert (source.instrument.driver, far.driver) == ("rtlsdr, rtl_tcp", "rtl_tcp")
    assert sorted(hops) == list(range(source.plan.n_hops))
    assert np.diff(local.ranges_hz).sum() > 1.5 * np.diff(far.ranges_hz).sum(), "the network is slower"
    for freq_hz in (401e6, 439e6):
        hop = next(one for one in hops.values() if abs(one.center_freq_hz - freq_hz) < 960_000)
        level_dbfs, _ = loudest_dbfs(source.plan, hop)
        assert level_dbfs == pytest.approx(-20.0, abs=0.5)


@REAL_CLOCK
def test_a_cut_connection_is_a_gap_and_the_sweep_goes_on(
    rtl_tcp: Callable[[Scene, int], subprocess.Popen[bytes]],
) -> None:
    port, waits = free_port(), []
    scene = Scene(realtime=True)
    server = rtl_tcp(scene, port)

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            rtl_tcp(scene, port)

    source = open_rtltcp(f"127.0.0.1:{port}", OPTIONS, recovery=Recovery(wait=wait))
    with contextlib.closing(source):
        assert source.instrument.settle_measured is False
        blocks = source.blocks(2)
        assert isinstance(next(blocks), HopSamples)
        server.kill()
        server.wait()
        rest = list(blocks)
    gaps = [block for block in rest if isinstance(block, HopGap)]
    assert 2 <= len(gaps) <= 4
    assert f"rtl_tcp at 127.0.0.1:{port}" in gaps[0].reason
    assert "cannot be reached" in gaps[-1].reason
    assert isinstance(rest[-1], HopSamples)
    assert len(waits) == 2


def test_a_record_has_the_gap_of_a_cut_connection(
    rtl_tcp: Callable[[Scene, int], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """The whole program: the server is killed in mid-sweep and comes back."""
    port, scene, workspace = free_port(), Scene(realtime=True, emitters=(STATION,)), Workspace.create(tmp_path)
    server = rtl_tcp(scene, port)
    command = [sys.executable, "-m", "sweep.cli.main", "--workspace", str(tmp_path), "sweep", "lab", "--source"]
    sweep = subprocess.Popen(
        [*command, f"rtltcp:127.0.0.1:{port}", "--range", "96M:104M", "--duration", "6"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        text=True,
    )
    while not list(workspace.sweeps.glob("*.journal")):
        assert sweep.poll() is None, sweep.communicate()
        time.sleep(0.01)
    time.sleep(1)
    server.kill()
    server.wait()
    rtl_tcp(scene, port)
    _, err = sweep.communicate(timeout=60)
    assert sweep.returncode in (0, 3), err
    assert f"rtl_tcp at 127.0.0.1:{port}" in err
    (path,) = workspace.sweeps.glob("*.h5")
    with SweepRecord.open(path) as record:
        assert record.gaps
        assert all(f"rtl_tcp at 127.0.0.1:{port}" in gap.reason for gap in record.gaps)
        lost_ns = record.gaps[-1].monotonic_ns
        rows = list(record.rows())
        assert rows[0].monotonic_ns < lost_ns < rows[-1].hop_monotonic_ns.max()  # it went on
        assert [ok for _, ok in record.verify_rows()] == [True] * len(rows)


class StallingNetwork:
    """A relay to a server on this machine; what the server sends is held back while ``flowing`` is clear."""

    def __init__(self, server_port: int) -> None:
        self.flowing = threading.Event()
        self.flowing.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._server = socket.create_connection(("127.0.0.1", server_port))
        threading.Thread(target=self._start, daemon=True).start()

    def _start(self) -> None:
        client, _ = self._listener.accept()
        self._listener.close()
        threading.Thread(target=self._relay, args=(client, self._server), daemon=True).start()
        self._relay(self._server, client)

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError), source, sink:
            while data := source.recv(1 << 16):
                if source is self._server:
                    self.flowing.wait(5)
                sink.sendall(data)


@REAL_CLOCK
def test_old_samples_that_a_stalled_network_held_back_are_not_kept(
    rtl_tcp: Callable[[Scene, int], subprocess.Popen[bytes]],
) -> None:
    port = free_port()
    rtl_tcp(Scene(realtime=True, emitters=(STATION,)), port)
    network = StallingNetwork(port)
    stream = RtlTcpStream("127.0.0.1", network.port, sample_rate_hz=2_400_000)
    receiver = RtlTcpReceiver(stream, ReceiverSettings(sample_rate_hz=2_400_000, gain_db=28.0, ppm=0))
    n_skip, n_keep = 480_000, 24_000  # 0.2 s and 10 ms
    with contextlib.closing(receiver):
        assert np.ptp(receiver.visit(98_500_000, n_skip, n_keep).raw) > 40
        network.flowing.clear()
        time.sleep(0.6)
        threading.Timer(0.1, network.flowing.set).start()
        assert np.ptp(receiver.visit(500_000_000, n_skip, n_keep).raw) < 20, "the station was heard at 500 MHz"


@REAL_CLOCK
def test_a_network_that_carries_too_little_is_a_gap_and_a_new_connection(
    rtl_tcp: Callable[[Scene, int], subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "MOST_LATE_S", 0.3)
    port = free_port()
    rtl_tcp(Scene(realtime=True), port)
    network = StallingNetwork(port)
    stream = RtlTcpStream("127.0.0.1", network.port, sample_rate_hz=2_400_000)
    receiver = RtlTcpReceiver(stream, ReceiverSettings(sample_rate_hz=2_400_000, gain_db=28.0, ppm=0))
    with contextlib.closing(receiver):
        receiver.visit(98_500_000, 1000, 24_000)
        network.flowing.clear()
        time.sleep(0.5)
        with pytest.raises(DeviceError, match=r"\d\.\d s behind its sample rate: samples are held back or lost"):
            receiver.visit(500_000_000, 1000, 24_000)
        network.flowing.set()


def test_a_stream_that_is_slowly_left_behind_is_not_taken_for_one_on_time() -> None:
    clock = ArrivalClock(1000)
    for step in range(6001):  # a minute of a network that carries 95 % of the samples
        clock.note(round(9.5 * step), at_s=step / 100)
    assert clock.late_s(57_000, at_s=60.0) == pytest.approx(3.0, abs=0.02)


@contextlib.contextmanager
def fake_server(answer: bytes | None) -> Iterator[int]:
    """Something that is no rtl_tcp: says other words, nothing, or hangs up at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                if answer is not None:
                    connection.sendall(answer)
                    return
                done.wait(5)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listener.getsockname()[1])
        done.set()
        thread.join()


@pytest.mark.parametrize(
    ("answer", "words"),
    [(b"HTTP/1.1 400 Bad Request\r\n", "is no rtl_tcp server"), (b"RTL0", "is no rtl_tcp"), (None, "says nothing")],
)
def test_what_is_no_rtl_tcp_is_told_so(answer: bytes | None, words: str) -> None:
    with fake_server(answer) as port, pytest.raises(DeviceError, match=words) as caught:
        RtlTcpStream("127.0.0.1", port, sample_rate_hz=2_400_000, timeout_s=0.3)
    assert "\n" not in str(caught.value)


@REAL_CLOCK
def test_a_silent_server_is_lost_after_the_timeout() -> None:
    header = b"RTL0\0\0\0\x05\0\0\0\x1d"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=lambda held: held.append(listener.accept()[0]), args=(held := [],))
        thread.start()
        stream = None
        try:
            opener = threading.Timer(0.05, lambda: held[0].sendall(header))
            opener.start()
            stream = RtlTcpStream("127.0.0.1", port, sample_rate_hz=2_400_000, timeout_s=0.4)
            assert (stream.tuner_number, stream.gain_count) == (5, 29)
            start = time.monotonic()
            for _ in range(2):  # the second time at once: the failure is known
                with pytest.raises(DeviceError, match="was lost"):
                    stream.collect(0, 1000)
            assert 0.1 < time.monotonic() - start < 1.5
        finally:
            thread.join()
            if stream is not None:
                stream.close()
            held[0].close()


def test_nothing_listens_there() -> None:
    with pytest.raises(DeviceError, match=r"cannot be reached.*start it there with"):
        open_rtltcp(f"127.0.0.1:{free_port()}", OPTIONS)


@pytest.mark.parametrize("address", ["", "host", ":1234", "host:", "host:0", "host:65536", "host:12a", "[]:1"])
def test_an_address_needs_host_and_port(address: str) -> None:
    with pytest.raises(ParameterError, match="is not HOST:PORT"):
        parse_address(address)


@given(
    stalls=st.lists(st.tuples(st.floats(0.0, 0.3), st.floats(0.001, 0.06)), min_size=5, max_size=40),
    drift_ppm=st.floats(-80, 80),
)
@settings(deadline=None, max_examples=50)
def test_what_is_under_way_is_never_underrated(stalls: list[tuple[float, float]], drift_ppm: float) -> None:
    """Samples are taken at a constant rate and delivered in bursts, some late."""
    rate_hz, clock, at_s = 2_400_000, ArrivalClock(2_400_000), 100.0
    rate_taken = rate_hz * (1 + drift_ppm * 1e-6)
    clock.note(0, at_s=at_s)  # once on time: nothing under way
    for stall_s, step_s in stalls:
        at_s += stall_s + step_s
        arrived = round((at_s - 100.0 - stall_s) * rate_taken)
        clock.note(arrived, at_s=at_s)
        true_late_s = (at_s - 100.0) - arrived / rate_taken
        assert clock.late_s(arrived, at_s=at_s) >= true_late_s - 0.002
