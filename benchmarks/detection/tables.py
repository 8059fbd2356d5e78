"""The tables of a campaign, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.detection.campaign import KNOBS, SWEEPS, Campaign, TownResult
from benchmarks.detection.peers import RULES
from benchmarks.detection.planting import KINDS
from benchmarks.detection.rates import detected, expected_and_seen, false_rate, peer_threshold, proportion, snr_at
from benchmarks.detection.truth import CLASSES

__all__ = ["tables"]

_STATED = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_ALARM_RATES = KNOBS[:2]


def tables(campaign: Campaign, results: Sequence[TownResult]) -> str:
    """Write what a campaign gave."""
    seen = [result for result in results if result.seed in campaign.seen]
    unseen = [result for result in results if result.seed in campaign.unseen]
    parts = [
        _heading(campaign, unseen),
        *(_snr_table(seen, unseen, rate) for rate in _ALARM_RATES),
        _false_table(seen, unseen),
        _honesty_table(unseen),
        *(_ladder_table(unseen, sweeps) for sweeps in SWEEPS),
    ]
    return "\n\n".join(parts) + "\n"


def _heading(campaign: Campaign, unseen: Sequence[TownResult]) -> str:
    n_reports = sum(len(result.quiet) for result in unseen) // (len(SWEEPS) * (len(KNOBS) + len(RULES)))
    drift = "with gain, slope, frequency and antenna changing" if campaign.drifting else "with nothing changing"
    return (
        f"Towns {_list(campaign.seen)} for the peers' thresholds; figures on towns {_list(campaign.unseen)}: "
        f"{campaign.baseline_visits} baseline visits of {SWEEPS[-1]} sweeps each, {n_reports} visits without a bug, "
        f"each visited {campaign.plantings} times more with bugs, {drift} between visits."
    )


def _list(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds)) or "none"


def _detectors(seen: Sequence[TownResult], rate: float, sweeps: int) -> Iterator[tuple[str, str, float]]:
    """Name in the table, name in the results, threshold."""
    yield "Quietroom", f"Quietroom {rate:g}", 0.0
    for name in RULES:
        yield name, name, peer_threshold(seen, name, sweeps, rate)


def _snr_table(seen: Sequence[TownResult], unseen: Sequence[TownResult], rate: float) -> str:
    lines = [["planted bug", "sweeps", "Quietroom", *RULES, "goal"]]
    for kind in KINDS:
        for sweeps in SWEEPS:
            goal = kind.goals_db.get(sweeps)
            cells = [
                str(snr_at(found)) if (found := detected(unseen, detector, sweeps, kind.name, threshold)) else "-"
                for _, detector, threshold in _detectors(seen, rate, sweeps)
            ]
            lines.append([kind.name, str(sweeps), *cells, "" if goal is None else f"{goal:+.1f}"])
    title = (
        f"SNR in dB at a probability of detection of 0.9, at {rate:g} core false emitters per report (95 % interval)"
    )
    return _markdown(title, lines)


def _false_table(seen: Sequence[TownResult], unseen: Sequence[TownResult]) -> str:
    lines = [["detector", "rate asked for", "sweeps", *CLASSES, "novel and agile"]]
    for rate in _ALARM_RATES:
        for sweeps in SWEEPS:
            for name, detector, threshold in _detectors(seen, rate, sweeps):
                groups = [*((kind,) for kind in CLASSES), CLASSES[1:]]
                cells = [str(false_rate(unseen, detector, sweeps, threshold, group)) for group in groups]
                lines.append([name, f"{rate:g}", str(sweeps), *cells])
    return _markdown("False emitters per report, in towns never looked at (95 % interval)", lines)


def _honesty_table(unseen: Sequence[TownResult]) -> str:
    lines = [["stated", *(f"seen, {sweeps} sweeps" for sweeps in SWEEPS)]]
    by_sweeps = [expected_and_seen(unseen, f"Quietroom {KNOBS[-1]:g}", sweeps, _STATED) for sweeps in SWEEPS]
    for row, number in enumerate(_STATED):
        lines.append([f"{number:g}", *(str(column[row][1]) for column in by_sweeps)])
    return _markdown("Core findings per report at least as strong as their p-value states", lines)


def _ladder_table(unseen: Sequence[TownResult], sweeps: int) -> str:
    steps = max(len(kind.ladder_db) for kind in KINDS)
    lines = [["planted bug", *(f"step {number}" for number in range(1, steps + 1))]]
    for kind in KINDS:
        found = detected(unseen, f"Quietroom {_ALARM_RATES[0]:g}", sweeps, kind.name, 0.0)
        cells = [f"{snr_db:+.1f} dB: {proportion(values)}" for snr_db, values in found.items()]
        lines.append([kind.name, *cells, *[""] * (steps - len(cells))])
    title = f"Probability of detection by SNR, {sweeps} sweeps, 0.1 false alarms asked for"
    return _markdown(title, lines)


def _markdown(title: str, lines: Sequence[Sequence[str]]) -> str:
    rows = ["| " + " | ".join(line) + " |" for line in lines]
    rows.insert(1, "|" + "---|" * len(lines[0]))
    return "\n".join([f"**{title}**", "", *rows])
