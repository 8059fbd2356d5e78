"""What is shown while a sweep runs, and how findings are put in words."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pty
import struct
import termios
from collections.abc import Iterator

import numpy as np
import pytest
from visits import make_rows, noise_layout

from sweep.cli import progress
from sweep.cli.progress import follow
from sweep.cli.wording import findings_lines
from sweep.events import Closed, Event, GapSeen, HopDone, StayDone
from sweep.model import HopGap, Judgement

N_HOPS, PASSES = 10, 3


def events() -> Iterator[Event]:
    for pass_index in range(PASSES):
        for hop_index in range(N_HOPS):
            yield HopDone(pass_index=pass_index, hop_index=hop_index, n_hops=N_HOPS, overloaded=False)
    for hop_index in range(20):
        yield GapSeen(gap=HopGap(pass_index=2, hop_index=hop_index, utc_ns=0, monotonic_ns=0, reason="unplugged"))
    judgement = Judgement(document={}, noise_floor_dbfs=np.zeros(1, np.float32))
    yield Closed(record_path="x.h5", n_rows=PASSES, judgement=judgement)


def test_events_pass_through_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = list(events())
    assert [type(event) for event in follow(iter(wanted), passes=PASSES, label="lab")] == [type(one) for one in wanted]
    assert list(follow(iter(wanted), passes=None, label="lab")) == wanted
    assert capsys.readouterr().out == ""


def camping() -> Iterator[Event]:
    (row,) = make_rows(noise_layout(1), 1, seed=1)
    yield from itertools.islice(events(), N_HOPS)
    for number in range(1, 4):
        yield StayDone(row=row, leaf=b"", center_freq_hz=433_920_000, number=number, n_stays=3)
    yield Closed(record_path="x.h5", n_rows=1, judgement=Judgement(document={}, noise_floor_dbfs=np.zeros(1)))


def test_the_place_of_the_camp_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    list(follow(camping(), passes=1, label="lab"))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["lab: camping on 433.92 MHz, stay 1 of 3", "lab: 0 of 1 pass recorded, 3 stays"]
    monkeypatch.setattr(progress, "_LINE_INTERVAL_S", 0.0)
    list(follow(camping(), passes=1, label="lab"))
    assert "lab: camping on 433.92 MHz, stay 3 of 3" in capsys.readouterr().err


def test_plain_lines_name_the_place_and_few_gaps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_LINE_INTERVAL_S", 0.0)
    list(follow(events(), passes=PASSES, label="lab"))
    lines = capsys.readouterr().err.splitlines()
    assert "lab: pass 2 of 3, hop 4 of 10" in lines
    assert sum("unplugged" in line for line in lines) == 5
    assert lines[-1] == "lab: 0 of 3 passes recorded, 20 gaps"


def _read_all(master: int) -> str:
    """All that a terminal was shown; Linux says EIO once the other end is closed and empty."""
    shown = b""
    with contextlib.suppress(OSError):
        while part := os.read(master, 1 << 16):
            shown += part
    os.close(master)
    return shown.decode()


def test_a_terminal_gets_a_bar_with_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        list(follow(events(), passes=PASSES, label="lab"))
    shown = _read_all(master)
    assert "0/30 [00:00<?" in shown
    assert "lab: 0 of 3 passes recorded, 20 gaps" in shown


def test_a_duration_has_a_time_left_too(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        now = iter(range(1000))
        monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(now)))
        list(follow(events(), passes=None, duration_s=45.0, label="lab"))
    # A hop a second: 45 s are four and a half passes of ten hops, and the fifth is finished.
    assert "/50 [" in _read_all(master)


def finding(**changes: object) -> dict[str, object]:
    return {
        "id": "F12",
        "kind": "changed",
        "center_freq_hz": 1_433_920_000,
        "occupied_bw_hz": 12_345,
        "power_dbfs": -61.04,
        "excess_db": 10.0,
        "duty_cycle": 0.5,
        "known_as": None,
        "threat": {"level": "medium", "score": 0.5, "reasons": ["why " * 40, "second reason"]},
        **changes,
    }


def document(*findings: dict[str, object]) -> dict[str, object]:
    part = {
        "start_hz": 24_000_000,
        "stop_hz": 1_766_000_000,
        "state": "measured",
        "min_detectable_dbfs": -80.0,
        "dwell_s": 0.065,
        "visits": 1,
        "poi": {"100ms": 0.011, "1s": 0.1, "10s": 1.0},
    }
    verdict = "anomalies" if findings else "no_anomaly_detected"
    return {"verdict": verdict, "reasons": [], "findings": list(findings), "coverage": [part]}


def test_findings_fit_a_terminal() -> None:
    lines = findings_lines(document(finding(), finding(id="F1")), {"F12": "suspicious"})
    assert max(len(line) for line in lines) <= 100
    text = "\n".join(lines)
    for part in ("F12  changed  1433.9200", "-61.0", "medium", "suspicious", "why why", "12.3"):
        assert part in text, part
    assert "second reason" in text
    short = finding(
        signal_type="burst narrowband",
        threat={"level": "low", "score": 0.1, "reasons": ["+0.0 no baseline", "unlicensed", "new here"]},
    )
    assert "     burst narrowband; unlicensed; new here" in findings_lines(document(short))


def test_small_numbers_are_neither_none_nor_negative_zero() -> None:
    lines = findings_lines(document(finding(duty_cycle=0.003, power_dbfs=-0.04)), unit="dB")
    assert "dBFS" not in "\n".join(lines)
    row = next(line for line in lines if line.startswith("F12"))
    assert row.split()[4:7] == ["0.0", "10.0", "<1"]


def test_what_lies_between_ranges_is_not_called_measured() -> None:
    low, high = ({"start_hz": hz, "stop_hz": hz + 1_920_000} for hz in (88_000_000, 433_000_000))
    coverage = [{**document()["coverage"][0], **span} for span in (low, high)]  # type: ignore[index]
    lost = {"start_hz": 434_920_000, "stop_hz": 436_840_000, "state": "not_measured"}
    text = " ".join(findings_lines({**document(), "coverage": [*coverage, lost]}))
    assert "Coverage: 3.84 MHz (88 to 89.92 MHz and 433 to 434.92 MHz) measured; 1.92 MHz (" in text
    assert "overload" not in text


def test_a_single_pass_says_nothing_of_short_transmissions() -> None:
    part = {**document()["coverage"][0], "poi": {"100ms": None, "1s": None, "10s": None}}  # type: ignore[index]
    text = " ".join(findings_lines({**document(), "coverage": [part]}))
    assert "short transmissions (the chance to meet one is not known)" in text


def test_that_there_is_no_baseline_is_said_once_and_is_no_cause() -> None:
    bare = "no baseline: every emitter heard is listed, whether it belongs to the room is not known"
    heard = findings_lines({**document(finding()), "baseline": None, "reasons": [bare]})
    assert heard[0] == "Verdict: 1 emitter was heard. Without a baseline none can be called anomalous"
    lost = {**document(), "baseline": None, "verdict": "inconclusive", "reasons": [bare, "52 % were never measured"]}
    assert findings_lines(lost)[0] == "Verdict: inconclusive: 52 % were never measured"


def test_what_was_not_measured_is_a_dash() -> None:
    text = "\n".join(findings_lines(document(finding(occupied_bw_hz=None, excess_db=None, duty_cycle=None))))
    row = next(line for line in text.splitlines() if line.startswith("F12"))
    assert row.split() == ["F12", "changed", "1433.9200", "-", "-61.0", "-", "-", "medium", "-"]


def test_nothing_found_is_not_called_clean() -> None:
    text = " ".join(findings_lines(document()))
    assert "no anomalous emitter was detected" in text
    assert "clean" not in text
    assert "Could have been missed: a single transmission of 100 ms (met with a chance of 1.1 %)" in text
    assert "10 s" not in text


def test_nothing_measured_is_said() -> None:
    lines = findings_lines({**document(), "verdict": "inconclusive", "reasons": ["only gaps"], "coverage": []})
    assert lines == ["Verdict: inconclusive: only gaps", "Coverage: nothing was measured"]
