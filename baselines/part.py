"""A part of a visit that is judged by itself, its passes or the stays on one hop: what it shows, and the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.artefacts import HeardSpectrum, Suspect, Vetted, heard_spectrum, vet, vet_joined
from baselines.axes import displaced
from baselines.emitters import Emitter
from baselines.findings import make_finding
from baselines.hoppers import group_hoppers
from baselines.model import Baseline
from baselines.outcome import Outcome, compare, hear, linear
from baselines.shifts import FrequencyError, displaced_back
from baselines.sidebands import absorb_sidebands
from baselines.summary import VisitSummary
from baselines.tones import join_tones
from baselines.tracking import Followed, Track, follow
from sweep.looks import Looks
from sweep.model import SweepRow
from sweep.plan import Layout

__all__ = ["FEWEST_TO_CONFIRM", "Bar", "Part", "Rows", "findings_of", "outcome_of", "part_of", "without_sidebands"]

FEWEST_TO_CONFIRM = 3
"""Sweeps from which on one of them is no evidence that an emitter stays."""

_QUIET_RATIO = 1.5

Rows = Callable[[], Iterable[SweepRow]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """What a part of a visit shows.

    Attributes
    ----------
    layout : Layout
        Of its rows.
    rows : callable
        Gives them, as often as it is called.
    summary : VisitSummary
    floor_dbfs : ndarray of float32, shape (n_bins,)
    outcome : Outcome
    spectrum : HeardSpectrum
    """

    layout: Layout
    rows: Rows
    summary: VisitSummary
    floor_dbfs: NDArray[np.float32]
    outcome: Outcome
    spectrum: HeardSpectrum


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bar:
    """What all parts of a visit are held against.

    Attributes
    ----------
    baseline : Baseline or None
        None where there is none that can be compared with: then every emitter heard is listed.
    gain_step_db : callable
        From a frequency to the step of `baselines.compatibility.gain_step_db`.
    instrument : mapping
    false_alarms : float
        Accepted in one report, over all parts.
    """

    baseline: Baseline | None
    gain_step_db: Callable[[float], float | None]
    instrument: Mapping[str, Any]
    false_alarms: float


def part_of(
    rows: Rows,
    summary: VisitSummary,
    floor_dbfs: NDArray[np.float32],
    bar: Bar,
    *,
    share: float = 1.0,
    error: FrequencyError | None = None,
) -> Part:
    """Judge a part of a visit.

    Parameters
    ----------
    rows : callable
    summary : VisitSummary
        Of these rows.
    floor_dbfs : ndarray of float32, shape (n_bins,)
    bar : Bar
    share : float
        Of the false alarms that the report may make, those of this part. The chance that its emitters state is still
        that of the whole report.
    error : FrequencyError, optional
        Against the baseline, where another part has shown it.
    """
    outcome = outcome_of(summary, floor_dbfs, bar, share=share, error=error)
    outcome = replace(outcome, emitters=[_in_report(emitter, share) for emitter in outcome.emitters])
    frame = None if bar.baseline is None else bar.baseline.visits[0].instrument
    spectrum = _spectrum(summary, outcome, bar.instrument, frame)
    return Part(
        layout=summary.layout, rows=rows, summary=summary, floor_dbfs=floor_dbfs, outcome=outcome, spectrum=spectrum
    )


def outcome_of(
    summary: VisitSummary,
    floor_dbfs: NDArray[np.float32],
    bar: Bar,
    *,
    share: float = 1.0,
    error: FrequencyError | None = None,
) -> Outcome:
    """Detect what a summary shows, with nothing vetted yet; parameters as for `part_of`."""
    if bar.baseline is None:
        return hear(summary, floor_dbfs, share * bar.false_alarms)
    return compare(
        summary,
        floor_dbfs,
        bar.baseline,
        share * bar.false_alarms,
        gain_step_db=bar.gain_step_db,
        instrument=bar.instrument,
        error=error,
    )


def _in_report(emitter: Emitter, share: float) -> Emitter:
    """An emitter with the chance that a report whose other parts are as strict shows anything as strong."""
    if emitter.p_value is None or share == 1.0:
        return emitter
    return replace(emitter, p_value=float(-np.expm1(np.log1p(-min(emitter.p_value, 1 - 1e-16)) / share)))


def findings_of(part: Part, looks: Looks | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Vet, follow over the passes, and write down; what fails a test of the receiver is kept apart.

    Returns
    -------
    list of dict
        The findings, not numbered.
    list of dict
        What was rejected, not numbered.
    int
        How many got no second look because there were enough.
    """
    layout, outcome, spectrum, n_rows = part.layout, part.outcome, part.spectrum, part.summary.n_rows
    tracks = follow(layout, part.rows(), outcome.emitters, ppm=outcome.errors_ppm)
    followed = list(zip(outcome.emitters, tracks, strict=True))
    suspects = [
        Suspect(emitter=displaced(emitter, layout, error_ppm), track=track, heard=kind != "missing")
        for (emitter, track), kind, error_ppm in zip(followed, outcome.kinds, outcome.errors_ppm, strict=True)
    ]
    vetted, cut = vet(suspects, spectrum, looks)
    findings: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for emitter, track, kind, tests in _grouped(outcome, followed, vetted, spectrum):
        # An emitter of the room that stands under it would be a hit in every pass by itself.
        alone = emitter.background_power < _QUIET_RATIO * emitter.floor_power
        stays = tests.heard_again or (alone and n_rows >= FEWEST_TO_CONFIRM and 2 * track.hits > n_rows)
        finding = make_finding(
            replace(emitter, confirmed=emitter.confirmed or stays),
            track,
            tests,
            kind=kind,
            visits=1,
            has_baseline=spectrum.compared,
            bin_width_hz=layout.bin_width_hz,
        )
        (rejected if tests.is_artefact else findings).append(finding)
    return findings, rejected, cut


def _grouped(
    outcome: Outcome, followed: Sequence[Followed], vetted: Sequence[Vetted], spectrum: HeardSpectrum
) -> Iterator[tuple[Emitter, Track, str, Vetted]]:
    """Each emitter with its kind and its tests; of those that are no artefact, what belongs together becomes one."""
    kinds = {id(emitter): kind for emitter, kind in zip(outcome.emitters, outcome.kinds, strict=True)}
    tests = {id(emitter): outcomes for emitter, outcomes in zip(outcome.emitters, vetted, strict=True)}
    real = [item for item in followed if spectrum.has_hops and not tests[id(item[0])].is_artefact]
    new = [item for item in real if kinds[id(item[0])] == "new"]
    layout = spectrum.layout
    joined = join_tones(group_hoppers(without_sidebands(new, spectrum), layout))
    for emitter, track in without_sidebands(joined, spectrum):
        yield emitter, track, "new", tests.get(id(emitter)) or vet_joined(emitter, spectrum)
    grouped = {id(emitter) for emitter, _ in new}
    for emitter, track in followed:
        if id(emitter) not in grouped:
            yield emitter, track, kinds[id(emitter)], tests[id(emitter)]


def without_sidebands(followed: Sequence[Followed], spectrum: HeardSpectrum) -> list[Followed]:
    """Leave out what belongs to a stronger emitter next to it (see `absorb_sidebands`)."""
    return absorb_sidebands(followed, spectrum.layout.bin_width_hz, compared=spectrum.compared)


def _spectrum(
    summary: VisitSummary, outcome: Outcome, instrument: Mapping[str, Any], frame: Mapping[str, Any] | None
) -> HeardSpectrum:
    """What the receiver heard, on its own frequencies: those of the baseline may be some ppm off."""
    shown = outcome.background_dbfs
    background = None if shown is None else linear(displaced_back(shown, summary.layout, outcome.error))
    ppm = instrument.get("ppm")
    return heard_spectrum(
        summary,
        background=None if frame is None else background,
        floor=linear(outcome.floor_dbfs),
        ppm=float(ppm) if isinstance(ppm, int | float) else 0.0,
        instrument=instrument,
        frame=frame or {},
        error=outcome.error,
        gain_db=outcome.gain_db,
    )
