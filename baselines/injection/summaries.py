"""Emitters put into the summary of a visit, frame by frame, in the mean and largest powers that were received."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from baselines.injection.signals import Kind, frames_of, half_width
from baselines.summary import VisitSummary
from dsp.burst_boxes import BURST_WIDTHS, box_count, largest_boxes
from dsp.statistics import to_linear
from sweep.stored_hop import to_centidecibels

__all__ = ["Bug", "inject", "window_of"]

_ALL_DWELLS, _SOME_DWELLS = 4, 2
"""Up to four dwells of a group are worked out frame by frame; of more two are, and the others keep what they had."""

_GRID_BINS = BURST_WIDTHS[0] // 2
_NARROW_BOXES = ("burst_8", "burst_8x4")
_LEAST_LEFT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bug:
    """An emitter to inject.

    Attributes
    ----------
    kind : Kind
    bin : int
        Of the row, that holds its carrier.
    offset_bins : float
    power_dbfs : float
        While it is on.
    dwells : ndarray of int64, shape (G,)
        In how many of the passes of each group it is on.
    """

    kind: Kind
    bin: int
    offset_bins: float
    power_dbfs: float
    dwells: NDArray[np.int64]


def window_of(kind: Kind, center: int, summary: VisitSummary) -> slice | None:
    """Bins that an emitter changes, on the grid of the burst boxes; None where they reach over the edge of its hop."""
    layout = summary.layout
    half = half_width(kind, layout.bin_width_hz)
    hop, at = divmod(center, layout.hop_bins)
    start = (at - half) // _GRID_BINS * _GRID_BINS
    stop = max(-(-(at + half + 1) // _GRID_BINS) * _GRID_BINS, start + 2 * _GRID_BINS)
    if start < 0 or stop > layout.hop_bins:
        return None
    return slice(hop * layout.hop_bins + start, hop * layout.hop_bins + stop)


def inject(summary: VisitSummary, bugs: Sequence[Bug], rng: np.random.Generator) -> VisitSummary:
    """Put emitters into a visit; those whose window is cut by the edge of a hop are left out.

    Parameters
    ----------
    summary : VisitSummary
        Of samples, with the largest frames; it is not changed.
    bugs : sequence of Bug
        Far enough apart that no two share a bin.
    rng : Generator

    Notes
    -----
    A frame that holds noise ``n`` and an emitter ``s`` has the power ``|n + s|^2``. The frames of the visit are gone;
    complex normal ones are drawn, correlated from bin to bin as a Hann window does it, and scaled to have the mean and,
    where all dwells of a group are worked out, the largest frame that were received. The mean of a group rises by the
    power of the emitter and by the mean of the products, which averages out over the dwells.
    """
    changed = replace(
        summary,
        mean=summary.mean.copy(),
        max_hold=None if summary.max_hold is None else summary.max_hold.copy(),
        burst_1=None if summary.burst_1 is None else summary.burst_1.copy(),
        bursts={name: values.copy() for name, values in summary.bursts.items()},
    )
    for bug in bugs:
        window = window_of(bug.kind, bug.bin, summary)
        if window is not None:
            for group in np.flatnonzero(bug.dwells):
                _inject_group(summary, changed, bug, (int(group), window), rng)
    return changed


def _inject_group(
    summary: VisitSummary, changed: VisitSummary, bug: Bug, at: tuple[int, slice], rng: np.random.Generator
) -> None:
    """Change the bins of one group of a summary that is ours to change."""
    group, window = at
    n_passes, n_on = int(summary.passes[group]), int(bug.dwells[group])
    n_drawn = n_on if n_on <= _ALL_DWELLS else _SOME_DWELLS
    whole = n_drawn == n_passes
    mean = summary.mean[group, window].astype(np.float64)
    held = None if summary.max_hold is None else to_linear(summary.max_hold[group, window])
    noise = _noise(mean, held, n_drawn, int(summary.layout.n_averages or 0), rng, whole=whole)
    signal = _signal(bug, window, summary, n_drawn, rng)
    power = np.square((noise + signal).view(np.float32)).reshape(*noise.shape, 2).sum(axis=-1)
    before = np.mean(np.square(np.abs(noise)), axis=(0, 1), dtype=np.float64)
    alone = np.mean(np.square(np.abs(signal)), axis=(0, 1), dtype=np.float64)
    products = np.mean(power, axis=(0, 1), dtype=np.float64) - before - alone
    risen = mean + n_on / n_passes * (alone + products * np.sqrt(n_drawn / n_on))
    changed.mean[group, window] = np.maximum(risen, _LEAST_LEFT * mean)
    if changed.max_hold is None or changed.burst_1 is None:
        return
    relative = power / np.maximum(power.mean(axis=1, keepdims=True), np.float32(1e-30))
    _put(changed.max_hold, group, window, power.max(axis=(0, 1)), whole=whole)
    _put(changed.burst_1, group, window, relative.max(axis=(0, 1)), whole=whole)
    _put_boxes(changed, group, window, relative, whole=whole)


def _noise(
    mean: NDArray[np.float64],
    held: NDArray[np.float32] | None,
    n_dwells: int,
    n_frames: int,
    rng: np.random.Generator,
    *,
    whole: bool,
) -> NDArray[np.complex64]:
    """Frames as they may have been, shape (n_dwells, n_frames, n_bins), with this mean and these largest powers."""
    drawn = rng.standard_normal((n_dwells, n_frames, mean.size + 2, 2), dtype=np.float32).view(np.complex64)[..., 0]
    frames = 2 * drawn[..., 1:-1] - drawn[..., :-2] - drawn[..., 2:]
    power = np.square(np.abs(frames))
    frames *= np.sqrt(mean / np.mean(power, axis=(0, 1), dtype=np.float64)).astype(np.float32)
    if held is None:
        return frames
    power = np.maximum(np.square(np.abs(frames)), np.float32(1e-30))
    factor = np.minimum(1.0, np.sqrt(held / power))
    if whole:
        top = power.reshape(-1, mean.size).argmax(axis=0)
        columns = np.arange(mean.size)
        factor.reshape(-1, mean.size)[top, columns] = np.sqrt(held / power.reshape(-1, mean.size)[top, columns])
    return np.asarray(frames * factor, np.complex64)


def _signal(
    bug: Bug, window: slice, summary: VisitSummary, n_dwells: int, rng: np.random.Generator
) -> NDArray[np.complex64]:
    frames = frames_of(bug.kind, summary.layout, bug.offset_bins, n_dwells, rng)
    first = bug.bin - window.start - frames.shape[2] // 2
    signal = np.zeros((n_dwells, frames.shape[1], window.stop - window.start), np.complex64)
    signal[:, :, first : first + frames.shape[2]] = np.float32(10 ** (bug.power_dbfs / 20)) * frames
    return signal


def _put(stored: NDArray[np.int16], group: int, at: slice, values: NDArray[np.floating], *, whole: bool) -> None:
    """Store powers as hundredths of a dB; where other dwells are left, the larger of both."""
    encoded = to_centidecibels(values.astype(np.float32))
    stored[group, at] = encoded if whole else np.maximum(stored[group, at], encoded)


def _put_boxes(changed: VisitSummary, group: int, window: slice, relative: NDArray[np.float32], *, whole: bool) -> None:
    """Burst boxes within the window; wider ones hold too little of a narrow emitter, and keep what they had."""
    layout = changed.layout
    hop, at = divmod(window.start, layout.hop_bins)
    largest = [largest_boxes(dwell)[0] for dwell in relative]
    first = hop * box_count(layout.hop_bins, BURST_WIDTHS[0]) + at // _GRID_BINS
    for name, index in zip(_NARROW_BOXES, (0, 1), strict=True):
        values = np.fmax.reduce([boxes[index] for boxes in largest])
        if name in changed.bursts and np.isfinite(values).all():
            _put(changed.bursts[name], group, slice(first, first + values.size), values, whole=whole)
