"""An emitter pass by pass: where it was heard, and for what share of each dwell it was on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.emitters import Emitter
from baselines.summary import BURST_BOXES
from dsp.statistics import to_linear
from sweep.plan import Layout
from sweep.row_blocks import RowBlock

__all__ = ["BurstBox", "Course", "box_of", "course_of", "ratios"]

_BOX_OF_WIDTH = (("burst_8x4", 10, 2.4, 1.6), ("burst_64", 320, 4.0, 3.0), ("burst_512", 1 << 30, 4.0, 3.0))
"""Feature for emitters of up to so many bins; the largest value that a continuous signal gives, as modulation moves
power about among the bins of a box; and what most dwells that hold nothing but signal stay under."""

FRAMES_OF_BOX = {"burst_8x4": 4, "burst_64": 1, "burst_512": 1}

_LEAST_FILLED = 0.5  # what a narrower emitter adds to the noise of a box tells too little
_FADED, _PARTLY_HEARD, _CLEAR_RATIO = 0.25, 0.05, 3.0
"""An emitter counts as heard down to 6 dB under its strongest pass: the floor is not known better. Where it stands
clear of its background, part of a dwell is enough."""

_SIGMAS = 3.0
_STRONGEST_FRAMES, _BURST_RATIO = 0.5, 6.0
_CREST = 1.3  # how far the strongest of the frames of a burst exceeds their mean
_PARTLY, _EDGES, _ALWAYS = 0.75, 0.08, 0.5
"""A burst that ends within a dwell leaves it weaker; so many of the dwells show such an end, or so many are keyed."""

_STRONG_PASSES = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """An emitter in each pass, shape (n_passes,) each.

    Attributes
    ----------
    power : ndarray of float64
        Linear mean power over the background; NaN where its band was not measured.
    hit : ndarray of bool
        Whether it was heard.
    share : ndarray of float64
        Share of the dwell in which it was on: 0 where it was not heard, NaN where not measured.
    short : bool
        Whether it goes on and off within dwells, and is on for less than one.
    """

    power: NDArray[np.float64]
    hit: NDArray[np.bool_]
    share: NDArray[np.float64]
    short: bool = False


@dataclass(frozen=True, slots=True)
class BurstBox:
    """The burst box that best covers an emitter.

    Its feature and number in a row, the largest value that a continuous signal gives, what a dwell full of signal
    stays under, and the share of the box that the emitter fills.
    """

    feature: str
    index: int
    limit: float
    whole: float
    filled: float


def box_of(layout: Layout, emitter: Emitter, start: int, stop: int) -> BurstBox | None:
    """Keying splatters: what a box has to cover is the width at -6 dB."""
    width = stop - start if emitter.width_6db_hz is None else max(1.0, emitter.width_6db_hz / layout.bin_width_hz)
    hop, center = divmod((start + stop) // 2, layout.hop_bins)
    chosen = None
    for feature, up_to, limit, whole in _BOX_OF_WIDTH:
        size = BURST_BOXES[feature]
        n_boxes = max(0, layout.hop_bins // (size // 2) - 1)
        if n_boxes == 0:
            break
        index = int(np.clip(round((center - size / 2) / (size // 2)), 0, n_boxes - 1))
        chosen = BurstBox(feature, hop * n_boxes + index, limit, whole, min(1.0, max(_LEAST_FILLED, width / size)))
        if width <= up_to:
            break
    return chosen


def ratios(block: RowBlock, boxes: Sequence[BurstBox | None]) -> NDArray[np.float32]:
    """Burst feature of each box in each row, linear, shape (n_rows, n_boxes); NaN where there is none."""
    result = np.full((len(block), len(boxes)), np.nan, np.float32)
    for position, box in enumerate(boxes):
        if box is not None and box.feature in block.arrays:
            result[:, position] = to_linear(np.ascontiguousarray(block.arrays[box.feature][:, box.index]))
    return result


def course_of(
    layout: Layout, emitter: Emitter, box: BurstBox | None, power: NDArray[np.float32], ratio: NDArray[np.float32]
) -> Course | None:
    """Where an emitter was heard.

    Parameters
    ----------
    layout : Layout
    emitter : Emitter
    box : BurstBox or None
        Its burst box.
    power : ndarray of float32, shape (n_passes,)
        Linear mean power in its band; NaN where not measured.
    ratio : ndarray of float32, shape (n_passes,)
        Of the burst box.

    Returns
    -------
    Course or None
        None where no pass was measured; else at least one pass is a hit.
    """
    known = np.isfinite(power)
    if not known.any():
        return None
    behind = emitter.background_power
    over = power[known].astype(np.float64) - behind
    strongest = _strongest_frames(over, behind, ratio[known], box)
    hit, keyed = _hits(layout, emitter, over, strongest)
    short = box is not None and bool(keyed.any()) and _is_short(over, ratio[known], hit, box)
    share = _shares(over, strongest, hit, keyed, short=short)
    return Course(
        power=_among(known, over, np.nan),
        hit=_among(known, hit.astype(np.float64), 0.0) > 0,
        share=_among(known, share, np.nan),
        short=short,
    )


def _among(known: NDArray[np.bool_], values: NDArray[np.float64], unknown: float) -> NDArray[np.float64]:
    result = np.full(known.size, unknown)
    result[known] = values
    return result


def _strongest_frames(
    over: NDArray[np.float64], behind: float, ratio: NDArray[np.float32], box: BurstBox | None
) -> NDArray[np.float64]:
    """Power over the background of the strongest frame of each pass; the mean where no keying shows.

    Bins of a box beside the emitter dilute the ratio: they hold noise, the mean of which is 1.
    """
    if box is None:
        return over
    known = np.nan_to_num(ratio.astype(np.float64), nan=0.0)
    undiluted = 1.0 + (known - 1.0) / box.filled
    return np.where(known > box.limit, undiluted * (over + behind) - behind, over)


def _hits(
    layout: Layout, emitter: Emitter, over: NDArray[np.float64], strongest: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Passes in which it was heard, and those of them in which it went on or off; at least one is heard."""
    behind, width = emitter.background_power, emitter.stop - emitter.start
    sigma = behind * np.sqrt(1.0 / ((layout.n_averages or 1) * max(1.0, width / layout.enbw_bins)))
    frames = strongest > over
    usual = float(np.median(strongest[frames])) if frames.any() else np.inf
    bursts = frames & (strongest > max(_STRONGEST_FRAMES * usual, _BURST_RATIO * behind))
    lasting = over > max(_FADED * float(over.max()), _SIGMAS * float(sigma))
    hit = lasting | bursts | (over > max(_PARTLY_HEARD * float(over.max()), _CLEAR_RATIO * behind))
    if not hit.any():
        hit = over == over.max()
    partly = hit & frames & (over < _PARTLY * float(over.max()))
    counts = [np.count_nonzero(flags) for flags in (partly, hit & frames, hit)]
    if counts[0] >= max(1, _EDGES * counts[2]) or counts[1] >= _ALWAYS * counts[2]:
        return hit, hit & frames
    return hit, np.zeros_like(hit)


def _is_short(over: NDArray[np.float64], ratio: NDArray[np.float32], hit: NDArray[np.bool_], box: BurstBox) -> bool:
    """Whether even the dwells with the most of it are not full of it."""
    most = hit & (over >= float(np.quantile(over[hit], _STRONG_PASSES)))
    return bool(np.quantile(ratio[most], 0.25) >= box.whole)


def _shares(
    over: NDArray[np.float64],
    strongest: NDArray[np.float64],
    hit: NDArray[np.bool_],
    keyed: NDArray[np.bool_],
    *,
    short: bool,
) -> NDArray[np.float64]:
    """Share of each dwell in which the emitter was on."""
    if not keyed.any():
        return hit.astype(np.float64)
    level = float(np.quantile(over[hit], _STRONG_PASSES))
    if short:
        level = max(level, float(np.median(strongest[keyed])) / _CREST)
    if level <= 0:  # it fell below its background: nothing to take a share of
        return hit.astype(np.float64)
    return np.where(hit, np.clip(over / level, 0.0, 1.0), 0.0)
