"""The benchmarks run, and leave out by name what the machine lacks. What they measure is no test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def benchmarks(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


def test_one_table_of_ratios() -> None:
    result = benchmarks("--quick", "startup")
    assert result.returncode == 0, result.stderr
    head, _, row = result.stdout.splitlines()
    assert head.split("  ")[0] == "what"
    assert row.startswith("quietroom --help")
    assert float(row.partition("python -c pass")[2].split()[2]) > 1


def test_what_the_machine_lacks_is_left_out_by_name(tmp_path: Path) -> None:
    result = benchmarks("--quick", "rtl_power", PATH=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "left out: rtl_power: rtl_power is not installed" in result.stdout


def test_a_soapy_power_that_is_not_there_is_left_out(tmp_path: Path) -> None:
    result = benchmarks("--quick", "soapy_power", QUIETROOM_SOAPY_POWER=str(tmp_path / "none"))
    assert result.returncode == 0, result.stderr
    assert f"left out: soapy_power: QUIETROOM_SOAPY_POWER names {tmp_path}/none" in result.stdout


def test_an_unknown_name_is_refused() -> None:
    result = benchmarks("gnuradio")
    assert result.returncode == 2
    assert "there is no benchmark 'gnuradio'" in result.stderr
