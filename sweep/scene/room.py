"""A scene at one visit: what a dongle in that room receives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParameterError
from sweep.scene.draws import normal, uniform
from sweep.scene.emitters import Emission, emit
from sweep.scene.receiver import QUANTISATION_POWER, View, add_noise, add_spurs, distort, quantise, views
from sweep.scene.response import REACH, Response
from sweep.scene.schema import Emitter, Scene
from sweep.scene.visit import VisitState
from sweep.scene.window import Window

__all__ = ["Room", "Station", "choose_bugs"]

_INAUDIBLE_DBFS = -95.0  # 25 dB below the noise of one bin of 2.5 kHz in 8-bit samples
_DEEPEST_FADE_DB = -25.0


@dataclass(frozen=True, slots=True)
class Station:
    """One transmitter: an emitter of a scene, or one of its group."""

    name: str
    center_freq_hz: int
    spec: Emitter


def choose_bugs(scene: Scene, choice: str) -> tuple[str, ...]:
    """Choose planted bugs by name.

    Parameters
    ----------
    scene : Scene
    choice : str
        ``none``, ``all``, or names with commas.

    Raises
    ------
    ParameterError
        The scene has no such bug.
    """
    names = tuple(bug.name for bug in scene.bugs)
    if choice in ("none", "all"):
        return names if choice == "all" else ()
    chosen = tuple(choice.split(","))
    for name in chosen:
        if name not in names:
            raise ParameterError(f"bug {name!r} is not in the scene; it has none, all, or of {', '.join(names) or '-'}")
    return tuple(name for name in names if name in chosen)


def stations_of(emitter: Emitter) -> list[Station]:
    """Give the transmitters of an emitter: itself, or the members of its group."""
    if isinstance(emitter.center_freq_hz, int):
        return [Station(emitter.name, emitter.center_freq_hz, emitter)]
    return [Station(f"{emitter.name}-{k}", freq, emitter) for k, freq in enumerate(emitter.center_freq_hz, 1)]


class Room:
    """A scene at one visit, heard by a dongle with one gain and ppm correction.

    Parameters
    ----------
    scene : Scene
    seed : int
        Of every random number.
    visit : int
        0, 1, 2 ...
    bugs : tuple of str
        Names of the planted bugs that transmit.
    sample_rate_hz : int
    gain_db : float
        Tuner gain; signals and external noise rise with it.
    ppm : int
        Correction that the dongle applies.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        seed: int,
        visit: int = 0,
        bugs: tuple[str, ...] = (),
        sample_rate_hz: int = 2_400_000,
        gain_db: float | None = None,
        ppm: int = 0,
    ) -> None:
        self.scene = scene
        self.state = VisitState.drawn(scene, seed, visit)
        self.gain_db = scene.receiver.gain_db if gain_db is None else gain_db
        self._seed, self._visit = seed, visit
        self._sample_rate_hz = sample_rate_hz
        self._correction = 1 + ppm * 1e-6
        self._scale = self._correction / (1 + self.state.ppm * 1e-6)
        self._response = Response(sample_rate_hz)
        self._views = views(scene.receiver)
        planted = [bug for bug in scene.bugs if bug.name in bugs]
        everyone = [station for emitter in (*scene.emitters, *planted) for station in stations_of(emitter)]
        self.stations = tuple(station for station in everyone if self._present(station))
        freqs = np.array([station.center_freq_hz for station in self.stations], np.float64)
        half = np.array([0.5 * (s.spec.span_hz + s.spec.roams_hz) for s in self.stations], np.float64)
        self._low, self._high = (freqs - half) * self._scale, (freqs + half) * self._scale

    def capture(
        self, center_freq_hz: float, start_ns: int, n_samples: int, *, pass_index: int, hop_index: int
    ) -> NDArray[np.uint8]:
        """Receive one hop.

        Parameters
        ----------
        center_freq_hz : float
            What the dongle is told to tune to.
        start_ns : int
            Simulated UTC of the first sample.
        n_samples : int
        pass_index, hop_index : int
            Choose fading and noise.

        Returns
        -------
        ndarray of uint8, shape (2 * n_samples,)
        """
        iq = self.signals(center_freq_hz, start_ns, n_samples, pass_index=pass_index)
        if iq.any():
            distort(iq, self.scene.receiver, self._seed)
        window = self._window(iq, start_ns)
        add_spurs(window, self.scene.receiver, center_freq_hz, self._correction, self._seed)
        density = self.state.noise_density(self.scene, center_freq_hz) * self._tuner_gain
        add_noise(window, self.scene.receiver, density, (self._seed, self._visit, pass_index, hop_index))
        return quantise(iq)

    def signals(
        self, center_freq_hz: float, start_ns: int, n_samples: int, *, pass_index: int
    ) -> NDArray[np.complex64]:
        """Receive the emitters alone, without noise and before the faults of the receiver.

        Returns
        -------
        ndarray of complex64, shape (n_samples,)
            1 is full scale.
        """
        iq = np.zeros(n_samples, np.complex64)
        for view in self._views:
            part = np.zeros(n_samples, np.complex64) if view.inverted else iq
            self._receive(self._window(part, start_ns), view, center_freq_hz, pass_index)
            if view.inverted:
                iq += np.conj(part)
        return iq

    def power_dbfs(self, station: Station, pass_index: int) -> float:
        """Power of a transmitter while on, as this visit and pass receive it, relative to full scale."""
        spec, freq_hz = station.spec, station.center_freq_hz
        power = self._fading_db(station, pass_index) + 10 * math.log10(self._tuner_gain)
        if spec.snr_db is not None:
            density = self.state.noise_density(self.scene, freq_hz) + QUANTISATION_POWER / self._sample_rate_hz
            return power + spec.snr_db + 10 * math.log10(density * spec.noise_bw_hz)
        assert spec.power_dbfs is not None  # the schema asks for one of the two
        spread = spec.power_spread_db * (2 * uniform(self._seed, station.name, "level") - 1)
        here = self.state.receiver_gain_db(freq_hz) + self.state.antenna_db(freq_hz)
        return power + spec.power_dbfs + spread + here

    def place_hz(self, station: Station, pass_index: int) -> float:
        """Centre frequency of a transmitter in a pass, before the dongle's frequency error."""
        if not station.spec.roams_hz:
            return station.center_freq_hz
        away = uniform(self._seed, station.name, "place", self._visit, pass_index) - 0.5
        return station.center_freq_hz + away * station.spec.roams_hz

    @property
    def _tuner_gain(self) -> float:
        return float(10 ** ((self.gain_db - self.scene.receiver.gain_db) / 10))

    def _window(self, iq: NDArray[np.complex64], start_ns: int) -> Window:
        return Window(iq=iq, sample_rate_hz=self._sample_rate_hz, start_ns=start_ns, response=self._response)

    def _present(self, station: Station) -> bool:
        return uniform(self._seed, station.name, "presence", self._visit) < station.spec.presence

    def _receive(self, window: Window, view: View, tuned_hz: float, pass_index: int) -> None:
        centre = view.multiple * tuned_hz + view.offset_hz
        reach = REACH * self._sample_rate_hz
        for number in np.flatnonzero((self._low < centre + reach) & (self._high > centre - reach)):
            station = self.stations[number]
            offset_hz = self.place_hz(station, pass_index) * self._scale - centre
            if abs(offset_hz) - 0.5 * station.spec.span_hz > reach:
                continue  # it roams, and is elsewhere in this pass
            power_dbfs = self.power_dbfs(station, pass_index) - view.loss_db
            if power_dbfs < _INAUDIBLE_DBFS:
                continue
            emission = Emission(
                window=window,
                offset_hz=offset_hz,
                amplitude=10 ** (power_dbfs / 20),
                key=(self._seed, station.name),
                echo=(self._seed, station.name, self._visit, pass_index),
            )
            emit(station.spec, emission)

    def _fading_db(self, station: Station, pass_index: int) -> float:
        spec, key = station.spec, (self._seed, station.name, self._visit)
        fading = 0.0
        if spec.visit_sd_db:
            fading += spec.visit_sd_db * normal(*key, "visit")
        if spec.fading_sd_db:
            fading += spec.fading_sd_db * normal(*key, "fading", pass_index)
        if spec.rayleigh:
            depth = -math.log(uniform(*key, "rayleigh", pass_index))
            fading += max(_DEEPEST_FADE_DB, 10 * math.log10(depth))
        return fading
