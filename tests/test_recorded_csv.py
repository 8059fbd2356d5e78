"""CSV of rtl_power and hackrf_sweep: frequencies, passes, visits, what was not measured, what is refused."""

from __future__ import annotations

import gzip
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import CaptureError
from sweep.model import FILL, HOP_MEASURED, SweepRow
from sweep.sources.options import SourceOptions
from sweep.sources.recorded import open_captures
from sweep.sources.recorded.csv_spectra import CsvSource
from sweep.units import parse_utc

OPTIONS = SourceOptions(antenna="whip")


def rtl_line(time: str, low: int, levels: list[float | str], step: float = 1000.0, day: str = "2020-03-27") -> str:
    """As rtl_power writes it: the last level twice."""
    texts = [level if isinstance(level, str) else f"{level:.2f}" for level in levels]
    high = low + round(step * len(levels))
    return f"{day}, {time}, {low}, {high}, {step:.2f}, 512, {', '.join([*texts, texts[-1]])}\n"


def hackrf_line(time: str, low: int, levels: list[float]) -> str:
    texts = ", ".join(f"{level:.2f}" for level in levels)
    return f"2019-07-08, {time}, {low}, {low + 5_000_000}, {5e6 / len(levels):.2f}, {4 * len(levels)}, {texts}\n"


def open_all(path: Path, content: str | bytes) -> list[CsvSource]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    sources = open_captures([path], OPTIONS)
    assert all(isinstance(source, CsvSource) for source in sources)
    return sources  # type: ignore[return-value]


def open_one(folder: Path, content: str | bytes, name: str = "a.csv") -> tuple[CsvSource, list[SweepRow]]:
    (source,) = open_all(folder / name, content)
    return source, list(source.rows())


def test_rtl_power_bins_and_levels(tmp_path: Path) -> None:
    content = rtl_line("18:45:24", 90_000, [-6.62, 7.07, -4.51, -1.49]) + rtl_line("18:45:24", 94_000, [1, 2, 3, -4])
    source, (row,) = open_one(tmp_path, content)
    assert source.instrument.driver == "rtl_power"
    assert source.instrument.antenna == "whip"
    assert source.layout.freq_hz.tolist() == [90_000 + 1000 * index for index in range(8)]
    assert (source.layout.bin_width_hz, source.layout.n_hops, source.layout.hop_bins) == (1000.0, 1, 8)
    assert source.layout.n_averages is None
    assert row.mean.tolist() == [-662, 707, -451, -149, 100, 200, 300, -400]
    assert row.mean.dtype == np.int16
    assert row.max_hold is None
    assert (row.utc_ns, row.monotonic_ns, row.sequence) == (parse_utc("2020-03-27T18:45:24Z"), 0, 0)
    assert (row.hop_flags.tolist(), row.hop_dropped_samples.tolist()) == ([HOP_MEASURED], [0])
    assert np.isnan([row.hop_gain_db, row.hop_clip_fraction, row.hop_rms_dbfs]).all()


def test_one_bin_of_rtl_power_is_the_power_of_its_whole_band(tmp_path: Path) -> None:
    content = rtl_line("23:46:32", 24_000_000, [-17.42], 1e6) + rtl_line("23:46:32", 25_000_000, [-17.43], 1e6)
    source, (row,) = open_one(tmp_path, content)
    assert source.layout.freq_hz.tolist() == [24_500_000, 25_500_000]
    assert row.mean.tolist() == [-1742, -1743]


def test_cropped_rtl_power_is_centred_on_what_it_tuned_to(tmp_path: Path) -> None:
    """1024 bins cropped by 20 %: edges for 409 bins, but 410 are written (rtl_power.c rounds both ways)."""
    levels = ", ".join(["-30.0"] * 411)
    source, _ = open_one(tmp_path, f"2020-04-01, 20:15:40, 90001563, 92131769, 5208.33, 384, {levels}\n")
    freq_hz = source.layout.freq_hz
    assert freq_hz.size == 410
    assert freq_hz[205] == (90001563 + 92131769) / 2  # the middle bin is the tuned frequency
    assert freq_hz[0] < 90001563


def test_shared_edge_bins_are_taken_once(tmp_path: Path) -> None:
    levels = ", ".join(["-30.0"] * 6)
    lines = [f"2020-04-01, 20:15:40, {low}, {low + 4000}, 1000.00, 384, {levels}\n" for low in (100_000, 104_000)]
    source, (row,) = open_one(tmp_path, "".join(lines))
    assert np.diff(source.layout.freq_hz).min() == 1000
    assert source.layout.n_bins == row.mean.size == 9
    assert "1 edge bins" in source.layout.notes[0]


def test_hackrf_sweep_is_sorted_and_tiled(tmp_path: Path) -> None:
    lows = [2_300_000_000, 2_310_000_000, 2_305_000_000, 2_315_000_000]
    lines = [hackrf_line(f"13:22:53.{count}32179", low, [-50.0 - count] * 50) for count, low in enumerate(lows)]
    again = [hackrf_line("13:22:54.5", low, [-70.0] * 50) for low in lows[1:]]  # the first line of a pass is missing
    source, rows = open_one(tmp_path, "".join(lines + again))
    assert source.instrument.driver == "hackrf_sweep"
    assert source.layout.freq_hz[0] == 2_300_050_000
    assert np.allclose(np.diff(source.layout.freq_hz), 100_000)
    assert rows[0].mean[::50].tolist() == [-5000, -5200, -5100, -5300]
    assert rows[1].mean[::50].tolist() == [FILL, -7000, -7000, -7000]
    assert rows[0].utc_ns == parse_utc("2019-07-08T13:22:53.032179Z")


def test_what_was_not_measured_is_fill(tmp_path: Path) -> None:
    content = (
        rtl_line("18:00:00", 90_000, [-1, "-inf", "nan", -4])
        + rtl_line("18:00:10", 90_000, [-1] * 4)
        + rtl_line("18:00:10", 94_000, [-2] * 4)
        + rtl_line("18:00:20", 94_000, [-3] * 4)
    )
    source, rows = open_one(tmp_path, content)
    assert rows[0].mean.tolist() == [-100, FILL, FILL, -400] + [FILL] * 4
    assert rows[1].mean.tolist() == [-100] * 4 + [-200] * 4
    assert rows[2].mean.tolist() == [FILL] * 4 + [-300] * 4
    assert any(note.startswith("2 levels were") for note in source.instrument.notes)
    assert [row.monotonic_ns for row in rows] == [0, 10_000_000_000, 20_000_000_000]


def test_the_same_second_may_hold_two_passes(tmp_path: Path) -> None:
    content = "".join(rtl_line("18:00:00", low, [-1] * 4) for low in (90_000, 94_000, 90_000, 94_000))
    assert len(open_one(tmp_path, content)[1]) == 2


def test_pauses_divide_visits_within_and_between_files(tmp_path: Path) -> None:
    times = ["18:00:00", "18:30:00", "19:00:01", "19:00:02"]
    sources = open_all(tmp_path / "a.csv", "".join(rtl_line(time, 90_000, [-1] * 4) for time in times))
    assert [len(list(source.rows())) for source in sources] == [2, 2]
    assert [source.utc_ns for source in sources] == sorted(source.utc_ns for source in sources)
    (tmp_path / "b.csv").write_text(rtl_line("18:15:00", 90_000, [-2] * 4))
    (tmp_path / "c.csv").write_text(rtl_line("18:15:00", 50_000, [-2] * 4))
    opened = open_captures([tmp_path / name for name in ("a.csv", "b.csv", "c.csv")], OPTIONS)
    rows = [[row.mean[0] for row in source.rows()] for source in opened if isinstance(source, CsvSource)]
    assert sorted(rows) == [[-200], [-100, -100], [-100, -100, -200]] or sorted(rows) == sorted(
        [[-100, -100, -200], [-100, -100], [-200]]
    )
    numbers = [row.sequence for row in opened[0].rows()] if isinstance(opened[0], CsvSource) else []
    assert numbers == list(range(len(numbers)))


def test_a_clock_that_is_set_back_stands_still(tmp_path: Path) -> None:
    content = "".join(rtl_line(time, 90_000, [-1] * 4) for time in ("18:00:10", "18:00:05", "18:00:12"))
    _, rows = open_one(tmp_path, content)
    assert [row.monotonic_ns for row in rows] == [0, 0, 2_000_000_000]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_gzip_is_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    content = rtl_line("18:00:00", 90_000, [-1] * 4)
    assert open_one(tmp_path, gzip.compress(content.encode()), name)[1][0].mean.tolist() == [-100] * 4


def test_a_last_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    content = "".join(rtl_line(f"18:00:0{second}", 90_000, [-1] * 4) for second in range(3))
    assert len(open_one(tmp_path, content[:-20])[1]) == 2
    with pytest.raises(CaptureError, match="line 2 is not as"):
        open_one(tmp_path, content[:100] + "\n" + content[130:])


GOOD = rtl_line("18:00:00", 90_000, [-1] * 4)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("\n\n", "holds no line of rtl_power or hackrf_sweep"),
        ("571.0500,-77.2\n571.0625,-77.4\n", "line 1 is a pair of frequency and level, which is not supported"),
        ("freq,level\n", "line 1 is not as rtl_power or hackrf_sweep write it: 2 columns"),
        (GOOD + "\xff\xfe binary\n", "line 2 is not text"),
        (GOOD.replace("2020-03-27", "2020-13-27"), "its time '2020-13-27 18:00:00' is not one"),
        (GOOD.replace("2020-03-27", "1912-03-27"), "not between 1970 and 2262"),
        (GOOD.replace("90000", "99000"), "it covers 99000 to 94000 Hz"),
        (GOOD.replace("1000.00", "0"), "in steps of 0 Hz"),
        (GOOD.replace("1000.00", "nan"), "in steps of nan Hz"),
        (GOOD.replace("1000.00", "1e-300"), "steps of"),
        (GOOD.replace("94000", "940000"), "5 levels for 850 bins"),
        (GOOD + GOOD.replace("-1.00", "x", 1), "line 2 is not as"),
        (GOOD + GOOD.replace("-1.00", "411.5", 1), "line 2: level 411.5 dB in column 7 is impossible"),
        (GOOD + GOOD.replace("-1.00", "-327.68", 1), "line 2: level -327.68 dB"),
        (GOOD + GOOD.replace("-1.00", "inf", 1), "line 2: level inf dB"),
        (rtl_line("18:00:00", 90_000, [0.5 * n for n in range(40)]), "is an exact ramp of 0.5 dB a bin"),
        (GOOD + rtl_line("18:00:10", 91_000, [-1] * 4), "line 2: its bins .* do not fit those of the other lines"),
        (GOOD + rtl_line("18:00:10", 94_000, [-1] * 8, 500), "line 2: its bins .* do not fit"),
        ("x" * (5 << 20), "line 1 is longer than 4194304 bytes"),
    ],
)
def test_what_is_no_sweep_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(CaptureError, match=reason) as caught:
        open_one(tmp_path, content.encode("latin-1"))
    assert f"{tmp_path / 'a.csv'}: " in str(caught.value)
    assert str(caught.value).isprintable()


def test_damaged_gzip_names_the_line(tmp_path: Path) -> None:
    content = gzip.compress("".join(rtl_line(f"18:{m:02}:00", 90_000, [-m] * 400) for m in range(60)).encode())
    with pytest.raises(CaptureError, match=r"a\.csv\.gz: its gzip data is damaged or cut after line \d+ "):
        open_one(tmp_path, content[:-100], "a.csv.gz")
    middle = len(content) // 2
    with pytest.raises(CaptureError, match=r"a\.csv\.gz: "):
        open_one(tmp_path, content[:middle] + bytes(20) + content[middle + 20 :], "a.csv.gz")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    line = rtl_line("18:00:00", 90_000, [-1.25] * 400)
    content = "".join(line.replace("18:00:00", f"18:{m // 60:02}:{m % 60:02}") for m in range(300))
    (tmp_path / "a.csv").write_text(content)
    tracemalloc.start()
    (source,) = open_captures([tmp_path / "a.csv"], OPTIONS)
    assert isinstance(source, CsvSource)
    assert sum(1 for _ in source.rows()) == 300
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < len(content) / 3


_LINES = (
    rtl_line("18:00:00", 90_000, [-1, -2, -3, -4])
    + rtl_line("18:00:00", 94_000, [-1] * 4)
    + rtl_line("18:00:10", 90_000, [-1] * 4)
).encode()


@given(
    changes=st.lists(st.tuples(st.integers(0, len(_LINES) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    zipped=st.booleans(),
    data=st.data(),
)
@settings(deadline=None, max_examples=150)
def test_damaged_files_are_read_or_refused(changes: list[tuple[int, int]], zipped: bool, data: st.DataObject) -> None:
    content = bytearray(gzip.compress(_LINES)) if zipped else bytearray(_LINES)
    for at, value in changes:
        content[at % len(content)] = value
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.csv"
        path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
        try:
            for source in open_captures([path], OPTIONS):
                assert isinstance(source, CsvSource)
                assert all(row.mean.size == source.layout.n_bins for row in source.rows())
        except CaptureError as error:
            assert str(error).isprintable()
