"""Figures held against small pictures of themselves: with a tolerance that other fonts' rasters pass, and nothing else.

Where a figure is meant to change: ``python tests/golden/make.py``, look at the pictures, and commit them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from figure_contents import FIGURES, full_content
from golden.make import picture
from matplotlib.image import imread

from reports.content import ReportContent
from reports.figures import style

GOLDEN = Path(__file__).parent / "golden"
BLOCK, BLOCK_LEVEL, BLOCKS, WHOLE = 5, 0.1, 0.012, 0.0035
"""Blocks of so many pixels may differ by so much, so many of them by more, and all by so much in the mean."""


@cache
def content() -> ReportContent:
    return full_content()


def drawn(name: str, shown: ReportContent) -> np.ndarray:
    figure = FIGURES[name](shown)
    assert figure is not None
    return picture(figure)


def blocks(image: np.ndarray) -> np.ndarray:
    height, width = (size // BLOCK * BLOCK for size in image.shape[:2])
    return image[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK, 3).mean(axis=(1, 3))


def difference(one: np.ndarray, other: np.ndarray) -> str | None:
    """What tells two pictures apart; None where nothing does."""
    if one.shape != other.shape:
        return f"sizes {one.shape[:2]} and {other.shape[:2]}"
    away = np.abs(blocks(one) - blocks(other)).max(axis=2)
    share, mean = float(np.mean(away > BLOCK_LEVEL)), float(away.mean())
    return f"{100 * share:.2f} % of the blocks, {mean:.4f} in the mean" if share > BLOCKS or mean > WHOLE else None


def golden(name: str) -> np.ndarray:
    return np.asarray(imread(GOLDEN / f"{name}.png")[:, :, :3], np.float64)


@pytest.mark.parametrize("name", FIGURES)
def test_the_figure_is_as_it_was(name: str) -> None:
    assert difference(drawn(name, content()), golden(name)) is None


@pytest.mark.parametrize("name", ["spectrum", "timeline", "history"])
def test_other_rasters_of_the_font_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand for other versions of FreeType and matplotlib."""
    monkeypatch.setitem(style._SETTINGS, "text.hinting", "none")
    assert difference(drawn(name, content()), golden(name)) is None


def moved(shown: ReportContent) -> ReportContent:
    """The mean 3 dB higher."""
    return replace(shown, mean_dbfs=shown.mean_dbfs + np.float32(3))


def unmarked(shown: ReportContent) -> ReportContent:
    """One finding less."""
    return replace(shown, document={**shown.document, "findings": shown.document["findings"][1:]})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("spectrum", moved),
        ("difference", moved),
        ("positions", unmarked),
        ("timeline", unmarked),
        ("waterfall", lambda shown: replace(shown, stays=shown.stays[:2])),
        ("camp", lambda shown: replace(shown, stays=shown.stays[:3])),
        ("finding", moved),
    ],
)
def test_a_line_that_moved_is_seen(name: str, change: Callable[[ReportContent], ReportContent]) -> None:
    assert difference(drawn(name, change(content())), golden(name)) is not None
