"""Figures: what they draw, how big they are, and that they leave matplotlib as it was."""

from __future__ import annotations

import itertools
import re
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from report_records import BUGS_HZ, document, finding, make_record

from dsp.errors import ParameterError
from reports.content import ReportContent, from_record, waterfall_within
from reports.figures.closeups import finding_figure
from reports.figures.overviews import save_plot, spectrum_figure, sweep_figure, waterfall_figure
from reports.figures.style import EXERCISE_STRIP, UNMEASURED, figure_bytes, svg_text
from sweep.plan import plan_hops
from sweep.record import Waterfall


@pytest.fixture
def content(tmp_path: Path) -> ReportContent:
    with make_record(tmp_path) as record:
        return from_record(record)


def texts(figure: Figure) -> str:
    figure.canvas.draw()
    return "\n".join(
        artist.get_text() for artist in figure.findobj(lambda artist: hasattr(artist, "get_text")) if artist.get_text()
    )


def wide(content: ReportContent) -> ReportContent:
    """The same findings on the whole band of a dongle, 697,344 bins."""
    layout = plan_hops(((24_000_000, 1_766_000_000),)).layout()
    rng = np.random.default_rng(1)
    level = rng.normal(-80, 0.6, layout.n_bins).astype(np.float32)
    return replace(
        content,
        layout=layout,
        mean_dbfs=level,
        max_dbfs=level + np.float32(9),
        noise_floor_dbfs=np.full(layout.n_bins, -80, np.float32),
        baseline_dbfs=np.full(layout.n_bins, -80, np.float32),
        waterfall=Waterfall(level[None, ::349].copy(), np.zeros(1), layout.freq_hz[::349]),
    )


def test_spectrum_names_findings_and_units(content: ReportContent) -> None:
    shown = texts(spectrum_figure(content))
    assert "F1  100.600" in shown
    assert "F2  433.920" in shown
    assert "Frequency (MHz)" in shown
    assert "Level (dBFS)" in shown
    assert "baseline" in shown
    assert "finding, threat high" in shown


def test_disjoint_ranges_get_panels_of_their_own(content: ReportContent) -> None:
    axes = spectrum_figure(content).axes
    limits = [tuple(round(x, 3) for x in ax.get_xlim()) for ax in axes]
    assert limits == [(99.999, 101.919), (432.999, 434.919)]
    assert axes[0].get_ylim() == axes[1].get_ylim()


def test_every_panel_has_a_scale(content: ReportContent) -> None:
    for figure in (spectrum_figure(content), waterfall_figure(content), spectrum_figure(wide(content))):
        for axes in figure.axes[:2]:
            assert 2 <= len(axes.get_xticks()) <= 12


def test_the_peak_of_a_finding_is_drawn_at_its_level(content: ReportContent) -> None:
    k = int(np.searchsorted(content.layout.freq_hz, BUGS_HZ[0]))
    tops = [np.nanmax(line.get_ydata()) for line in spectrum_figure(content).axes[0].lines]
    assert any(abs(float(top) - float(content.mean_dbfs[k])) < 1e-4 for top in tops)


def test_without_a_baseline_none_is_named(tmp_path: Path) -> None:
    with make_record(tmp_path, document(baseline=None), baseline=False) as record:
        assert "baseline" not in texts(spectrum_figure(from_record(record)))


def test_waterfall_has_units_and_colour_bar(content: ReportContent) -> None:
    shown = texts(waterfall_figure(content))
    assert "Time since start (s)" in shown
    assert "Level (dBFS)" in shown


def test_a_single_pass_has_no_invented_duration(tmp_path: Path) -> None:
    with make_record(tmp_path, n_rows=1) as record:
        content = from_record(record)
    shown = texts(waterfall_figure(content))
    assert "One pass" in shown
    assert "Time since start" not in shown
    assert len(finding_figure(content, content.findings[0]).axes) == 1


def test_finding_figure_shows_bandwidth_and_track(content: ReportContent) -> None:
    near, track = finding_figure(content, content.findings[0]).axes
    assert near.get_xlim()[0] < 100.6 < near.get_xlim()[1]
    levels = track.lines[1].get_ydata()
    assert np.asarray(levels).shape == (4,)
    assert levels[1] - levels[0] == pytest.approx(20, abs=6)


def test_exercise_is_on_every_figure(content: ReportContent) -> None:
    exercise = replace(content, start={**content.start, "synthetic": True})
    for figure in (
        spectrum_figure(exercise),
        waterfall_figure(exercise),
        sweep_figure(exercise),
        finding_figure(exercise, exercise.findings[0]),
    ):
        assert EXERCISE_STRIP in texts(figure)
    assert EXERCISE_STRIP not in texts(sweep_figure(content))


def test_the_whole_band_stays_small(content: ReportContent) -> None:
    svg = svg_text(spectrum_figure(wide(content)), "a")
    assert len(svg) < 300_000


def test_svg_is_reproducible_and_self_contained(content: ReportContent) -> None:
    one, other = (svg_text(spectrum_figure(content), "a") for _ in range(2))
    assert one == other
    assert all(name.startswith("a-") for name in re.findall(r'\bid="([^"]+)"', one))
    targets = re.findall(r'href="(#?)', one) + re.findall(r"url\((#?)", one)
    assert targets
    assert all(target == "#" for target in targets)
    assert "<script" not in one
    assert "<!--" not in one


def test_many_findings_get_markers_and_as_many_names_as_fit(content: ReportContent) -> None:
    crowd = [finding(f"F{k}", 100_100_000 + 20_000 * k, "medium") for k in range(1, 70)]
    figure = spectrum_figure(replace(content, document={**content.document, "findings": crowd}))
    assert "more marked without a name" in texts(figure)
    assert figure.get_figheight() < 6
    markers = [line for line in figure.axes[0].lines if line.get_marker() == "^"]
    assert len(markers) == 69


def test_many_ranges_are_wrapped(content: ReportContent) -> None:
    layout = plan_hops(tuple((k * 100_000_000, k * 100_000_000 + 1_000_000) for k in range(1, 12))).layout()
    level = np.full(layout.n_bins, -80, np.float32)
    many = replace(
        content,
        layout=layout,
        mean_dbfs=level,
        max_dbfs=None,
        noise_floor_dbfs=level,
        baseline_dbfs=None,
        document={**content.document, "findings": []},
        waterfall=Waterfall(level[None, :], np.zeros(1), layout.freq_hz),
    )
    assert len(spectrum_figure(many).axes) == 11
    assert figure_bytes(sweep_figure(many), "png")[:4] == b"\x89PNG"


def test_nothing_measured_can_be_drawn(content: ReportContent) -> None:
    none = np.full(content.layout.n_bins, np.nan, np.float32)
    empty = replace(content, mean_dbfs=none, max_dbfs=none, noise_floor_dbfs=none, baseline_dbfs=None)
    for figure in (spectrum_figure(empty), finding_figure(empty, empty.findings[0])):
        assert figure_bytes(figure, "png")


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_save_plot_writes_by_the_ending(tmp_path: Path, name: str, start: bytes) -> None:
    with make_record(tmp_path) as record:
        save_plot(record, tmp_path / name)
        first = (tmp_path / name).read_bytes()
        save_plot(record, tmp_path / name)
    assert first.startswith(start)
    assert (tmp_path / name).read_bytes() == first


def test_save_plot_of_a_range_reads_the_waterfall_anew(tmp_path: Path) -> None:
    range_hz = (433_500_000, 434_300_000)
    with make_record(tmp_path) as record:
        save_plot(record, tmp_path / "a.png", range_hz)
        fall = waterfall_within(record, range_hz)
    assert fall.level_dbfs.shape == (4, 320)
    assert range_hz[0] <= fall.freq_hz[0] < fall.freq_hz[-1] < range_hz[1]
    loudest = fall.freq_hz[np.nanargmax(fall.level_dbfs[2])]
    assert abs(loudest - BUGS_HZ[1]) < 2500


def test_save_plot_says_what_is_wrong(tmp_path: Path) -> None:
    with make_record(tmp_path) as record:
        with pytest.raises(ParameterError, match=r"holds nothing within 500 MHz to 600 MHz.*100 MHz to 434"):
            save_plot(record, tmp_path / "a.png", (500_000_000, 600_000_000))
        with pytest.raises(ParameterError, match=r"a\.bmp: a plot is written as"):
            save_plot(record, tmp_path / "a.bmp")
        with pytest.raises(ParameterError, match="does not exist"):
            save_plot(record, tmp_path / "no" / "a.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sweep.h5"]


def test_a_record_without_a_pass_is_refused_in_one_line(tmp_path: Path) -> None:
    with make_record(tmp_path, n_rows=0) as record, pytest.raises(ParameterError, match="no pass was recorded"):
        save_plot(record, tmp_path / "a.png")


def lines(figure: Figure) -> list[float]:
    """Highest level of each line that is drawn."""
    drawn = [np.asarray(line.get_ydata(), float) for axes in figure.axes for line in axes.get_lines()]
    return [float(np.nanmax(level)) for level in drawn if level.size > 2 and np.isfinite(level).any()]


def test_an_overview_leaves_the_receivers_own_signals_out(content: ReportContent) -> None:
    whole = wide(content)
    loud = whole.mean_dbfs.copy()
    loud[whole.layout.hop_bins // 2 :: whole.layout.hop_bins] = -20.0
    whole = replace(whole, mean_dbfs=loud, max_dbfs=None, document=document(findings=[]))
    overview = spectrum_figure(whole)
    assert max(lines(overview)) < -60
    assert "(middles of hops left out)" in texts(overview)
    near = spectrum_figure(whole, (433e6, 440e6))
    assert max(lines(near)) == -20
    assert "left out" not in texts(near)
    center_hz = int(whole.layout.freq_hz[whole.layout.hop_bins // 2])
    listed = replace(whole, document=document(findings=[finding("F1", center_hz, "low")]))
    assert max(lines(spectrum_figure(listed))) == -20


def test_what_was_not_measured_is_shaded_and_named(content: ReportContent) -> None:
    assert "not measured" not in texts(spectrum_figure(content))
    lost = content.mean_dbfs.copy()
    lost[:200] = np.nan
    figure = spectrum_figure(replace(content, mean_dbfs=lost))
    assert "not measured" in texts(figure)
    shades = [patch for patch in figure.axes[0].patches if patch.get_facecolor()[:3] == mpl.colors.to_rgb(UNMEASURED)]
    assert len(shades) == 1


def test_ticks_of_a_narrow_panel_keep_apart(content: ReportContent) -> None:
    ranges = ((88, 108), (165, 170), (415, 440), (863, 870), (900, 907))
    layout = plan_hops(tuple((low * 1_000_000, high * 1_000_000) for low, high in ranges)).layout()
    level = np.full(layout.n_bins, -80, np.float32)
    figure = spectrum_figure(
        replace(content, layout=layout, mean_dbfs=level, max_dbfs=None, noise_floor_dbfs=level, baseline_dbfs=None)
    )
    figure.canvas.draw()
    for axes in figure.axes[: len(ranges)]:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        gaps = [right.x0 - left.x1 for left, right in itertools.pairwise(boxes)]
        assert all(gap > 4 for gap in gaps), [label.get_text() for label in axes.get_xticklabels()]


def test_hostile_room_names_are_drawn_as_text(content: ReportContent) -> None:
    hostile = replace(content, start={**content.start, "room": "$\\frac{1}$ <b> 会議 \x00"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "$\\frac{1}$ <b> □□ □" in texts(sweep_figure(hostile))


def test_settings_of_matplotlib_are_left_alone(content: ReportContent) -> None:
    with mpl.rc_context({"font.size": 31.0, "axes.facecolor": "red"}):
        strange = figure_bytes(spectrum_figure(content), "png")
        assert mpl.rcParams["font.size"] == 31.0
    assert strange == figure_bytes(spectrum_figure(content), "png")
