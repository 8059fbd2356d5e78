"""The checks of one receiver, each from what a survey or a few looks gave."""

from __future__ import annotations

import numpy as np

from sweep.health.checks import FAIL, PASS, WARN, Check, State, graded, not_possible
from sweep.health.samples import level_dbfs
from sweep.health.survey import CheckedSource, Survey, listen
from sweep.model import Instrument
from sweep.stored_hop import OVERLOAD_CLIP_FRACTION, OVERLOAD_RMS_DBFS
from sweep.units import format_hz

__all__ = [
    "check_clipping",
    "check_dc",
    "check_image",
    "check_noise_rise",
    "check_range",
    "check_retune",
    "check_samples",
    "check_settling",
    "check_tuner",
]

_FEWEST_CODES = 3
_DC_DBFS = (-25.0, -10.0)
_IMAGE_DB = (30.0, 18.0)
_OVERLOADED_SHARE = 0.5
_REFUSED_SHARE = 0.1
_RISE_DB = (3.0, 1.0)
_LOW_STEP_DB = 5.0
_RETUNE_S, _BLOCK = 0.25, 1024
_CONTRAST_DB, _STALE_DB = 3.0, 1.0
_SLOW_S = 0.06


def check_tuner(instrument: Instrument) -> Check:
    """Whether the tuner is one whose range and gains are known."""
    if instrument.tuner is None or instrument.tuner.startswith("unknown"):
        words = f"{instrument.tuner or 'no tuner told'}: its range and gains are not known; use a dongle with an R820T"
        return Check(name="tuner", state=WARN, words=words)
    return Check(name="tuner", state=PASS, words=instrument.tuner)


def check_samples(survey: Survey) -> Check:
    """Whether samples change at all, and are not handed out again."""
    name, cure = "samples", "unplug the dongle and plug it in again, into another port"
    fewest = min(one.facts.n_codes for one in survey.heard)
    repeated = max(one.facts.repeated_share for one in survey.heard)
    if fewest < _FEWEST_CODES:
        words = f"stuck: {fewest} different values where noise gives dozens; {cure}"
        return Check(name=name, state=FAIL, words=words, value=float(fewest), unit="values")
    if repeated > 0:
        words = f"repeated: {100 * repeated:.0f} % of the packets had come before, byte for byte; {cure}"
        return Check(name=name, state=FAIL, words=words, value=round(100 * repeated, 2), unit="%")
    words = f"{fewest} different values or more at each tuning, no packet twice"
    return Check(name=name, state=PASS, words=words, value=0.0, unit="%")


def check_dc(survey: Survey) -> Check:
    """Whether the converter stands in its middle."""
    worst = max(one.facts.dc_dbfs for one in survey.heard)
    state = graded(worst, warn=_DC_DBFS[0], fail=_DC_DBFS[1])
    words = f"at most {worst:.1f} dBFS"
    if state != PASS:
        words += "; it hides what lies in the middle of a hop and takes room from the converter: use another dongle"
    return Check(name="dc", state=state, words=words, value=round(worst, 1), unit="dBFS")


def check_image(survey: Survey) -> Check:
    """How far the image lies below what makes it."""
    image_db = float(np.median([one.facts.image_db for one in survey.heard]))
    state = graded(-image_db, warn=-_IMAGE_DB[0], fail=-_IMAGE_DB[1])
    words = f"{image_db:.0f} dB below what makes it"
    if state != PASS:
        words += "; each strong emitter shows a second time, mirrored: use another dongle"
    return Check(name="image", state=state, words=words, value=round(image_db, 1), unit="dB")


def check_clipping(survey: Survey, gain_db: float | None) -> Check:
    """Whether the gain leaves the converter room."""
    loud = [
        one
        for one in survey.heard
        if one.facts.clip_fraction > OVERLOAD_CLIP_FRACTION or one.facts.level_dbfs > OVERLOAD_RMS_DBFS
    ]
    worst = max(one.facts.clip_fraction for one in survey.heard)
    state: State = PASS
    words = f"none of {len(survey.heard)} tunings overloads the converter"
    if loud:
        state = FAIL if len(loud) > _OVERLOADED_SHARE * len(survey.heard) else WARN
        most = max(loud, key=lambda one: one.facts.level_dbfs)
        now = "" if gain_db is None else f" (now {gain_db:g} dB)"
        words = (
            f"{len(loud)} of {len(survey.heard)} tunings overload the converter, most of all "
            f"{format_hz(most.freq_hz)}; choose a lower --gain{now}"
        )
    return Check(name="clipping", state=state, words=words, value=round(100 * worst, 4), unit="%")


def check_range(survey: Survey) -> Check:
    """Whether the tuner takes the frequencies of the plan."""
    refused = len(survey.refused_hz)
    words = f"all of {survey.n_planned} tunings of the plan that were tried"
    state: State = PASS
    if refused:
        state = FAIL if refused > _REFUSED_SHARE * survey.n_planned else WARN
        words = (
            f"{refused} of {survey.n_planned} tunings of the plan were refused, the lowest at "
            f"{format_hz(min(survey.refused_hz))}; narrow the --range, or use another dongle"
        )
    return Check(name="tuning range", state=state, words=words, value=float(refused), unit="refused")


def check_settling(instrument: Instrument) -> Check:
    """How long the receiver needs after a retune, and whether that was measured."""
    name, settle_s = "settle time", instrument.settle_s
    if settle_s is None:
        return not_possible(name, "this receiver does not tell")
    value = round(1e3 * settle_s, 2)
    if not instrument.settle_measured:
        words = f"{value:g} ms assumed: {_reason(instrument)}"
        return Check(name=name, state=WARN, words=words, value=value, unit="ms")
    slow = settle_s > _SLOW_S
    words = f"{value:g} ms, measured" + ("; that is slow: use another USB port" if slow else "")
    return Check(name=name, state=WARN if slow else PASS, words=words, value=value, unit="ms")


def _reason(instrument: Instrument) -> str:
    note = next((note for note in instrument.notes if "assumed" in note), "")
    return note.partition("assumed: ")[2].partition(";")[0] or "it could not be measured"


def check_noise_rise(source: CheckedSource, survey: Survey) -> Check:
    """Whether the noise rises with the gain: with a dead input, or without a working amplifier, it does not.

    Raises
    ------
    DeviceError
        The receiver was lost.
    """
    name, gains_db, gain_db = "noise rise", source.gains_db, source.plan.gain_db
    if not gains_db or gain_db is None:
        return not_possible(name, "the gains of this receiver are not known")
    low_db, freq_hz = min(gains_db), survey.weakest.freq_hz
    high_db = gain_db if gain_db >= low_db + _LOW_STEP_DB else max(gains_db)
    low, high = (
        level_dbfs(listen(source, freq_hz, 2 * source.plan.dwell_s, gain_step_db=one_db - gain_db))
        for one_db in (low_db, high_db)
    )
    rise_db = high - low
    words = f"{rise_db:.1f} dB from a gain of {low_db:g} to {high_db:g} dB at {format_hz(freq_hz)}"
    state = graded(-rise_db, warn=-_RISE_DB[0], fail=-_RISE_DB[1])
    if state == FAIL:
        words += ": the input is dead; check antenna, cable and connector, raise --gain, or use another dongle"
    elif state == WARN:
        words += ": the converter's own noise covers what the antenna gives; check antenna and cable, or raise --gain"
    return Check(name=name, state=state, words=words, value=round(rise_db, 1), unit="dB")


def check_retune(source: CheckedSource, survey: Survey) -> Check:
    """Whether what comes after the settle time is of the new frequency: the level then stays as it is.

    Raises
    ------
    DeviceError
        The receiver was lost.
    """
    name, strong, weak = "lock after retune", survey.strongest, survey.weakest
    contrast_db = strong.facts.level_dbfs - weak.facts.level_dbfs
    if contrast_db < _CONTRAST_DB:
        why = f"received power differs by {contrast_db:.1f} dB from tuning to tuning, {_CONTRAST_DB:g} are needed"
        return not_possible(name, why)
    worst_db, ends_db = 0.0, {strong.freq_hz: 0.0, weak.freq_hz: 0.0}
    for freq_hz in (strong.freq_hz, weak.freq_hz, strong.freq_hz, weak.freq_hz):
        raw = listen(source, freq_hz, _RETUNE_S)
        blocks = raw[: raw.size // (2 * _BLOCK) * 2 * _BLOCK].reshape(-1, 2 * _BLOCK)
        levels = np.array([level_dbfs(block) for block in blocks])
        ends_db[freq_hz] = float(np.median(levels[levels.size // 2 :]))
        if freq_hz == weak.freq_hz:  # the strong one may be speech or music, whose level moves
            worst_db = max(worst_db, float(np.median(levels[:4])) - ends_db[freq_hz])
    if worst_db <= _STALE_DB and ends_db[strong.freq_hz] - ends_db[weak.freq_hz] < _CONTRAST_DB:
        return not_possible(name, f"what was strong at {format_hz(strong.freq_hz)} was gone when it was tuned to again")
    moved = worst_db > _STALE_DB
    words = f"levels stay within {worst_db:.1f} dB of where they end, between {format_hz(strong.freq_hz)} and "
    words += format_hz(weak.freq_hz)
    if moved:
        words = f"{worst_db:.1f} dB of the old tuning are left after the settle time; plug the dongle in again, "
        words += "into another port, or use another one"
    return Check(name=name, state=FAIL if moved else PASS, words=words, value=round(worst_db, 1), unit="dB")
