"""How well the level of a finding is known: its uncertainty by parts, after the GUM.

The level is the mean over the pass in which the emitter was strongest, less what was there before. Three parts are told
apart, each a standard uncertainty in dB; their root sum of squares times the coverage factor is the expanded one. A
part that nothing was learnt of is None, and is not in the sum.

References
----------
JCGM 100:2008, "Evaluation of measurement data - Guide to the expression of uncertainty in measurement" (GUM), clauses
4.2 (type A), 4.3 (type B), 5.1 and 6.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from baselines.aligned import busy_bins
from baselines.boxes import box_correlation
from baselines.model import Baseline
from dsp.statistics import DB_PER_NEPER_POWER, effective_averages
from sweep.plan import Layout

__all__ = ["COVERAGE_FACTOR", "Repeatability", "expanded_uncertainty", "level_uncertainty"]

COVERAGE_FACTOR = 2.0
"""Of the expanded uncertainty: 95 % where the parts add up to a normal distribution (GUM, clause 6.3.3)."""

_GAIN_STEP_HALF_WIDTH_DB = 1.0
"""Type B: how far the ratio of two gain settings may be off its name; the maker of the tuner gives no tolerance."""

_SMALLEST_STEP_DB = 0.05
_NEAR_HZ, _FEWEST_BUSY_BINS = 50e6, 20
_SMALLEST_SHARE = 0.05  # of the power, that an emitter must have for its level to be more than a bound


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Repeatability:
    """What the visits of a baseline tell of how well a level comes out the same again.

    Attributes
    ----------
    baseline : Baseline or None
        None where a visit is compared with none: then nothing is known.
    gain_step_db : callable
        From a frequency to the step of `baselines.compatibility.gain_step_db`.
    lowered : callable
        From a frequency to whether its hop was taken at another gain than the rest (see `baselines.referral`).
    """

    baseline: Baseline | None
    gain_step_db: Callable[[float], float | None]
    lowered: Callable[[float], bool] = lambda freq_hz: False

    def gain_db(self, freq_hz: float) -> float | None:
        """Standard uncertainty of the gain: between visits at one setting, and of the step from their setting.

        Also of the step of a hop that was taken again at a lower gain. None where there is no step, and either fewer
        than two visits or visits of before their levels were kept.
        """
        steps = [self.lowered(freq_hz)]
        learnt_db = None
        if self.baseline is not None:
            step_db = self.gain_step_db(freq_hz)
            steps.append(step_db is not None and abs(step_db) > _SMALLEST_STEP_DB)
            learnt_db = self._between_visits_db(self.baseline, freq_hz)
        if learnt_db is None and not any(steps):
            return None
        type_b_db = _GAIN_STEP_HALF_WIDTH_DB / np.sqrt(3)  # rectangular (GUM, clause 4.3.7)
        return float(np.sqrt((learnt_db or 0.0) ** 2 + sum(steps) * type_b_db**2))

    @staticmethod
    def _between_visits_db(baseline: Baseline, freq_hz: float) -> float | None:
        visits = baseline.visits
        levels = [visit.level_db for visit in visits]
        known = np.array([level for level in levels if level is not None])
        if known.size < max(2, len(levels)):
            return None
        settings = [visit.gain_db_at(freq_hz) for visit in visits]
        kept = np.array([setting for setting in settings if setting is not None])
        if kept.size == known.size:
            known = known - (kept - kept.mean())
        return float(np.std(known, ddof=1))

    def antenna_db(self, freq_hz: float) -> float | None:
        """Standard deviation between visits of the levels of the room's own emitters near a frequency, gain taken out.

        What the place of the antenna, and of people and chairs, does to a level. None with fewer than two visits, or
        too few emitters within 50 MHz to learn it from.
        """
        baseline = self.baseline
        if baseline is None or baseline.n_visits < 2:
            return None
        near = np.abs(baseline.layout.freq_hz - freq_hz) <= _NEAR_HZ
        busy, wide = busy_bins(baseline.above_floor[near])
        # Bin by bin: a wider box weighs an emitter's edges most. Of wide ones only the contrast is kept at that scale.
        variance = baseline.between_variance[min(baseline.between_variance)][near][busy & ~wide]
        variance = variance[np.isfinite(variance)]
        if variance.size < _FEWEST_BUSY_BINS:
            return None
        return float(DB_PER_NEPER_POWER * np.sqrt(np.median(variance)))


def level_uncertainty(
    finding: Mapping[str, Any], layout: Layout, repeatability: Repeatability
) -> dict[str, Any] | None:
    """Uncertainty of the ``power_dbfs`` of a finding.

    Parameters
    ----------
    finding : mapping
        As in the findings JSON.
    layout : Layout
        Of the visit.
    repeatability : Repeatability

    Returns
    -------
    dict or None
        ``expanded``, in dB, with its ``coverage_factor``, and the standard uncertainties ``statistical``, ``gain`` and
        ``antenna``; None where the finding has no level, or no part is known.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> layout = plan_hops(((430_000_000, 431_000_000),)).layout()
    >>> finding = {"power_dbfs": -60.0, "occupied_bw_hz": 10_000, "snr_db": 10.0, "center_freq_hz": 430_500_000}
    >>> alone = Repeatability(baseline=None, gain_step_db=lambda freq_hz: None)
    >>> told = level_uncertainty(finding, layout, alone)
    >>> told["expanded"], told["statistical"], told["gain"]
    (0.8, 0.4, None)
    """
    if finding.get("power_dbfs") is None:
        return None
    freq_hz = float(finding["center_freq_hz"])
    parts = {
        "statistical": _statistical_db(finding, layout),
        "gain": repeatability.gain_db(freq_hz),
        "antenna": repeatability.antenna_db(freq_hz),
    }
    return expanded_uncertainty(**parts)


def expanded_uncertainty(
    *, statistical: float | None, gain: float | None = None, antenna: float | None = None
) -> dict[str, Any] | None:
    """Join standard uncertainties in dB to that of the findings JSON; None where none is known.

    Examples
    --------
    >>> expanded_uncertainty(statistical=0.3, gain=0.4)
    {'expanded': 1.0, 'coverage_factor': 2.0, 'statistical': 0.3, 'gain': 0.4, 'antenna': None}
    """
    parts = {"statistical": statistical, "gain": gain, "antenna": antenna}
    known = [value for value in parts.values() if value is not None]
    if not known:
        return None
    expanded = COVERAGE_FACTOR * float(np.sqrt(np.sum(np.square(known))))
    rounded = {name: None if value is None else round(value, 2) for name, value in parts.items()}
    return {"expanded": round(expanded, 2), "coverage_factor": COVERAGE_FACTOR, **rounded}


def _statistical_db(finding: Mapping[str, Any], layout: Layout) -> float | None:
    """Type A: of a mean of so many frames over so many bins, that holds the emitter and what was there before.

    A modulated emitter is taken to scatter as noise does; an unmodulated carrier scatters less.
    """
    if layout.n_averages is None or not finding.get("occupied_bw_hz"):
        return None
    share = _share_of_emitter(finding)
    if share is None:
        return None
    n_bins = max(1.0, round(float(finding["occupied_bw_hz"]) / layout.bin_width_hz))
    variance = box_correlation(int(n_bins)) / n_bins / effective_averages(layout.n_averages)
    return float(DB_PER_NEPER_POWER * np.sqrt(variance) / max(share, _SMALLEST_SHARE))


def _share_of_emitter(finding: Mapping[str, Any]) -> float | None:
    """Of the power in its bins, that of the emitter itself: over the baseline, or else over the floor."""
    if finding.get("excess_db") is not None:
        return float(1 - 10 ** (-max(finding["excess_db"], 0.0) / 10))
    if finding.get("snr_db") is None:
        return None
    ratio = 10 ** (float(finding["snr_db"]) / 10)
    return float(ratio / (1 + ratio))
