"""How far a baseline can be trusted: its visits, their age, and how well they were received."""

from __future__ import annotations

from dataclasses import dataclass

from baselines.model import Baseline, BaselineVisit
from dsp.errors import ParameterError
from sweep.room_records import count_visits
from sweep.units import parse_utc

__all__ = ["Health", "age_days", "check_health"]

_DAY_NS = 86_400 * 10**9
_OLD_DAYS, _VERY_OLD_DAYS = 180, 365
_FEWEST_PASSES = 3
_SOME_OVERLOADED, _MUCH_OVERLOADED = 0.01, 0.2
_SOME_UNMEASURED, _MUCH_UNMEASURED = 0.01, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Verdict on a baseline at some time.

    Attributes
    ----------
    verdict : str
        ``good``; ``fair`` where something is to be remarked; ``poor`` where findings must be taken with care.
    reasons : tuple of str
    n_visits, n_passes : int
    age_days : float
        Since its last visit.
    measured_share, overloaded_share : float or None
        Of the hops of its visits, weighed by passes; None where a visit does not say.
    """

    verdict: str
    reasons: tuple[str, ...]
    n_visits: int
    n_passes: int
    age_days: float
    measured_share: float | None
    overloaded_share: float | None


def check_health(baseline: Baseline, *, utc_ns: int) -> Health:
    """Judge a baseline as it stands at a time.

    Parameters
    ----------
    baseline : Baseline
    utc_ns : int
        Nanoseconds since 1970 UTC: of the sweep that is compared with it, or now.
    """
    visits = baseline.visits
    measured = _weighed([(visit.measured_share, visit.n_passes) for visit in visits])
    overloaded = _weighed([(visit.overloaded_share, visit.n_passes) for visit in visits])
    age = age_days(baseline, utc_ns=utc_ns)
    poor, fair = _of_visits(visits)
    if age > _OLD_DAYS:
        (poor if age > _VERY_OLD_DAYS else fair).append(f"the baseline is {age:.0f} days old")
    if overloaded is not None and overloaded > _SOME_OVERLOADED:
        text = f"{100 * overloaded:.0f} % of the baseline's hops were overloaded"
        (poor if overloaded > _MUCH_OVERLOADED else fair).append(text)
    if measured is not None and 1 - measured > _SOME_UNMEASURED:
        text = f"{100 * (1 - measured):.0f} % of the baseline's hops were not measured"
        (poor if 1 - measured > _MUCH_UNMEASURED else fair).append(text)
    return Health(
        verdict="poor" if poor else "fair" if fair else "good",
        reasons=(*poor, *fair),
        n_visits=len(visits),
        n_passes=sum(visit.n_passes for visit in visits),
        age_days=round(age, 2),
        measured_share=measured,
        overloaded_share=overloaded,
    )


def age_days(baseline: Baseline, *, utc_ns: int) -> float:
    """Days since the room was last visited for a baseline: what was learnt today from old recordings is old."""
    return max(0, utc_ns - max(_starts(baseline.visits), default=utc_ns)) / _DAY_NS


def _of_visits(visits: tuple[BaselineVisit, ...]) -> tuple[list[str], list[str]]:
    """What makes a baseline poor, and what makes it no better than fair, in number and kind of its visits."""
    poor, fair = [], []
    if len(visits) == 1:
        poor.append(
            "the baseline is of one visit only: how much the room varies from visit to visit is assumed, not measured"
        )
    elif count_visits(_starts(visits)) == 1:
        fair.append(f"all {len(visits)} visits of the baseline are of one day: another day may differ more")
    few = min(visit.n_passes for visit in visits)
    if few < _FEWEST_PASSES:
        fair.append(f"a visit of the baseline has {few} {'pass' if few == 1 else 'passes'} only")
    serials = sorted({str(visit.instrument["serial"]) for visit in visits if visit.instrument.get("serial")})
    if len(serials) > 1:
        fair.append(f"the baseline's visits were made with different dongles ({', '.join(serials)})")
    return poor, fair


def _starts(visits: tuple[BaselineVisit, ...]) -> list[int]:
    """Starts of the visits, as far as they say a time."""
    starts = []
    for visit in visits:
        try:
            starts.append(parse_utc(visit.start_time))
        except ParameterError:
            continue
    return starts


def _weighed(shares: list[tuple[float | None, int]]) -> float | None:
    known = [(share, weight) for share, weight in shares if share is not None]
    total = sum(weight for _, weight in known)
    if len(known) < len(shares) or total == 0:
        return None
    return round(sum(share * weight for share, weight in known) / total, 4)
