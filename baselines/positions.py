"""One emitter at several positions of a visit: a device in the room is stronger in it than outside."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from baselines.axes import curve_onto, onto, shared_bins
from baselines.emitters import Emitter
from baselines.heard import floor_of
from baselines.receivers import parts_of
from baselines.referral import Referral
from baselines.shifts import align_gains
from baselines.summary import VisitSummary, summarise
from baselines.tracking import Track, follow
from dsp.errors import ParameterError, RecordError
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.model import Judgement
from sweep.plan import Layout
from sweep.record import SweepRecord

__all__ = ["UNKNOWN_LEVEL", "Here", "LevelThere", "is_outside", "levels_there"]

_QUIET_NEPERS = 0.5
_MIN_QUIET = 8
_P_HEARD, _PD_90_SIGMAS = 1e-3, 1.28
_QUIET_MODEL, _BUSY_MODEL, _BUSY_NEPERS = 0.1, 0.35, 1.0
"""How far, in nats, the ambient of one position strays from that of another: where there is noise, and where there is
an emitter of the room, one nat over the noise."""

_MODEL_SIGMAS = 3.0
_OVERLOADED_SHARE = 0.5
_HOPPER = "frequency hopper"


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelThere:
    """Level of an emitter at another position, on the gain of the sweep that it was found in.

    ``power_dbfs`` is that of the pass in which it was strongest, over the ambient; None where it was not heard: then
    ``limit_dbfs`` is what it would have been heard from, or None too where nobody could listen. ``statistical_db`` is
    the standard uncertainty of the level by noise and by what the ambient may have been; how well the gain, and the
    place of the antenna, are known is not in it.
    """

    power_dbfs: float | None
    limit_dbfs: float | None
    statistical_db: float | None = None


UNKNOWN_LEVEL = LevelThere(power_dbfs=None, limit_dbfs=None)
"""Nobody could listen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Here:
    """The sweep in which the findings were made.

    Attributes
    ----------
    summary : VisitSummary
    floor_dbfs : ndarray of float32, shape (n_bins,)
    background_dbfs : ndarray of float32, shape (n_bins,), or None
        The aligned baseline, where there is one.
    instrument : mapping
        As in its record.
    """

    summary: VisitSummary
    floor_dbfs: NDArray[np.float32]
    background_dbfs: NDArray[np.float32] | None
    instrument: Mapping[str, Any]

    @classmethod
    def of(cls, summary: VisitSummary, judgement: Judgement, instrument: Mapping[str, Any]) -> Here:
        """Take floor and background from a judgement of it."""
        return cls(
            summary=summary,
            floor_dbfs=judgement.noise_floor_dbfs,
            background_dbfs=judgement.baseline_dbfs,
            instrument=instrument,
        )


def is_outside(position: str | None) -> bool:
    """Whether the name of a position says that the antenna stood outside the room.

    Examples
    --------
    >>> [is_outside(name) for name in ("outside", "Outside, corridor", "table", "outsider", None)]
    [True, True, False, False, False]
    """
    word = "" if position is None else position.strip().lower()
    return word.startswith("outside") and not word[7:8].isalnum()


def levels_there(
    findings: Sequence[Mapping[str, Any]], here: Here, record: SweepRecord
) -> tuple[list[LevelThere], float]:
    """Measure findings of one sweep in the record of another position.

    The gain between the two is that of the bins that are quiet in both. What the baseline has, or else the noise floor,
    is taken off.

    Parameters
    ----------
    findings : sequence of mapping
        As in the findings JSON.
    here : Here
    record : SweepRecord

    Returns
    -------
    list of LevelThere, float
        One for each finding, and the median gain of the record over this sweep in dB.

    Raises
    ------
    RecordError
        The record is damaged, holds nothing measured, or shares no frequency or no quiet part with this sweep.
    """
    rows = Referral(record.layout, record.start.get("instrument") or {}).of(record.rows)
    there = summarise(record.layout, rows())
    floor_dbfs = floor_of(there, record.start.get("instrument"))
    noise_gain = _gain(here, there, floor_dbfs, record.start.get("instrument") or {})
    ambient = _ambient(here, there.layout, noise_gain, floor_dbfs)
    placed = [_placed(finding, there, ambient, floor_dbfs) for finding in findings]
    emitters = [emitter for emitter in placed if emitter is not None]
    tracks = iter(follow(there.layout, rows(), emitters))
    gain = noise_gain - np.log(_noise_bandwidth_hz(there.layout) / _noise_bandwidth_hz(here.summary.layout))
    levels = [UNKNOWN_LEVEL if emitter is None else _level(emitter, next(tracks), there, gain) for emitter in placed]
    return levels, DB_PER_NEPER_POWER * float(np.nanmedian(gain))


def _gain(
    here: Here, there: VisitSummary, floor_dbfs: NDArray[np.float32], instrument: Mapping[str, Any]
) -> NDArray[np.float32]:
    """ln of a noise bin of the other record over one of this sweep, on the other's axis; NaN where either has none."""
    mine = here.summary
    if not (shared_bins(mine.layout, there.layout).any() or shared_bins(there.layout, mine.layout).any()):
        raise RecordError("it shares no frequency with this sweep")
    axis = there.layout if there.layout.bin_width_hz >= mine.layout.bin_width_hz else mine.layout
    try:
        own, other = _log_mean(onto(mine, axis)[0]), _log_mean(onto(there, axis)[0])
    except ParameterError as error:
        raise RecordError(str(error)) from error
    quiet = _quiet(own, curve_onto(here.floor_dbfs, mine.layout, axis)) & _quiet(
        other, curve_onto(floor_dbfs, there.layout, axis)
    )
    difference = other - own
    if np.count_nonzero(quiet & np.isfinite(difference)) < _MIN_QUIET:
        raise RecordError("it and this sweep have no quiet part in common to take the gain from")
    parts = parts_of(axis, instrument, (here.instrument,))
    gain = np.where(np.isfinite(difference), align_gains(difference, quiet, axis, parts), np.nan)
    return curve_onto(gain, axis, there.layout)


def _log_mean(summary: VisitSummary) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # bins never measured stay NaN
        mean: NDArray[np.float64] = np.nanmean(summary.log_mean, axis=0)
    return mean


def _quiet(log_mean: NDArray[np.floating], floor_dbfs: NDArray[np.floating]) -> NDArray[np.bool_]:
    return np.asarray(log_mean < floor_dbfs / DB_PER_NEPER_POWER + _QUIET_NEPERS)


def _noise_bandwidth_hz(layout: Layout) -> float:
    return layout.enbw_bins * layout.bin_width_hz


def _ambient(
    here: Here, layout: Layout, noise_gain: NDArray[np.float32], floor_dbfs: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Linear power in each of the other record's bins without a device: the baseline's, and else the noise floor."""
    floor = np.exp(floor_dbfs.astype(np.float64) / DB_PER_NEPER_POWER)
    if here.background_dbfs is None:
        return floor
    room = curve_onto(here.background_dbfs, here.summary.layout, layout).astype(np.float64) / DB_PER_NEPER_POWER
    return np.where(np.isfinite(room + noise_gain), np.exp(np.nan_to_num(room + noise_gain)), floor)


def _placed(
    finding: Mapping[str, Any], there: VisitSummary, ambient: NDArray[np.float64], floor_dbfs: NDArray[np.float32]
) -> Emitter | None:
    """A finding as an emitter on the other record's axis; None where that did not listen all over it, or was full."""
    layout = there.layout
    if finding["kind"] == "missing" or str(finding.get("signal_type")).startswith(_HOPPER):
        return None
    center_hz, width_hz = float(finding["center_freq_hz"]), float(finding["occupied_bw_hz"] or 0.0)
    reach_hz = width_hz / 2 + layout.bin_width_hz  # a bin on either side: centre and width say nothing of asymmetry
    start, stop = np.searchsorted(layout.freq_hz, [center_hz - reach_hz, center_hz + reach_hz]).tolist()
    bins = slice(start, stop)
    is_whole = (stop - start + 1) * layout.bin_width_hz >= 2 * reach_hz
    if not is_whole or not np.isfinite(there.mean[:, bins]).any(axis=0).all():
        return None
    hops = slice(start // layout.hop_bins, (stop - 1) // layout.hop_bins + 1)
    if (there.overloaded[hops] > _OVERLOADED_SHARE).any():
        return None
    power = float(ambient[bins].sum() / layout.enbw_bins)
    return Emitter(
        start=start,
        stop=stop,
        center_freq_hz=center_hz,
        occupied_bw_hz=width_hz,
        mean_power=0.0,
        background_power=power,
        floor_power=float(np.exp(floor_dbfs[bins] / DB_PER_NEPER_POWER).sum() / layout.enbw_bins),
        peak_power=None,
        kurtosis_db=None,
        channels=(),
        p_value=None,
        confirmed=False,
    )


def _level(emitter: Emitter, track: Track, there: VisitSummary, gain: NDArray[np.floating]) -> LevelThere:
    """What stood out in the strongest pass, or what would have."""
    layout = there.layout
    n_bins = max(1.0, (emitter.stop - emitter.start) / layout.enbw_bins)
    noise = float(np.sqrt(there.pass_variance / n_bins))
    is_busy = np.log(emitter.background_power / emitter.floor_power) > _BUSY_NEPERS
    model = _MODEL_SIGMAS * (_BUSY_MODEL if is_busy else _QUIET_MODEL)
    sigmas = -float(scipy.special.ndtri(_P_HEARD / there.n_rows))
    known = gain[emitter.start : emitter.stop][np.isfinite(gain[emitter.start : emitter.stop])]
    if not known.size:
        return UNKNOWN_LEVEL
    scale = float(np.median(known))
    power = track.strongest_power or 0.0
    if power > emitter.background_power * (sigmas * noise + model):
        spread = np.hypot(noise * (power + emitter.background_power), model / _MODEL_SIGMAS * emitter.background_power)
        statistical_db = DB_PER_NEPER_POWER * float(spread) / power
        return LevelThere(power_dbfs=_dbfs(power, scale), limit_dbfs=None, statistical_db=statistical_db)
    limit = emitter.background_power * ((sigmas + _PD_90_SIGMAS) * noise + model)
    return LevelThere(power_dbfs=None, limit_dbfs=_dbfs(limit, scale))


def _dbfs(power: float, gain: float) -> float:
    return round(DB_PER_NEPER_POWER * (float(np.log(power)) - gain), 2)
