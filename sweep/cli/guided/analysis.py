"""What the sweeps of a visit say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from baselines.disposition import read_log
from reports.content.wording import count
from sweep.cli.evidence import Evidence, read_evidence
from sweep.cli.guided.visiting import INSIDE, Result, Swept, Visiting
from sweep.cli.printing import table
from sweep.cli.wording import level_of
from sweep.guided.log import DONE
from sweep.guided.steps import Step

__all__ = ["Heard", "analysis_step", "heard_inside", "short_verdict", "visit_document", "visit_verdict"]

_VERDICTS = {
    "anomalies": "anomalies were found",
    "no_anomaly_detected": "no anomalous emitter was detected",
    "inconclusive": "inconclusive",
}
_UNCOMPARED = "emitters were heard; without a baseline none can be called anomalous"
_WIDE = 200  # the name of a record is not cut: somebody will look for it
_RADIO = ("preflight", "outside", *INSIDE)
_LEVELS = {"high": 0, "medium": 1, "low": 2, "info": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An emitter that is a finding in the room, wherever it was heard.

    Attributes
    ----------
    name : str
        Its number in the register of the room; where it has none, record and finding.
    finding : dict
        Where it was strongest.
    places : list of (Swept, dict)
        Every step with the finding there.
    """

    name: str
    finding: dict[str, Any]
    places: list[tuple[Swept, dict[str, Any]]] = field(default_factory=list)

    @property
    def only_during(self) -> list[str]:
        """Stimuli, where it was heard during nothing else."""
        steps = [swept.step for swept, _ in self.places]
        return [step.title for step in steps] if all(step.kind == "stimulus" for step in steps) else []


def analysis_step(visiting: Visiting, step: Step) -> Result:
    """Say the verdict of the visit, sweep by sweep, and list the emitters."""
    verdict, reasons = visit_verdict(visiting)
    console = visiting.console
    rows = []
    for swept in visiting.swept():
        document = read_evidence(swept.path).document
        rows.append((swept.step.title, short_verdict(document), str(len(document["findings"])), swept.path.name))
    for line in table(("step", "verdict", "findings", "record"), rows, width=_WIDE):
        print(line)
    emitters = heard_inside(visiting)
    if emitters:
        print()
        for line in table(("id", "MHz", "dBFS", "threat", "strongest", "heard"), [_cells(one) for one in emitters]):
            print(line)
    compared = any(read_evidence(swept.path).document["baseline"] for swept in visiting.swept())
    words = _VERDICTS[verdict] if compared or verdict != "anomalies" else _UNCOMPARED
    console.say("", f"Verdict of the visit: {words}" + (f" ({'; '.join(reasons)})" if reasons else ""))
    return Result(text=f"{words}; {count(len(emitters), 'finding')}", details={"verdict": verdict})


def short_verdict(document: Mapping[str, Any]) -> str:
    """Say the verdict of a sweep in a few words; without a baseline nothing is called an anomaly.

    Examples
    --------
    >>> short_verdict({"verdict": "anomalies", "baseline": None, "findings": [{}]})
    'emitters heard, no baseline'
    """
    if document["verdict"] == "anomalies" and not document["baseline"]:
        return "emitters heard, no baseline"
    return _VERDICTS[document["verdict"]]


def heard_inside(visiting: Visiting) -> list[Heard]:
    """List the emitters that are findings of a sweep in the room, the gravest and strongest first."""
    found: dict[str, list[tuple[Swept, dict[str, Any]]]] = {}
    for swept in visiting.swept():
        if swept.step.kind in INSIDE:
            for finding in read_evidence(swept.path).document["findings"]:
                name = finding.get("emitter") or f"{swept.path.stem} {finding['id']}"
                found.setdefault(str(name), []).append((swept, finding))
    heard = [
        Heard(name=name, finding=max((item for _, item in places), key=_strength), places=places)
        for name, places in found.items()
    ]
    return sorted(heard, key=lambda one: (_LEVELS.get(one.finding["threat"]["level"], 4), -_strength(one.finding)))


def visit_verdict(visiting: Visiting) -> tuple[str, list[str]]:
    """Judge the visit by its sweeps in the room; nothing that was not swept is taken for quiet.

    Returns
    -------
    (str, list of str)
        Verdict and reasons. ``anomalies`` where one sweep in the room has them; else ``inconclusive`` where one sweep
        is, a position was not swept, a step of the radio is not finished, or the check of the receiver failed; else
        ``no_anomaly_detected``.
    """
    inside = [swept for swept in visiting.swept() if swept.step.kind in INSIDE]
    verdicts = {swept.step.title: read_evidence(swept.path).document["verdict"] for swept in inside}
    reasons, is_whole = [], True
    outcomes = visiting.log.outcomes
    for step in visiting.log.steps:
        outcome = outcomes.get(step.id)
        if step.kind in _RADIO and (outcome is None or outcome.outcome != DONE):
            is_whole = is_whole and outcome is not None and step.kind != "position"
            said = "not finished" if outcome is None else f"{outcome.outcome}, {outcome.text}"
            reasons.append(f"{step.title}: {said}")
        elif outcome is not None and outcome.details.get("failed"):
            is_whole = False
            reasons.append(f"{step.title}: {outcome.text}")
    reasons += [f"{title}: inconclusive" for title, verdict in verdicts.items() if verdict == "inconclusive"]
    if "anomalies" in verdicts.values():
        return "anomalies", reasons
    if not is_whole or not inside or "inconclusive" in verdicts.values():
        return "inconclusive", reasons
    return "no_anomaly_detected", reasons


def visit_document(visiting: Visiting) -> dict[str, Any]:
    """Tell the visit as JSON."""
    verdict, reasons = visit_verdict(visiting)
    log, outcomes = visiting.log, visiting.log.outcomes
    documents: Sequence[tuple[Swept, Evidence]] = [
        (swept, read_evidence(swept.path, decisions=read_log(swept.path))) for swept in visiting.swept()
    ]
    return {
        "schema": "quietroom.visit/1",
        "visit": log.id,
        "room": visiting.room,
        "operator": log.operator,
        "finished": log.is_finished,
        "verdict": verdict,
        "reasons": reasons,
        "log": str(log.path),
        "steps": [
            {
                "step": step.id,
                "outcome": None if (one := outcomes.get(step.id)) is None else one.outcome,
                "text": None if one is None else one.text,
                "time": None if one is None else one.time,
            }
            for step in log.steps
        ],
        "sweeps": [{"step": swept.step.id, **evidence.document} for swept, evidence in documents],
    }


def _cells(one: Heard) -> tuple[str, ...]:
    finding = one.finding
    strongest = max(one.places, key=lambda place: _strength(place[1]))[0].step
    heard = f"only during {', '.join(one.only_during)}" if one.only_during else count(len(one.places), "sweep")
    cells = (one.name, f"{finding['center_freq_hz'] / 1e6:.4f}", level_of(finding))
    return (*cells, finding["threat"]["level"], str(strongest.position), heard)


def _strength(finding: dict[str, Any]) -> float:
    power = finding.get("power_dbfs")
    return -1e9 if power is None else float(power)
