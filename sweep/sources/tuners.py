"""The tuner chips behind an RTL2832U: what they cover, which gains they have, and the plan of a live sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsp.errors import ParameterError
from sweep.plan import DEFAULT_SAMPLE_RATE_HZ, SweepPlan, plan_hops
from sweep.sources.options import SourceOptions
from sweep.units import format_hz

__all__ = [
    "DEFAULT_GAIN_DB",
    "NOT_REPORTED",
    "ReceiverSettings",
    "Tuner",
    "live_plan",
    "nearest_gain_db",
    "rate_notes",
    "tuner_of",
]

DEFAULT_GAIN_DB = 28.0
"""Leaves head-room for a strong broadcast band and is well above the noise of the converter."""

NOT_REPORTED = "the driver reports neither lost samples nor an unlocked tuner"
"""What a record should say about every RTL-SDR dongle."""

_RATES_HZ = ((225_001, 300_000), (900_001, 3_200_000))
_SAFE_RATE_HZ = 2_560_000
_R82XX_GAINS = (
    *(0.0, 0.9, 1.4, 2.7, 3.7, 7.7, 8.7, 12.5, 14.4, 15.7, 16.6, 19.7, 20.7, 22.9, 25.4, 28.0, 29.7, 32.8, 33.8),
    *(36.4, 37.2, 38.6, 40.2, 42.1, 43.4, 43.9, 44.5, 48.0, 49.6),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuner:
    """A tuner chip.

    Attributes
    ----------
    name : str
    ranges_hz : tuple of (start, stop)
        What it tunes, in Hz; some have a hole.
    gains_db : tuple of float
        As in librtlsdr's tables; empty when unknown.
    """

    name: str
    ranges_hz: tuple[tuple[int, int], ...]
    gains_db: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings:
    """What a receiver is set to for a whole visit; the automatic gain is off."""

    sample_rate_hz: int
    gain_db: float
    ppm: int


# Numbers of librtlsdr's enum rtlsdr_tuner; ranges from osmocom's rtl-sdr page; gains from librtlsdr's tables.
_TUNERS = {
    1: Tuner(
        name="E4000",
        ranges_hz=((52_000_000, 1_100_000_000), (1_250_000_000, 2_200_000_000)),
        gains_db=(-1.0, 1.5, 4.0, 6.5, 9.0, 11.5, 14.0, 16.5, 19.0, 21.5, 24.0, 29.0, 34.0, 42.0),
    ),
    2: Tuner(name="FC0012", ranges_hz=((22_000_000, 948_600_000),), gains_db=(-9.9, -4.0, 7.1, 17.9, 19.2)),
    3: Tuner(name="FC0013", ranges_hz=((22_000_000, 1_100_000_000),)),
    4: Tuner(name="FC2580", ranges_hz=((146_000_000, 308_000_000), (438_000_000, 924_000_000))),
    5: Tuner(name="R820T", ranges_hz=((24_000_000, 1_766_000_000),), gains_db=_R82XX_GAINS),
    6: Tuner(name="R828D", ranges_hz=((24_000_000, 1_766_000_000),), gains_db=_R82XX_GAINS),
}


def tuner_of(number: int) -> Tuner:
    """Look a tuner up by librtlsdr's number; an unknown one is taken to cover what an R820T does.

    Examples
    --------
    >>> tuner_of(5).name, tuner_of(99).name
    ('R820T', 'unknown tuner 99')
    """
    return _TUNERS.get(number) or Tuner(name=f"unknown tuner {number}", ranges_hz=((24_000_000, 1_766_000_000),))


def nearest_gain_db(gains_db: Sequence[float], wanted_db: float | None) -> float:
    """Give the supported gain nearest to the wanted one, in dB.

    Parameters
    ----------
    gains_db : sequence of float
        Not empty.
    wanted_db : float or None
        None means `DEFAULT_GAIN_DB`.

    Examples
    --------
    >>> nearest_gain_db(tuner_of(5).gains_db, 30)
    29.7
    """
    target = DEFAULT_GAIN_DB if wanted_db is None else wanted_db
    return min(gains_db, key=lambda gain: abs(gain - target))


def live_plan(options: SourceOptions, tuner: Tuner, gain_db: float | None) -> SweepPlan:
    """Make the plan of a live sweep: the ranges of the options, or all that the tuner covers.

    Raises
    ------
    ParameterError
        The receiver cannot give the rate, or the tuner does not reach a range.
    """
    rate = DEFAULT_SAMPLE_RATE_HZ if options.sample_rate_hz is None else options.sample_rate_hz
    if not any(low <= rate <= high for low, high in _RATES_HZ):
        raise ParameterError(
            f"sample rate {rate} Hz is none that an RTL2832U gives; use 225001 to 300000 or 900001 to 3200000 Hz"
        )
    lowest, highest = tuner.ranges_hz[0][0], tuner.ranges_hz[-1][1]
    ranges_hz = _reached(options.ranges_hz, tuner) if options.shared else options.ranges_hz
    for start, stop in ranges_hz:
        if start < lowest or stop > highest:
            raise ParameterError(
                f"range {format_hz(start)} to {format_hz(stop)} is outside what a {tuner.name} tunes; "
                f"stay within {format_hz(lowest)} to {format_hz(highest)}"
            )
    return plan_hops(
        ranges_hz or tuner.ranges_hz,
        sample_rate_hz=rate,
        bin_width_hz=options.bin_width_hz,
        n_frames=options.n_frames,
        gain_db=gain_db,
    )


def _reached(ranges_hz: tuple[tuple[int, int], ...], tuner: Tuner) -> tuple[tuple[int, int], ...]:
    """What a tuner reaches of some ranges."""
    cut = [(max(a, low), min(b, high)) for a, b in ranges_hz for low, high in tuner.ranges_hz]
    reached = tuple((start, stop) for start, stop in cut if start < stop)
    if ranges_hz and not reached:
        raise ParameterError(
            f"a {tuner.name} tunes {format_hz(tuner.ranges_hz[0][0])} to {format_hz(tuner.ranges_hz[-1][1])}, nothing "
            "of the ranges; leave this source out"
        )
    return reached


def rate_notes(sample_rate_hz: int) -> tuple[str, ...]:
    """Say what a record should say about a sample rate.

    Examples
    --------
    >>> rate_notes(2_400_000)
    ()
    """
    if sample_rate_hz <= _SAFE_RATE_HZ:
        return ()
    return (f"above {_SAFE_RATE_HZ} Hz an RTL2832U loses samples without saying so",)
