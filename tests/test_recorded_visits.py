"""Several captures given together: passes of one visit, several visits, several plans."""

from __future__ import annotations

import os
from pathlib import Path

from sweep.model import HopSamples
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures

HALF_HOUR_S = 1800


def record(folder: Path, name: str, start_s: float, n_samples: int = 2 * 3250) -> Path:
    path = folder / f"{name}_433.92M_250k.cu8"
    path.write_bytes(bytes([len(name)]) * 2 * n_samples)
    os.utime(path, (start_s, start_s))
    return path


def test_captures_of_one_visit_are_its_passes_in_order_of_time(tmp_path: Path) -> None:
    paths = [record(tmp_path, "bb", 1_600_000_060), record(tmp_path, "a", 1_600_000_000)]
    (source,) = open_captures(paths, SourceOptions())
    hops = [hop for hop in source.blocks(None) if isinstance(hop, HopSamples)]
    assert [int(hop.raw[0]) for hop in hops] == [1, 1, 2, 2]
    assert [hop.pass_index for hop in hops] == [0, 1, 2, 3]
    assert [hop.monotonic_ns for hop in hops] == [0, 13_000_000, 60_000_000_000, 60_013_000_000]
    assert source.n_passes == 4


def test_half_an_hour_between_end_and_start_divides_visits(tmp_path: Path) -> None:
    start = 1_600_000_000
    first = record(tmp_path, "a", start)
    near = record(tmp_path, "near", start + HALF_HOUR_S)
    assert len(open_captures([first, near], SourceOptions())) == 1
    far = record(tmp_path, "far", start + HALF_HOUR_S + 1)
    sources = open_captures([far, first], SourceOptions())
    assert [int(next(source.blocks(1)).raw[0]) for source in sources] == [1, 3]
    middle = record(tmp_path, "middle", start + 900)
    assert len(open_captures([far, first, middle], SourceOptions())) == 1


def test_the_pause_counts_from_the_end_of_a_long_recording(tmp_path: Path) -> None:
    start, length_s = 1_600_000_000, 3600
    long = record(tmp_path, "long", start)
    with long.open("r+b") as handle:
        handle.truncate(2 * 250_000 * length_s)  # sparse
    os.utime(long, (start, start))
    short = record(tmp_path, "short", start + 60)
    after = record(tmp_path, "after", start + length_s + HALF_HOUR_S - 1)
    assert len(open_captures([long, short, after], SourceOptions())) == 1
    assert len(open_captures([short, after], SourceOptions())) == 2


def test_recordings_with_the_same_time_follow_each_other(tmp_path: Path) -> None:
    paths = [record(tmp_path, name, 1_600_000_000) for name in ("ccc", "a", "bb")]
    (source,) = open_captures(paths, SourceOptions())
    hops = [hop for hop in source.blocks(None) if isinstance(hop, HopSamples)]
    assert [int(hop.raw[0]) for hop in hops] == [3, 3, 1, 1, 2, 2]
    assert [hop.monotonic_ns for hop in hops] == [13_000_000 * index for index in range(6)]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = record(tmp_path, "a", 1_600_000_000)
    (tmp_path / "sub").mkdir()
    (source,) = open_captures([path, tmp_path / "sub/.." / path.name], SourceOptions())
    assert source.n_passes == 2


def test_other_plans_of_one_visit_are_other_sources(tmp_path: Path) -> None:
    paths = [record(tmp_path, "a", 1_600_000_000), record(tmp_path, "b", 1_600_000_000, n_samples=2500)]
    other = tmp_path / "c_868M_250k.cu8"
    other.write_bytes(bytes(2 * 6500))
    assert [source.plan.n_frames for source in open_captures(paths, SourceOptions())] == [64, 49]
    assert len(open_captures([*paths, other], SourceOptions())) == 3
