"""Colours of figures as the colour-blind see them, and as a grey printer prints them."""

from __future__ import annotations

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from figure_contents import full_content

from reports.figures import style
from reports.figures.overviews import spectrum_figure

VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
    "grey": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}
"""Machado, Oliveira and Fernandes, A physiologically-based model for simulation of color vision deficiency (2009), at
full severity, on linear RGB; the last one makes it grey (Rec. 709)."""

TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
TOLD_APART, TOLD_APART_GREY = 14.0, 7.0
"""In CIELAB; 2.3 is what can just be seen of two colours side by side."""

LINES = {name: getattr(style, name) for name in ("SWEEP", "PEAK", "BASELINE", "INK", "GAP")}
AREAS = {name: getattr(style, name) for name in ("TOLERATED", "BASELINE", "PEAK", "SWEEP")}
SHAPED = {"threats": tuple(style.THREAT.values()), "places": (*style.CATEGORIES, style.OUTSIDE)}


def lab(color: str, vision: str) -> np.ndarray:
    srgb = np.array(mpl.colors.to_rgb(color))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(VISION[vision] @ linear, 0, 1)
    x, y, z = np.cbrt(np.maximum(TO_XYZ @ seen / (0.9505, 1.0, 1.089), 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(one: str, other: str, vision: str) -> float:
    return float(np.linalg.norm(lab(one, vision) - lab(other, vision)))


def test_the_matrices_keep_grey_grey() -> None:
    for matrix in VISION.values():
        assert matrix.sum(axis=1) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("vision", [name for name in VISION if name != "grey"])
def test_lines_are_told_apart(vision: str) -> None:
    for (name, one), (other_name, other) in combinations(LINES.items(), 2):
        assert apart(one, other, vision) >= TOLD_APART, (name, other_name)


def test_areas_are_told_apart_in_grey() -> None:
    for (name, one), (other_name, other) in combinations(AREAS.items(), 2):
        assert apart(one, other, "grey") >= TOLD_APART_GREY, (name, other_name)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("group", SHAPED)
def test_marks_differ_in_shape_and_are_seen_on_white(group: str, vision: str) -> None:
    shapes = [marker for _, marker in SHAPED[group]]
    assert len(set(shapes)) == len(shapes)
    for color, _ in SHAPED[group]:
        assert apart(color, "white", vision) >= 2 * TOLD_APART, color


@pytest.mark.parametrize("vision", VISION)
def test_neighbouring_levels_of_the_waterfall_differ_in_one_direction(vision: str) -> None:
    """Viridis: the stronger the brighter, for everybody."""
    brightness = [lab(mpl.colors.to_hex(mpl.colormaps["viridis"](k / 20)), vision)[0] for k in range(21)]
    assert (np.diff(brightness) > 1).all()


def test_what_was_not_measured_is_hatched() -> None:
    figure = spectrum_figure(full_content())
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch()]
    assert len(hatched) == 1


def test_every_axis_has_a_unit() -> None:
    figure = spectrum_figure(full_content())
    assert "dBFS" in figure.axes[0].get_ylabel()
    assert "MHz" in "".join(text.get_text() for text in figure.texts)
