"""Measurements of a receiver that stand still in frequency or need no antenna."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dsp.errors import DeviceError, ParameterError
from dsp.spectra import hop_spectra
from dsp.statistics import effective_averages
from sweep.calibration.profile import Absolute, Frequency, Gains, Terminated
from sweep.looks import LookRequest
from sweep.model import HopGap, HopSamples, IqSource
from sweep.plan import SweepPlan
from sweep.stored_hop import OVERLOAD_CLIP_FRACTION
from sweep.units import format_hz

__all__ = ["CalibrationSource", "measure_absolute", "measure_frequency", "measure_gains", "measure_terminated"]

_DWELLS = 8
_BESIDE_HZ = 300_000  # away from the receiver's own offset in the middle, well within every hop
_REACH_PPM = 150.0
_LEAST_SNR_DB, _GAIN_SNR_DB = 20.0, 15.0
_NOISE_OVER_DB = 6.0
_PEAK_BINS = 3
_MIDDLE_BINS, _MEDIAN_BINS = 8, 64
_SPUR_SIGMAS = 6.0


class CalibrationSource(IqSource, Protocol):
    """A receiver that can be tuned, and whose gains are known."""

    @property
    def gains_db(self) -> tuple[float, ...]:
        """Gains of its tuner, in dB."""
        ...

    def look(self, request: LookRequest) -> HopSamples:
        """Look at a tuning."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carrier:
    power_dbfs: float
    snr_db: float
    clip_fraction: float


def measure_terminated(source: CalibrationSource, passes: int) -> Terminated:
    """Measure floor and lines of a receiver whose input is terminated.

    A line is a bin that stands 6 standard deviations of its mean over the median of the 64 bins around it; the middle
    of each hop is left out, since the receiver's offset is there in every hop.

    Raises
    ------
    DeviceError
        A hop was not received.
    """
    plan = source.plan
    sums = np.zeros((plan.n_hops, plan.hop_bins))
    for block in source.blocks(passes):
        if isinstance(block, HopGap):
            raise DeviceError(f"not calibrated: {block.reason}")
        sums[block.hop_index] += _mean_power(block, plan)
    mean = sums / passes
    over = 1.0 + _SPUR_SIGMAS / np.sqrt(passes * effective_averages(plan.n_frames))
    freqs_hz: list[int] = []
    levels: list[float] = []
    for center_hz, power in zip(plan.hop_centers_hz, mean, strict=True):
        for peak in _lines_of(power, over):
            freqs_hz.append(center_hz + (peak - plan.hop_bins // 2) * plan.bin_width_hz)
            levels.append(_db(power[peak]))
    return Terminated(
        measured=_now(),
        gain_db=plan.gain_db or 0.0,
        bin_width_hz=plan.bin_width_hz,
        passes=passes,
        center_freq_hz=plan.hop_centers_hz,
        floor_dbfs=tuple(_db(float(np.median(power))) for power in mean),
        spur_freq_hz=tuple(freqs_hz),
        spur_dbfs=tuple(levels),
    )


def measure_frequency(source: CalibrationSource, carrier_hz: int) -> Frequency:
    """Measure the error of the crystal against a carrier whose frequency is known.

    Parameters
    ----------
    source : CalibrationSource
        With a correction of 0 ppm.
    carrier_hz : int
        Within 150 ppm, the strongest line there.

    Raises
    ------
    ParameterError
        No line stands 20 dB over the noise there.
    DeviceError
        The receiver is lost.

    Notes
    -----
    The line of a Hann window is interpolated with a parabola through the logarithms of three points.
    """
    samples = source.look(LookRequest(center_freq_hz=_beside(source.plan, carrier_hz), n_dwells=_DWELLS))
    values = _decoded(samples)
    power = np.abs(np.fft.fftshift(np.fft.fft(values * np.hanning(values.size)))) ** 2
    axis_hz = np.fft.fftshift(np.fft.fftfreq(values.size, 1 / samples.sample_rate_hz)) + samples.center_freq_hz
    near = np.flatnonzero(np.abs(axis_hz - carrier_hz) <= _REACH_PPM * 1e-6 * carrier_hz)
    peak = int(near[power[near].argmax()])
    snr_db = _db(power[peak] / np.median(power[near]))
    if snr_db < _LEAST_SNR_DB:
        raise ParameterError(
            f"no carrier within {_REACH_PPM:g} ppm of {format_hz(carrier_hz)}: the strongest line stands "
            f"{snr_db:.0f} dB over the noise, {_LEAST_SNR_DB:g} are needed; check frequency, antenna and gain"
        )
    left, middle, right = np.log(power[peak - 1 : peak + 2])
    shift = 0.5 * (left - right) / (left - 2 * middle + right)
    heard_hz = axis_hz[peak] + shift * (axis_hz[1] - axis_hz[0])
    return Frequency(
        measured=_now(),
        ppm=round(float((carrier_hz - heard_hz) / carrier_hz * 1e6), 3),
        carrier_hz=carrier_hz,
        carrier_snr_db=round(snr_db, 1),
    )


def measure_gains(source: CalibrationSource, at_hz: int, *, carrier: bool) -> Gains:
    """Measure the steps of the tuner's gain against that of the plan.

    A step is left out where the carrier stands less than 15 dB over the noise or clips; of noise, where it is not 6 dB
    over that at the lowest gain, which is that of the converter.

    Raises
    ------
    ParameterError
        The gains of the source are not known, or its own cannot be measured there.
    DeviceError
        The receiver is lost.
    """
    planned_db = source.plan.gain_db
    if planned_db is None or not source.gains_db:
        raise ParameterError("the gains of this source are not known; calibrate a dongle on this machine: rtlsdr:0")
    levels: dict[float, float] = {}
    lowest_db: float | None = None
    for gain_db in sorted({*source.gains_db, planned_db}):
        samples = source.look(
            LookRequest(center_freq_hz=_beside(source.plan, at_hz), gain_step_db=gain_db - planned_db, n_dwells=_DWELLS)
        )
        heard = _heard(samples, source.plan, at_hz)
        noise_db = _db(float(np.median(_mean_power(samples, source.plan))))
        lowest_db = noise_db if lowest_db is None else lowest_db
        clips = heard.clip_fraction > OVERLOAD_CLIP_FRACTION
        if not clips and (heard.snr_db >= _GAIN_SNR_DB if carrier else noise_db >= lowest_db + _NOISE_OVER_DB):
            levels[gain_db] = heard.power_dbfs if carrier else noise_db
    if planned_db not in levels:
        raise ParameterError(
            f"at {planned_db:g} dB {'the carrier' if carrier else 'the noise'} at {format_hz(at_hz)} is too weak or "
            "overloads; use another frequency, antenna or --gain"
        )
    return Gains(
        measured=_now(),
        method="carrier" if carrier else "noise",
        at_hz=at_hz,
        reference_gain_db=planned_db,
        gain_db=tuple(levels),
        relative_db=tuple(round(level - levels[planned_db], 2) for level in levels.values()),
    )


def measure_absolute(source: CalibrationSource, at_hz: int, level_dbm: float, expires: date) -> Absolute:
    """Measure how a carrier of known level reads.

    Raises
    ------
    ParameterError
        It is not there, too weak, or overloads the receiver.
    DeviceError
        The receiver is lost.
    """
    plan = source.plan
    samples = source.look(LookRequest(center_freq_hz=_beside(plan, at_hz), n_dwells=_DWELLS))
    heard = _heard(samples, plan, at_hz)
    if heard.snr_db < _LEAST_SNR_DB or heard.clip_fraction > OVERLOAD_CLIP_FRACTION:
        state = "overloads the receiver" if heard.clip_fraction > OVERLOAD_CLIP_FRACTION else "is not heard well enough"
        raise ParameterError(
            f"the carrier at {format_hz(at_hz)} {state} ({heard.snr_db:.0f} dB over the noise); feed one that stands "
            f"{_LEAST_SNR_DB:g} dB over it and does not clip"
        )
    return Absolute(
        measured=_now(),
        at_hz=at_hz,
        gain_db=plan.gain_db or 0.0,
        level_dbm=level_dbm,
        level_dbfs=round(heard.power_dbfs, 2),
        expires=expires,
    )


def _heard(samples: HopSamples, plan: SweepPlan, at_hz: int) -> _Carrier:
    """Power of the strongest line within 150 ppm: the bins around it, without the noise below them."""
    power = _mean_power(samples, plan)
    axis_hz = samples.center_freq_hz + (np.arange(power.size) - power.size // 2) * plan.bin_width_hz
    reach_hz = max(_REACH_PPM * 1e-6 * at_hz, 2 * plan.bin_width_hz)
    near = np.flatnonzero(np.abs(axis_hz - at_hz) <= reach_hz)
    peak = int(near[power[near].argmax()])
    floor = float(np.median(power))
    part = power[max(0, peak - _PEAK_BINS) : peak + _PEAK_BINS + 1]
    carrier = max(float(part.sum() - part.size * floor) / plan.layout().enbw_bins, 1e-30)
    rails = np.isin(samples.raw, (0, 255)) if samples.sample_format == "cu8" else np.zeros(1, bool)
    return _Carrier(power_dbfs=_db(carrier), snr_db=_db(power[peak] / floor), clip_fraction=float(rails.mean()))


def _mean_power(samples: HopSamples, plan: SweepPlan) -> NDArray[np.float64]:
    """Mean spectrum over the dwells of some samples, linear, of one hop."""
    n_values = 2 * plan.hop_samples
    dwells = samples.raw[: samples.raw.size // n_values * n_values].reshape(-1, n_values)
    spectra = [
        hop_spectra(dwell, samples.sample_format, n_fft=plan.n_fft, n_frames=plan.n_frames, hop_bins=plan.hop_bins).mean
        for dwell in dwells
    ]
    return np.asarray(np.mean(np.asarray(spectra, np.float64), axis=0), np.float64)


def _lines_of(power: NDArray[np.float64], over: float) -> Sequence[int]:
    """Bins of a hop that stand out of those around them, the highest of neighbours."""
    n_parts = max(1, power.size // _MEDIAN_BINS)
    floors = np.concatenate([np.full(part.size, np.median(part)) for part in np.array_split(power, n_parts)])
    middle = power.size // 2
    stands = power > over * floors
    stands[middle - _MIDDLE_BINS : middle + _MIDDLE_BINS + 1] = False
    edges = np.flatnonzero(np.diff(np.concatenate(([0], stands.view(np.int8), [0]))))
    return [int(start + power[start:stop].argmax()) for start, stop in edges.reshape(-1, 2)]


def _beside(plan: SweepPlan, freq_hz: int) -> int:
    return round((freq_hz - _BESIDE_HZ) / plan.bin_width_hz) * plan.bin_width_hz


def _decoded(samples: HopSamples) -> NDArray[np.complex128]:
    if samples.sample_format != "cu8":
        raise ParameterError(f"samples are {samples.sample_format}, not cu8 as a dongle gives them; calibrate a dongle")
    parts = samples.raw.astype(np.float64) - 127.5
    return np.asarray(parts[0::2] + 1j * parts[1::2], np.complex128)


def _db(power: float) -> float:
    return round(float(10 * np.log10(max(float(power), 1e-25))), 2)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
