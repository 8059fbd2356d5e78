"""What a sweep must survive with a clear word: another dongle, gain, plan; overload; lost rows; a wrong crystal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sweep.cli.main import main
from sweep.workspace import Workspace

SCENE = """\
schema = "quietroom.scene/1"
title = "Loud"
seed = 3
start = 2026-03-02T09:00:00Z
ranges = ["430M:440M"]

[receiver]
noise_dbfs_per_hz = {noise}

[[emitters]]
name = "stations"
kind = "carrier"
center_freq_hz = [{places}]
power_dbfs = {power}

[[bugs]]
name = "bug"
kind = "nfm"
center_freq_hz = 434_620_000
snr_db = 20.0
"""
PLACES_HZ = [430_400_000 + 380_000 * number for number in range(25)]


class Job:
    """A room with a baseline of two visits."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = Workspace.create(root / "ws")
        self.codes: list[int] = []

    def scene(self, name: str, power: float = -50.0, noise: float = -103.0) -> str:
        path = self.root / f"{name}.toml"
        places = ", ".join(map(str, PLACES_HZ))
        path.write_text(SCENE.format(places=places, power=power, noise=noise), encoding="utf-8")
        return f"sim:{path}"

    def run(self, *words: str) -> Any:
        result = self.root / "result.json"
        result.unlink(missing_ok=True)
        self.codes.append(main(["--workspace", str(self.workspace.root), *words, "--json", str(result)]))
        assert self.codes[-1] in (0, 3)
        return json.loads(result.read_text(encoding="utf-8"))

    def sweep(self, visit: int, *words: str, ranges: str = "430M:440M", scene: str = "room", bugs: str = "none") -> Any:
        source = f"{self.scene(scene)}?visit={visit}&bugs={bugs}" if not scene.startswith("sim:") else scene
        return self.run("sweep", "lab", "--source", source, "--range", ranges, "--passes", "3", *words)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = Job(tmp_path_factory.mktemp("bad"))
    clean = [job.sweep(visit, "--baseline", "none")["record"] for visit in (0, 1, 2)]
    job.run("baseline", "learn", "lab", *clean)
    return job


def reasons(document: Any) -> str:
    return "; ".join(document["reasons"])


def is_found(document: Any, hz: float) -> bool:
    return any(
        abs(finding["center_freq_hz"] - hz) < 20_000 for finding in document["findings"] if finding["kind"] == "new"
    )


def test_no_baseline_lists_what_is_heard_and_says_so(job: Job) -> None:
    judged = job.sweep(10, "--baseline", "none", bugs="all")
    assert "no baseline: every emitter heard is listed" in reasons(judged)
    assert is_found(judged, 434_620_000)
    assert is_found(judged, PLACES_HZ[3])
    assert all(finding["excess_db"] is None for finding in judged["findings"])


def test_another_dongle_and_another_gain_are_compared_and_said(job: Job) -> None:
    judged = job.sweep(11, "--gain", "22", bugs="all")
    assert "gain 22 dB differs from the baseline's 28 dB; levels were aligned" in reasons(judged)
    assert is_found(judged, 434_620_000)
    other = job.run("sweep", "lab", "--source", "sim:meeting-room?visit=11", "--range", "430M:440M", "--passes", "2")
    assert "serial SIM-meeting-room differs from the baseline's SIM-Loud" in reasons(other)
    assert other["baseline"] is not None


def test_wider_bins_cannot_be_compared(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    judged = job.sweep(12, "--bin-width", "5k", bugs="all")
    assert (judged["verdict"], judged["baseline"], job.codes[-1]) == ("inconclusive", None, 3)
    assert "bins of 5 kHz are wider than the baseline's 2.5 kHz; sweep on the same plan" in reasons(judged)
    assert is_found(judged, 434_620_000)
    assert "Verdict: inconclusive: not compared with baseline" in capsys.readouterr().out


def test_narrower_bins_are_brought_onto_the_baseline(job: Job) -> None:
    judged = job.sweep(13, "--bin-width", "1250", bugs="all")
    assert "bins are narrower than the baseline's; bursts are not compared" in reasons(judged)
    assert is_found(judged, 434_620_000)


def test_a_part_of_the_band_is_compared_for_itself(job: Job) -> None:
    judged = job.sweep(14, ranges="434M:435.9M", bugs="all")
    assert "the plans differ" not in reasons(judged)  # the hops of the baseline are swept
    assert is_found(judged, 434_620_000)
    assert not [item for item in judged["findings"] if item["kind"] == "missing"]
    assert max(part["stop_hz"] for part in judged["coverage"]) < 436e6 + 1.92e6


def test_beyond_the_band_what_is_not_in_the_baseline_is_said(job: Job) -> None:
    judged = job.sweep(15, ranges="436M:446M")
    assert "% of what was measured is not in the baseline and was not compared" in reasons(judged)
    apart = job.sweep(16, ranges="450M:452M")
    assert (apart["verdict"], job.codes[-1]) == ("inconclusive", 3)
    assert "share no frequency" in reasons(apart)


def test_all_overload_is_inconclusive(job: Job) -> None:
    loud = job.scene("loud", power=-8.0)
    judged = job.run(
        "sweep", "lab", "--source", f"{loud}?visit=17", "--range", "430M:440M", "--passes", "3", "--gain", "49"
    )
    assert "100 % of the hops were overloaded: the receiver makes signals of its own" in reasons(judged)
    assert {part["state"] for part in judged["coverage"]} == {"overloaded"}
    assert judged["verdict"] in ("inconclusive", "anomalies")


@pytest.mark.parametrize("ppm", [40, -40])
def test_a_crystal_40_ppm_off_is_measured_and_said(job: Job, ppm: int) -> None:
    judged = job.sweep(20 + ppm // 40, "--ppm", str(ppm), bugs="all")
    assert f"correction {ppm} ppm differs from the baseline's 0 ppm" in reasons(judged)
    measured = re.search(r"([+-][0-9.]+) ppm off the baseline's", reasons(judged))
    assert measured is not None
    assert float(measured[1]) == pytest.approx(ppm, abs=4)  # visits differ by some ppm themselves
    assert not any(is_found(judged, hz * (1 + ppm * 1e-6)) for hz in PLACES_HZ)
    assert is_found(judged, 434_620_000)
    assert [item for item in judged["findings"] if item["kind"] == "missing"] == []


def test_noise_over_all_of_the_sweep_is_found_and_more_gain_is_said(job: Job) -> None:
    """Both lift every quiet bin by 12 dB; what is on the air rises with the gain only."""
    noisy, amplified = job.scene("noisy", noise=-91.0), job.scene("amplified", power=-38.0, noise=-91.0)
    judged = job.sweep(23, scene=noisy)
    assert judged["verdict"] == "anomalies"
    assert re.search("the noise floor rose by 1[0-4] dB, which no gain explains; it was not aligned", reasons(judged))
    assert sum(finding["occupied_bw_hz"] for finding in judged["findings"]) > 5e6
    judged = job.sweep(24, scene=amplified)
    assert (judged["verdict"], judged["findings"]) == ("no_anomaly_detected", [])
    assert re.search("levels rose by 1[0-4] dB at the same gain setting, those of known emitters too", reasons(judged))


def csv_line(number: int, values: list[str]) -> str:
    return f"2026-11-23, 10:{number:02d}:00, 434000000, 434100000, 10000.00, 100, {', '.join(values)}\n"


def test_rows_without_numbers_are_left_out(job: Job, tmp_path: Path) -> None:
    heard = [f"{-60 - 0.1 * (bin % 3):.1f}" for bin in range(10)]
    some, none = tmp_path / "some.csv", tmp_path / "none.csv"
    some.write_text("".join(csv_line(n, ["nan"] * 10 if n == 1 else heard) for n in range(4)), encoding="utf-8")
    none.write_text("".join(csv_line(n, ["nan"] * 10) for n in range(4)), encoding="utf-8")
    judged = job.run("replay", "lab", str(some), "--baseline", "none")
    assert all(part["state"] == "measured" for part in judged["coverage"])
    assert all(finding["hits"] <= 3 for finding in judged["findings"])
    nothing = job.run("replay", "lab", str(none), "--baseline", "none")
    assert (nothing["verdict"], nothing["findings"], job.codes[-1]) == ("inconclusive", [], 3)
    assert "nothing was measured in 4 passes" in reasons(nothing)
