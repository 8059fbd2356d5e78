"""The level of a visit: how far its noise floor may rise by gain, and from where on it is noise that rose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from baselines.model import Baseline
from baselines.receivers import Bins
from dsp.emitters import hysteresis_segments
from dsp.statistics import DB_PER_NEPER_POWER

__all__ = ["Level", "Setting", "believed_gain"]

_SMALLEST_LIMIT_DB, _LOCAL_LIMIT_DB = 6.0, 8.0
_SIGMAS, _PRIOR_SIGMA_DB, _PRIOR_VISITS = 3.0, 2.0, 3.0
_CLEAR_OF_RISE_NEPERS, _FEWEST_EMITTERS = 1.0, 3

_NOISE = "the noise floor rose by {:.0f} dB, which no gain explains; it was not aligned"
_AMPLIFIED = "levels rose by {:.0f} dB at the same gain setting, those of known emitters too; they were aligned"
_UNKNOWN = "levels rose by {:.0f} dB, and the gain is not known to be the same; they were aligned"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """Gain to take out of a visit, and what is to be said of it.

    Attributes
    ----------
    gains : ndarray of float32, shape (G, n_bins)
        In nats.
    notes : tuple of str
    """

    gains: NDArray[np.float32]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """Gain setting of a receiver.

    Attributes
    ----------
    bins : slice or ndarray of int
        What it heard.
    freq_hz : float
        A frequency among them.
    step_db : float or None
        Setting over that of the baseline; None where that is not known, or another receiver or antenna was used: then
        every rise may be gain.
    """

    bins: Bins
    freq_hz: float
    step_db: float | None


def believed_gain(
    baseline: Baseline,
    log_mean: NDArray[np.float32],
    gains: NDArray[np.float32],
    settings: Iterable[Setting],
) -> Level:
    """Take back the gain that quiet bins show where it must be noise that rose.

    A transmitter of broadband noise in the room lifts every quiet bin, as a gain does. But the gain of a receiver whose
    settings were left alone differs by a few decibels from visit to visit, and it lifts the room's emitters too.

    Parameters
    ----------
    baseline : Baseline
    log_mean : ndarray of float32, shape (G, n_bins)
        On the baseline's frequencies, its gain not yet taken out.
    gains : ndarray of float32, shape (G, n_bins)
        ln of the gain over the baseline that its quiet bins show.
    settings : iterable of Setting
        Of each receiver of the visit.
    """
    believed = gains
    largest: dict[str, float] = {}
    for setting in settings:
        for group, note, rise_db, change in _beyond_gain(baseline, log_mean, gains, setting):
            largest[note] = max(largest.get(note, 0.0), rise_db)
            if change is not None:
                believed = gains.copy() if believed is gains else believed  # it is large, and mostly stays as it was
                believed[group, setting.bins] = change
    return Level(gains=believed, notes=tuple(note.format(rise_db) for note, rise_db in largest.items()))


def _beyond_gain(
    baseline: Baseline, log_mean: NDArray[np.float32], gains: NDArray[np.float32], setting: Setting
) -> Iterator[tuple[int, str, float, NDArray[np.float32] | None]]:
    """Groups in which a receiver shows more than its gain explains, what is to be said, by how much, and the gain."""
    usual_db, limit_db = _usual_level(baseline, setting.freq_hz)
    usual_db += max(0.0, setting.step_db or 0.0)  # at a lower setting noise from behind the amplifier stays
    for group, (gain, log) in enumerate(zip(gains, log_mean, strict=True)):
        shown = gain[setting.bins]
        shown_db = DB_PER_NEPER_POWER * shown
        middle_db = float(np.median(shown_db))
        everywhere = middle_db - usual_db > limit_db
        true_db = usual_db if everywhere else middle_db
        high = shown_db - true_db > (limit_db if everywhere else _LOCAL_LIMIT_DB)
        if not high.any():
            continue
        rise_db = float(np.median(shown_db[high])) - true_db
        where = np.zeros(log.size, bool)
        where[setting.bins] = high
        emitters_db = _emitters_rise_db(baseline, log, where, rise_db)
        note = _UNKNOWN
        if setting.step_db is not None:
            note = _NOISE if emitters_db is None or emitters_db - true_db < rise_db / 2 else _AMPLIFIED
        change = None
        if note == _NOISE:
            change = shown.copy()
            change[high] = (true_db if emitters_db is None else emitters_db) / DB_PER_NEPER_POWER
        yield group, note, rise_db, change


def _usual_level(baseline: Baseline, freq_hz: float) -> tuple[float, float]:
    """Level of a visit over the baseline that its gain setting makes us expect, and how far above it is no gain."""
    levels = np.array([visit.level_db or 0.0 for visit in baseline.visits])
    gains_db = [visit.gain_db_at(freq_hz) for visit in baseline.visits]
    settings = np.array([np.nan if gain_db is None else gain_db for gain_db in gains_db])
    if np.isfinite(settings).all():
        levels -= settings - settings.mean()
    squares = _PRIOR_VISITS * _PRIOR_SIGMA_DB**2 + float(np.sum((levels - levels.mean()) ** 2))
    sigma_db = np.sqrt(squares / (_PRIOR_VISITS + levels.size - 1) * (1 + 1 / levels.size))
    return float(levels.mean()), max(_SMALLEST_LIMIT_DB, _SIGMAS * float(sigma_db))


def _emitters_rise_db(
    baseline: Baseline, log_mean: NDArray[np.float32], where: NDArray[np.bool_], rise_db: float
) -> float | None:
    """Median rise of the room's emitters that noise risen so far does not cover; None of too few."""
    above = baseline.above_floor > rise_db / DB_PER_NEPER_POWER + _CLEAR_OF_RISE_NEPERS
    strong = above & where & ~baseline.restless & np.isfinite(log_mean)
    rise = log_mean - baseline.log_mean
    runs = hysteresis_segments(strong.astype(np.int8), 1, 1)
    if len(runs) < _FEWEST_EMITTERS:
        return None
    return DB_PER_NEPER_POWER * float(np.median([np.median(rise[start:stop]) for start, stop in runs]))
