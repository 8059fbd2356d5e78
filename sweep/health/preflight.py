"""All checks of a receiver before a sweep, in a few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial

from dsp.errors import DeviceError
from sweep.health.checks import FAIL, PASS, WARN, Check, not_possible
from sweep.health.counting import check_loss
from sweep.health.drift import DriftWatch
from sweep.health.receiver import (
    check_clipping,
    check_dc,
    check_image,
    check_noise_rise,
    check_range,
    check_retune,
    check_samples,
    check_settling,
    check_tuner,
)
from sweep.health.reference import check_frequency, find_reference
from sweep.health.survey import CheckedSource, Survey, survey_of

__all__ = ["preflight"]

_COUNT_S = 0.5
_LOST, _DRIFT = "receiver", "warm-up drift"
_BASIC = (_LOST, "samples")
"""Checks without which nothing else that rests on samples means anything."""


def preflight(source: CheckedSource, *, warm_up_s: float | None = None) -> tuple[Check, ...]:
    """Check an open receiver.

    Parameters
    ----------
    source : CheckedSource
    warm_up_s : float, optional
        Watch for so long how far the crystal drifts; by default that is not done.

    Returns
    -------
    tuple of Check
        What could be told. A receiver that is lost meanwhile is a check that failed, and the last one.
    """
    found: list[Check] = []
    try:
        found += _of_pipe(source)
        survey = survey_of(source)
        found += _of_survey(source, survey)
        if all(check.name not in _BASIC or check.state != FAIL for check in found):
            found += _of_looks(source, survey, warm_up_s)
    except DeviceError as error:
        found.append(Check(name=_LOST, state=FAIL, words=str(error)))
    return tuple(found)


def _of_pipe(source: CheckedSource) -> Sequence[Check]:
    count = source.count_losses(_COUNT_S)
    loss = not_possible("sample loss", "this driver has no counter; losses of the sweep are told by the clock")
    if count is not None:
        loss = check_loss(count, source.plan.hop_samples)
    return check_tuner(source.instrument), loss


def _of_survey(source: CheckedSource, survey: Survey) -> Sequence[Check]:
    if not survey.heard:
        return (Check(name=_LOST, state=FAIL, words="it refused every tuning that was tried; use another dongle"),)
    samples = check_samples(survey)
    if samples.state == FAIL:
        return (samples,)
    return (
        samples,
        check_dc(survey),
        check_clipping(survey, source.plan.gain_db),
        check_image(survey),
        check_range(survey),
        check_settling(source.instrument),
    )


def _of_looks(source: CheckedSource, survey: Survey, warm_up_s: float | None) -> Iterator[Check]:
    yield check_noise_rise(source, survey)
    yield check_retune(source, survey)
    reference = find_reference(source, survey)
    yield check_frequency(source, reference)
    if isinstance(reference, str):
        yield not_possible(_DRIFT, "nothing to measure it against: the frequency error is unknown")
        return
    watch = DriftWatch(partial(reference.read, source), reference.error)
    yield _warm_up(watch, warm_up_s)
    source.watch_drift(watch)


def _warm_up(watch: DriftWatch, warm_up_s: float | None) -> Check:
    """Keep the receiver at work and see how far its crystal drifts meanwhile."""
    if warm_up_s is None:
        why = "told while the sweep goes on; 'quietroom devices --check --warm-up 10m' tells before it"
        return not_possible(_DRIFT, why)
    begun_s = time.monotonic()
    drift = watch.measure()
    while time.monotonic() - begun_s < warm_up_s:
        drift = watch.measure()
    if drift is None:
        return not_possible(_DRIFT, "the carriers that it is measured against are not heard any more")
    words = f"{drift.ppm:+.1f} ppm in {time.monotonic() - begun_s:.0f} s, known to {drift.known_to_ppm:.1f} ppm"
    if drift.is_worth_saying:
        words += "; let the dongle run for a quarter of an hour before the sweep"
    state = WARN if drift.is_worth_saying else PASS
    return Check(name=_DRIFT, state=state, words=words, value=round(drift.ppm, 1) + 0.0, unit="ppm")
