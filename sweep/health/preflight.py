"""All checks of a receiver before a sweep, in a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from dsp.errors import DeviceError
from sweep.health.checks import FAIL, PASS, WARN, Check, not_possible
from sweep.health.counting import check_loss
from sweep.health.receiver import (
    check_clipping,
    check_dc,
    check_frequency,
    check_image,
    check_noise_rise,
    check_range,
    check_retune,
    check_samples,
    check_settling,
    check_tuner,
)
from sweep.health.survey import CheckedSource, survey_of

__all__ = ["preflight"]

_COUNT_S = 0.5
_DRIFT_PPM = 2.0
_LOST = "receiver"


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
        for step in (_of_pipe, _of_survey):
            found += step(source)
        found.append(_drift(source, found, warm_up_s))
    except DeviceError as error:
        found.append(Check(name=_LOST, state=FAIL, words=str(error)))
    return tuple(found)


def _of_pipe(source: CheckedSource) -> Sequence[Check]:
    count = source.count_losses(_COUNT_S)
    loss = not_possible("sample loss", "this driver has no counter; losses of the sweep are told by the clock")
    if count is not None:
        loss = check_loss(count, source.plan.hop_samples)
    return check_tuner(source.instrument), loss


def _of_survey(source: CheckedSource) -> Sequence[Check]:
    survey = survey_of(source)
    if not survey.heard:
        return (Check(name=_LOST, state=FAIL, words="it refused every tuning that was tried; use another dongle"),)
    of_samples = (
        check_samples(survey),
        check_dc(survey),
        check_clipping(survey, source.plan.gain_db),
        check_image(survey),
        check_range(survey),
        check_settling(source.instrument),
    )
    if of_samples[0].state == FAIL:  # nothing else that rests on samples means anything
        return of_samples[:1]
    looked: tuple[Callable[[], Check], ...] = (
        lambda: check_noise_rise(source, survey),
        lambda: check_retune(source, survey),
        lambda: check_frequency(source, survey),
    )
    return (*of_samples, *(check() for check in looked))


def _drift(source: CheckedSource, found: Sequence[Check], warm_up_s: float | None) -> Check:
    name = "warm-up drift"
    before = next((check for check in found if check.name == "frequency"), None)
    if before is None or before.value is None:
        return not_possible(name, "no broadcast stations to measure it against")
    if warm_up_s is None:
        why = "takes longer than the start of a sweep may; 'quietroom devices --check --warm-up 10m' tells"
        return not_possible(name, why)
    begun_s = time.monotonic()
    time.sleep(warm_up_s)
    after = check_frequency(source, survey_of(source))
    if after.value is None:
        return replace(after, name=name)
    drift, seconds = after.value - before.value, time.monotonic() - begun_s
    words = f"{drift:+.1f} ppm in {seconds:.0f} s"
    warm = abs(drift) <= _DRIFT_PPM
    if not warm:
        words += "; let the dongle run for a quarter of an hour before the sweep"
    return Check(name=name, state=PASS if warm else WARN, words=words, value=round(drift, 1), unit="ppm")
