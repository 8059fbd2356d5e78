"""How each kind of emitter is put on the air: one function a kind, in one dict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from sweep.scene import waveforms
from sweep.scene.draws import Key, generator, integer
from sweep.scene.ofdm import add_block
from sweep.scene.response import REACH, Response
from sweep.scene.schedule import Burst, Interval, bursts, intersect, slots, spells
from sweep.scene.schema import Carrier, Dmr, Dsss, Emitter, Gsm, Hopper, Nfm, Ofdm, Ook, Srd, Tetra, Wfm
from sweep.scene.window import Span, Window, cycles_at, to_phase

__all__ = ["EMITTERS", "Emission", "emit"]

_KEYING_S = 15e-6  # rise time of an on-off keyed oscillator
_WIDE_HZ = 100e3  # wider than this, the edge of the passband must be a filter and not a factor


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Emission:
    """One emitter as one hop receives it.

    Attributes
    ----------
    window : Window
    offset_hz : float
        Baseband frequency.
    amplitude : float
        Root mean square while on, 1 is full scale.
    key : tuple
        Of the emitter's random numbers.
    echo : tuple
        Of what is constant for as long as the propagation is.
    """

    window: Window
    offset_hz: float
    amplitude: float
    key: Key
    echo: Key

    def on(self, spec: Emitter) -> list[Interval]:
        """Times in ns at which the emitter is switched on."""
        return spells(self.key, self.window.time, duty=spec.duty, mean_on_s=spec.mean_on_s)

    def entry(self, library: waveforms.Library) -> int:
        """Point of a library at which this emitter's message starts."""
        return integer(library.points.size, *self.key, "message")

    def add(self, intervals: list[Interval], **modulation: Any) -> None:
        """Add to the window."""
        self.window.add(self.offset_hz, self.amplitude, self.window.spans(intervals), **modulation)


def _library_phase(emission: Emission, library: waveforms.Library) -> NDArray[np.uint32]:
    cut = emission.window.coarse(library.points, library.step, emission.entry(library))
    return cut.phase(np.asarray(cut.points, np.uint32), emission.window.n)


def _library_baseband(emission: Emission, library: waveforms.Library) -> NDArray[np.complex64]:
    cut = emission.window.coarse(library.points, library.step, emission.entry(library))
    return cut.baseband(np.asarray(cut.points, np.complex64), emission.window.n)


def _scaled_phase(
    emission: Emission, library: waveforms.Library, scale: float, tone: tuple[float, float] | None = None
) -> NDArray[np.uint32]:
    """Phase of ``scale`` times a library in cycles, and of a tone of (frequency, deviation) in Hz."""
    window = emission.window
    cut = window.coarse(library.points, library.step, emission.entry(library))
    cycles = scale * np.asarray(cut.points, np.float64)
    if tone is not None:
        freq_hz, deviation_hz = tone
        time_s = (np.arange(cycles.size) * cut.step - cut.lead) / window.sample_rate_hz
        turn = 2 * np.pi * (cycles_at(freq_hz, window.start_ns) + freq_hz * time_s)
        cycles += deviation_hz / (2 * np.pi * freq_hz) * np.sin(turn)
    return cut.phase(to_phase(cycles), window.n)


def _wfm(spec: Wfm, emission: Emission) -> None:
    rate = emission.window.sample_rate_hz
    if spec.programme == "stereo":
        phase = _library_phase(emission, waveforms.stereo_phase(rate, spec.deviation_hz))
    else:
        phase = _scaled_phase(emission, waveforms.speech_integral(rate, 1_200_000), spec.deviation_hz)
    emission.add(emission.on(spec), phase=phase)


def _nfm(spec: Nfm, emission: Emission) -> None:
    library = waveforms.speech_integral(emission.window.sample_rate_hz, 200_000)
    tone = None if spec.ctcss_hz is None else (spec.ctcss_hz, 0.15 * spec.deviation_hz)
    emission.add(emission.on(spec), phase=_scaled_phase(emission, library, spec.deviation_hz, tone))


def _carrier(spec: Carrier, emission: Emission) -> None:
    library = waveforms.carrier_phase(emission.window.sample_rate_hz)
    emission.add(emission.on(spec), phase=_scaled_phase(emission, library, spec.phase_noise_rad))


def _tetra(spec: Tetra, emission: Emission) -> None:
    span = emission.window.time
    frame = slots(emission.key, span, slot_ns=85e6 / 6, burst_ns=13.5e6, n_slots=4, used=spec.slots_used)
    baseband = _library_baseband(emission, waveforms.tetra_baseband(emission.window.sample_rate_hz))
    emission.add(intersect(emission.on(spec), frame), baseband=baseband)


def _dmr(spec: Dmr, emission: Emission) -> None:
    frame = slots(emission.key, emission.window.time, slot_ns=30e6, burst_ns=27.5e6, n_slots=2, used=spec.slots_used)
    phase = _library_phase(emission, waveforms.dmr_phase(emission.window.sample_rate_hz))
    emission.add(intersect(emission.on(spec), frame), phase=phase)


def _gsm(spec: Gsm, emission: Emission) -> None:
    span = emission.window.time
    frame = slots(emission.key, span, slot_ns=15e6 / 26, burst_ns=546_500.0, n_slots=8, used=spec.slots_used)
    phase = _library_phase(emission, waveforms.gsm_phase(emission.window.sample_rate_hz))
    emission.add(intersect(emission.on(spec), frame), phase=phase)


def _ofdm(spec: Ofdm, emission: Emission) -> None:
    add_block(
        emission.window,
        spec,
        offset_hz=emission.offset_hz,
        amplitude=emission.amplitude,
        key=emission.key,
        intervals=emission.on(spec),
        echo=emission.echo,
    )


def _srd(spec: Srd, emission: Emission) -> None:
    span = emission.window.time
    on = emission.on(spec)
    for burst in bursts(
        emission.key, span, period_s=spec.period_s, burst_s=spec.packet_s, repeats=spec.repeats, gap_s=spec.gap_s
    ):
        for piece in emission.window.spans(intersect(on, [(burst.start_ns, burst.stop_ns)])):
            if spec.modulation == "ook":
                _add_ook(emission, piece, burst, spec.bit_rate_hz)
            else:
                _add_fsk(emission, piece, burst, spec, emission.offset_hz)


def _ook(spec: Ook, emission: Emission) -> None:
    on = emission.on(spec)
    for burst in bursts(emission.key, emission.window.time, period_s=spec.period_s, burst_s=spec.burst_s):
        for piece in emission.window.spans(intersect(on, [(burst.start_ns, burst.stop_ns)])):
            _add_ook(emission, piece, burst, spec.bit_rate_hz)


def _hopper(spec: Hopper, emission: Emission) -> None:
    window = emission.window
    length = round(spec.hop_s * 1e9)
    reach = REACH * window.sample_rate_hz
    for interval in emission.on(spec):
        for number in range(interval[0] // length, interval[1] // length + 1):
            channel = integer(spec.channels, *emission.key, "channel", number)
            offset_hz = emission.offset_hz + (channel - 0.5 * (spec.channels - 1)) * spec.spacing_hz
            burst = Burst(number * length, (number + 1) * length, number)
            if abs(offset_hz) < reach:
                for piece in window.spans(intersect([interval], [(burst.start_ns, burst.stop_ns)])):
                    _add_fsk(emission, piece, burst, spec, offset_hz)


def _dsss(spec: Dsss, emission: Emission) -> None:
    library = waveforms.dsss_baseband(emission.window.sample_rate_hz, spec.bandwidth_hz)
    emission.add(emission.on(spec), baseband=_library_baseband(emission, library))


def _bits(emission: Emission, piece: Span, burst: Burst, rate_hz: float) -> NDArray[np.bool_]:
    """Bits of a burst's message, one for each sample of a piece of it."""
    window = emission.window
    into_s = (window.start_ns - burst.start_ns) / 1e9
    place = (into_s + np.arange(piece.start, piece.stop) / window.sample_rate_hz) * rate_hz
    n_bits = int((burst.stop_ns - burst.start_ns) / 1e9 * rate_hz) + 2
    bits = generator(*emission.key, "bits", burst.message).integers(0, 2, n_bits).astype(np.bool_)
    return np.asarray(bits[np.clip(place, 0, n_bits - 1).astype(np.int64)], np.bool_)


def _add_fsk(emission: Emission, piece: Span, burst: Burst, spec: Srd | Hopper, offset_hz: float) -> None:
    """Add a piece of a burst in continuous-phase two-level frequency-shift keying."""
    window = emission.window
    step = round(spec.deviation_hz / window.sample_rate_hz * 2**32)
    turns = np.where(_bits(emission, piece, burst, spec.bit_rate_hz), np.uint32(step), np.uint32(2**32 - step))
    phase = np.zeros(window.n, np.uint32)
    np.cumsum(turns, dtype=np.uint32, out=phase[piece.start : piece.stop])
    window.add(offset_hz, emission.amplitude, [piece], phase=phase)


def _add_ook(emission: Emission, piece: Span, burst: Burst, bit_rate_hz: float) -> None:
    """Add a piece of a burst in on-off keying with Manchester code: half of every bit is on."""
    window = emission.window
    into_s = (window.start_ns - burst.start_ns) / 1e9
    place = (into_s + np.arange(piece.start, piece.stop) / window.sample_rate_hz) * (2 * bit_rate_hz)
    second_half = (np.floor(place).astype(np.int64) & 1).astype(np.bool_)
    marks = (_bits(emission, piece, burst, bit_rate_hz) ^ second_half).astype(np.float32)
    rise_s = min(_KEYING_S, 0.1 / bit_rate_hz)
    n_rise = max(1, round(rise_s * window.sample_rate_hz))
    # marks are half of the time, and each of 1.5 slopes a bit loses a sixth of its length
    peak = np.sqrt(2 / (1 - 0.5 * n_rise / window.sample_rate_hz * bit_rate_hz))
    envelope = uniform_filter1d(marks, n_rise, mode="nearest") * np.float32(peak)
    window.add(emission.offset_hz, emission.amplitude, [Span(piece.start, piece.stop, envelope)])


EMITTERS: dict[str, Callable[[Any, Emission], None]] = {
    "wfm": _wfm,
    "nfm": _nfm,
    "carrier": _carrier,
    "tetra": _tetra,
    "dmr": _dmr,
    "gsm": _gsm,
    "ofdm": _ofdm,
    "srd": _srd,
    "ook": _ook,
    "hopper": _hopper,
    "dsss": _dsss,
}
"""From the kind in a scene file to the function that adds such an emitter to a window."""


def emit(spec: Emitter, emission: Emission) -> None:
    """Add an emitter to a window, through the receiver's filter where it reaches over the edge of the passband."""
    add = EMITTERS[kind_of(spec)]
    window = emission.window
    top = abs(emission.offset_hz) + 0.5 * spec.span_hz
    filtered = not isinstance(spec, Ofdm | Hopper) and spec.span_hz > _WIDE_HZ
    if window.response is None or not filtered or top <= 0.42 * window.sample_rate_hz:
        add(spec, emission)
        return
    factor = max(2, int(np.ceil(top / window.sample_rate_hz + REACH)))
    wide = Window(
        iq=np.zeros(window.n * factor, np.complex64),
        sample_rate_hz=window.sample_rate_hz * factor,
        start_ns=window.start_ns,
        response=None,
    )
    add(
        spec,
        Emission(
            window=wide,
            offset_hz=emission.offset_hz,
            amplitude=emission.amplitude,
            key=emission.key,
            echo=emission.echo,
        ),
    )
    if wide.iq.any():
        window.iq[:] += _decimated(wide, factor, window.response)


def kind_of(spec: Emitter) -> str:
    """Give the kind of an emitter as scene files write it."""
    return str(spec.__struct_config__.tag)


def _decimated(wide: Window, factor: int, response: Response) -> NDArray[np.complex64]:
    """Filter and keep every ``factor``-th sample; what the filter leaves beyond the passband folds back."""
    spectrum = fft.fft(wide.iq, overwrite_x=True)
    spectrum *= _filter(response, wide.n, wide.sample_rate_hz)
    folded = spectrum.reshape(factor, wide.n // factor).sum(axis=0) / np.float32(factor)
    return np.asarray(fft.ifft(folded, overwrite_x=True), np.complex64)


@lru_cache(maxsize=8)
def _filter(response: Response, n: int, sample_rate_hz: int) -> NDArray[np.float32]:
    gains = response.over(fft.fftfreq(n, 1 / sample_rate_hz)).astype(np.float32)
    gains.setflags(write=False)
    return gains
