"""Carriers whose frequency is known: what of them is heard, and what they say of the crystal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.health.carriers import CarrierError, carrier_error, station_offsets
from sweep.health.checks import PASS, Check, graded, not_possible
from sweep.health.gsm import GSM_BANDS_HZ, gsm_offsets
from sweep.health.samples import complex_samples, level_dbfs
from sweep.health.survey import FM_BAND_HZ, CheckedSource, Survey, listen
from sweep.sources.live import TuningRefusedError

__all__ = ["Reference", "check_frequency", "find_reference"]

_Offsets = Callable[[NDArray[np.complex64], int, int], list[tuple[float, float]]]

_MOST_TUNINGS = 3
_TOUR_S, _TOUR_SHARE, _CONTRAST_DB = 0.01, 0.75, 3.0
_ON_RASTER_PPM, _AGREE_PPM = 250.0, 10.0
_PPM = (5.0, 60.0)
_UNKNOWN = "unknown: no GSM base station is heard, and too few broadcast stations agree"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of carrier: how it is called and listened to, and how well it is known in the best case."""

    noun: str
    listen_s: float
    offsets: _Offsets
    fewest: int
    known_to_ppm: float


_BROADCAST = _Kind(noun="broadcast station", listen_s=0.25, offsets=station_offsets, fewest=2, known_to_ppm=0.5)
_GSM = _Kind(noun="GSM base station", listen_s=0.25, offsets=gsm_offsets, fewest=1, known_to_ppm=0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Carriers that were heard at some tunings, and the error that they show."""

    kind: _Kind
    tunings_hz: tuple[int, ...]
    error: CarrierError

    def read(self, source: CheckedSource) -> CarrierError | None:
        """Listen to them again; None where too few are heard.

        Raises
        ------
        DeviceError
            The receiver was lost.
        """
        return _error(self.kind, _heard(source, self.kind, self.tunings_hz)[1])


def find_reference(source: CheckedSource, survey: Survey) -> Reference | str:
    """Look for carriers to measure the crystal against; why not, where there are none.

    GSM base stations are known far better; where broadcast stations are heard too, the two must agree.

    Raises
    ------
    DeviceError
        The receiver was lost.
    """
    broadcast, why = _reference(source, _BROADCAST, _fm_tunings(source, survey))
    gsm, _ = _reference(source, _GSM, _gsm_tunings(source))
    if gsm is None:
        return broadcast or f"{_UNKNOWN}; {why}"
    if broadcast is not None:
        apart_ppm = abs(gsm.error.ppm - broadcast.error.ppm)
        if apart_ppm > _AGREE_PPM + broadcast.error.spread_ppm:
            return (
                f"unknown: GSM and broadcast stations are {apart_ppm:.0f} ppm apart; one of them is not what it seems"
            )
    return gsm


def check_frequency(source: CheckedSource, reference: Reference | str) -> Check:
    """How far the crystal is off."""
    name = "frequency"
    if isinstance(reference, str):
        return not_possible(name, reference)
    error, noun = reference.error, reference.kind.noun
    ppm = round(error.ppm, 1) + 0.0  # not -0
    state = graded(abs(ppm), warn=_PPM[0], fail=_PPM[1])
    stations = noun if error.n_stations == 1 else f"{noun}s"
    words = f"{ppm:+.1f} ppm off, by {error.n_stations} {stations} within {error.known_to_ppm:.1f} ppm"
    if state != PASS:
        words += f"; correct it with --ppm {round((source.instrument.ppm or 0.0) + error.ppm)}"
    return Check(name=name, state=state, words=words, value=ppm, unit="ppm")


def _reference(source: CheckedSource, kind: _Kind, tunings_hz: tuple[int, ...]) -> tuple[Reference | None, str]:
    """What can be told by carriers of a kind, and why nothing can."""
    useful_hz, offsets = _heard(source, kind, tunings_hz)
    error = _error(kind, offsets)
    if error is None:
        return None, f"{len(offsets)} heard, where {max(kind.fewest, len(offsets) // 2 + 1)} that agree are needed"
    return Reference(kind=kind, tunings_hz=useful_hz, error=error), ""


def _heard(
    source: CheckedSource, kind: _Kind, tunings_hz: tuple[int, ...]
) -> tuple[tuple[int, ...], list[tuple[float, float]]]:
    """Tunings at which carriers of a kind are heard, and those with their offsets, each once.

    The receiver's own offset is taken away: it stands on the raster, and would pass for a carrier without an error.
    """
    found: dict[float, tuple[float, float]] = {}
    useful_hz = []
    for freq_hz in tunings_hz:
        iq = complex_samples(listen(source, freq_hz, kind.listen_s))
        offsets = kind.offsets(iq - iq.mean(), freq_hz, source.plan.sample_rate_hz)
        useful_hz += [freq_hz] if offsets else []
        for offset in offsets:
            found.setdefault(offset[0], offset)
    return tuple(useful_hz), list(found.values())


def _error(kind: _Kind, offsets: list[tuple[float, float]]) -> CarrierError | None:
    """What the carriers say that agree; None where they are too few, or no more than half of all."""
    on_raster = [one for one in offsets if abs(one[1]) < _ON_RASTER_PPM * 1e-6 * one[0]]
    if not on_raster:
        return None
    ppm = np.array([-1e6 * offset_hz / freq_hz for freq_hz, offset_hz in on_raster])
    agree = [one for one, is_near in zip(on_raster, np.abs(ppm - np.median(ppm)) <= _AGREE_PPM, strict=True) if is_near]
    if len(agree) < kind.fewest or 2 * len(agree) <= len(on_raster):
        return None
    return carrier_error(agree, known_to_ppm=kind.known_to_ppm)


def _fm_tunings(source: CheckedSource, survey: Survey) -> tuple[int, ...]:
    """The strongest tunings of the FM band that show other stations each."""
    low, high = FM_BAND_HZ
    in_band = [one for one in survey.heard if low < one.freq_hz < high]
    chosen: list[int] = []
    for one in sorted(in_band, key=lambda one: -one.facts.level_dbfs):
        if all(abs(one.freq_hz - other_hz) >= _TOUR_SHARE * source.plan.sample_rate_hz for other_hz in chosen):
            chosen.append(one.freq_hz)
    return tuple(chosen[:_MOST_TUNINGS])


def _gsm_tunings(source: CheckedSource) -> tuple[int, ...]:
    """The strongest tunings of the GSM bands, after a short tour; none where all are alike, which is noise."""
    levels: dict[int, float] = {}
    for freq_hz in _tour_hz(source):
        try:
            levels[freq_hz] = level_dbfs(listen(source, freq_hz, _TOUR_S))
        except TuningRefusedError:
            continue
    quiet_dbfs = min(levels.values(), default=0.0)
    loud = [freq_hz for freq_hz, level in levels.items() if level > quiet_dbfs + _CONTRAST_DB]
    return tuple(sorted(loud, key=lambda freq_hz: -levels[freq_hz])[:_MOST_TUNINGS])


def _tour_hz(source: CheckedSource) -> Iterator[int]:
    step_hz = round(_TOUR_SHARE * source.plan.sample_rate_hz)
    for first_hz, last_hz in GSM_BANDS_HZ:
        for freq_hz in range(first_hz + step_hz // 2, last_hz + step_hz // 2, step_hz):
            if any(start <= freq_hz <= stop for start, stop in source.tunes_hz):
                yield freq_hz
