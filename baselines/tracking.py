"""Following emitters over the passes of a visit: hits, duty cycle, first and last seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.emitters import Emitter
from baselines.summary import BURST_BOXES
from dsp.statistics import to_linear
from sweep.model import SweepRow
from sweep.plan import Layout

__all__ = ["NEVER_HEARD", "Followed", "Track", "follow"]

_STEADY_VARIATION = 0.35
_BOX_OF_WIDTH = (("burst_8", 10, 2.6), ("burst_64", 80, 4.0), ("burst_512", 1 << 30, 4.0))
"""Feature for emitters of up to so many bins, and the largest value that a continuous signal gives: modulation moves
power about among the bins of a wide box; keying does more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One emitter over the passes.

    ``duty_cycle`` is the share of the time that it was on while it was looked at, None when never caught on;
    ``hits`` counts passes; ``strongest_power`` is the linear mean over the pass in which it was strongest, over its
    background.
    """

    hits: int
    duty_cycle: float | None
    first_utc_ns: int | None
    last_utc_ns: int | None
    strongest_power: float | None


Followed = tuple[Emitter, Track]
"""An emitter and what following it over the passes gave."""

NEVER_HEARD = Track(hits=0, duty_cycle=None, first_utc_ns=None, last_utc_ns=None, strongest_power=None)
"""Of an emitter that no pass shows."""


def follow(
    layout: Layout,
    rows: Iterable[SweepRow],
    emitters: Sequence[Emitter],
) -> list[Track]:
    """Read the rows once more and look at the band of each emitter.

    Parameters
    ----------
    layout : Layout
    rows : iterable of SweepRow
    emitters : sequence of Emitter

    Returns
    -------
    list of Track
        One for each emitter. Memory does not grow with the number of rows but for 12 bytes an emitter and row.
    """
    if not emitters:
        return []
    start = np.array([emitter.start for emitter in emitters])
    stop = np.array([emitter.stop for emitter in emitters])
    boxes = [_box_index(layout, emitter) for emitter in emitters]
    hops = start // layout.hop_bins if layout.n_hops > 1 else np.zeros(len(start), np.int64)
    power: list[NDArray[np.float32]] = []
    ratio: list[NDArray[np.float32]] = []
    times: list[NDArray[np.int64]] = []
    for row in rows:
        mean = to_linear(row.mean)
        total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(mean), dtype=np.float64)])
        in_band = (total[stop] - total[start]) / layout.enbw_bins
        in_band[np.isnan(mean[start])] = np.nan
        power.append(in_band.astype(np.float32))
        ratio.append(_ratios(row, boxes))
        times.append(row.hop_utc_ns[hops])
    powers, ratios, when = np.array(power), np.array(ratio), np.array(times)
    return [
        _track(layout, emitter, powers[:, index], ratios[:, index], when[:, index])
        for index, emitter in enumerate(emitters)
    ]


def _box_index(layout: Layout, emitter: Emitter) -> tuple[str, int, float] | None:
    """Burst box that best covers the emitter: feature, index, and its largest value for a continuous signal."""
    width = emitter.stop - emitter.start
    hop, center = divmod((emitter.start + emitter.stop) // 2, layout.hop_bins)
    chosen = None
    for feature, up_to, limit in _BOX_OF_WIDTH:
        size = BURST_BOXES[feature]
        n_boxes = max(0, layout.hop_bins // (size // 2) - 1)
        if n_boxes == 0:
            break
        index = int(np.clip(round((center - size / 2) / (size // 2)), 0, n_boxes - 1))
        chosen = (feature, hop * n_boxes + index, limit)
        if width <= up_to:
            break
    return chosen


def _ratios(row: SweepRow, boxes: Sequence[tuple[str, int, float] | None]) -> NDArray[np.float32]:
    result = np.full(len(boxes), np.nan, np.float32)
    for position, box in enumerate(boxes):
        values = None if box is None else getattr(row, box[0])
        if box is not None and values is not None:
            result[position] = to_linear(values[box[1] : box[1] + 1])[0]
    return result


def _track(
    layout: Layout,
    emitter: Emitter,
    power: NDArray[np.float32],
    ratio: NDArray[np.float32],
    when: NDArray[np.int64],
) -> Track:
    known = np.isfinite(power)
    if not known.any():
        return NEVER_HEARD
    power, ratio, when = power[known].astype(np.float64), ratio[known].astype(np.float64), when[known]
    behind = emitter.background_power
    over = power - behind
    frames_over = np.nan_to_num(np.maximum(ratio, 1.0), nan=1.0) * power - behind
    width = emitter.stop - emitter.start
    sigma = behind * np.sqrt(1.0 / ((layout.n_averages or 1) * max(1.0, width / layout.enbw_bins)))
    on_level = float(np.quantile(frames_over, 0.98))
    hit = (over > np.maximum(0.25 * over.max(), 3 * sigma)) | (frames_over > max(0.5 * on_level, 6 * behind))
    if not hit.any():
        hit = over == over.max()
    box = _box_index(layout, emitter)
    limit = np.inf if box is None else box[2]
    varies = over[hit].std() / max(over[hit].mean(), 1e-30)
    typical_ratio = float(np.nanmedian(ratio[hit])) if np.isfinite(ratio[hit]).any() else 1.0
    if varies < _STEADY_VARIATION and typical_ratio < limit:
        duty = float(hit.mean())
    else:
        duty = float(np.clip(over, 0, None).mean() / max(on_level, over.max()))
    seen = when[hit]
    return Track(
        hits=int(hit.sum()),
        duty_cycle=float(np.clip(duty, 1.0 / (power.size * (layout.n_averages or 1)), 1.0)),
        first_utc_ns=int(seen.min()),
        last_utc_ns=int(seen.max()),
        strongest_power=float(over.max()) if over.max() > 0 else None,
    )
