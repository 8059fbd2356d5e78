"""Every reader of outside bytes takes any bytes: it reads them, or refuses them in one clear line, and soon.

The readers and what they begin with are those of ``python -m benchmarks.fuzz``, which goes on for longer.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.readers import READERS
from dsp.errors import QuietroomError

ROOT = Path(__file__).resolve().parents[1]
STRANGE = st.sampled_from(
    [b"", b"\0" * 8, b"\xff" * 8, b"nan", b"9" * 400, b"[" * 400, b"\x1b[2J", b"=1+1", b"../", b"\n"]
)


@cache
def seeds_of(name: str) -> list[bytes]:
    return READERS[name].seeds()


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """A sound input with some bytes changed, put in, taken out, or cut."""
    data = bytearray(draw(st.sampled_from(seeds_of(name))))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        taken = draw(st.integers(0, 8))
        data[at : at + taken] = draw(st.binary(max_size=8) | STRANGE)
    return bytes(data[: draw(st.integers(0, len(data)) | st.just(len(data)))])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", READERS)
def test_any_input_is_read_or_refused(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:

        @settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck), database=None)
        @given(data=damaged(name))
        def check(data: bytes) -> None:
            begun = time.process_time()
            try:
                READERS[name].read(Path(place), data)
            except QuietroomError as error:
                assert str(error).isprintable()
                assert len(str(error)) < 1500
            assert time.process_time() - begun < 5

        check()


@pytest.mark.parametrize("name", READERS)
def test_sound_inputs_are_read(name: str, tmp_path: Path) -> None:
    """Otherwise fuzzing would try nothing but what is refused at once. A recipe of edits is no sound file."""
    for number, seed in enumerate(seeds_of(name)):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            READERS[name].read(folder, seed)
        except QuietroomError:
            assert name.endswith("-edited") or name in ("journal-payloads", "rtl_tcp", "time-token")


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="the extra 'fuzz' is not installed")
def test_the_fuzzer_runs_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    for n_inputs in ("300", "500"):
        command = [sys.executable, "-m", "benchmarks.fuzz", "--reader", "signature", "--inputs", n_inputs]
        command += ["--notes", str(tmp_path)]
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert result.returncode == 0, result.stdout + result.stderr
        *_, line = result.stdout.splitlines()
        assert line.split()[:2] == ["signature", n_inputs]
        assert line.endswith("nothing")
    assert any((tmp_path / "signature/corpus").iterdir())
