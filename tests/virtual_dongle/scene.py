"""The scene of the virtual dongle, as typed values; ``text`` writes what ``config.c`` reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["Dongle", "Emitter", "Scene"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitter:
    """One transmitter.

    Attributes
    ----------
    kind : str
        ``tone``, ``am`` (80 %), ``fm`` or ``noise``.
    freq_hz : float
        At RF.
    level_dbfs : float
        Mean power while on, at the scene's reference gain.
    bandwidth_hz : float
        Width of noise, peak deviation of FM (5 kHz narrow, 75 kHz broadcast).
    audio_hz : float
        Modulating tone of AM and FM.
    period_s, duty, delay_s : float
        On for ``duty`` of each period, the first burst after ``delay_s``; always on where the period is 0.
    """

    kind: str = "tone"
    freq_hz: float
    level_dbfs: float = -30.0
    bandwidth_hz: float = 0.0
    audio_hz: float = 1000.0
    period_s: float = 0.0
    duty: float = 1.0
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dongle:
    """One receiver and what goes wrong with it; a count of 0 means never.

    Attributes
    ----------
    tuner : int
        librtlsdr's number: 1 E4000, 2 FC0012, 3 FC0013, 4 FC2580, 5 R820T, 6 R828D.
    ppm : float
        How fast its crystal is.
    unplug_after_reads, replug_after_tries : int
        Pulled after so many reads; back after so many attempts to find, open or use it.
    hang_after_reads : int
        Later reads never return, as when the firmware of a dongle stops.
    drop_every_reads, drop_samples : int
        Every so many reads so many samples are lost in the middle.
    stuck_after_reads, repeat_after_reads : int
        From this read on every byte is the same, or 8192 bytes come again and again.
    deaf_after_reads : int
    deaf_start_hz, deaf_stop_hz : float
        From this read on nothing comes in at the antenna, for these tunings; for all where the second is 0.
    refuse_start_hz, refuse_stop_hz : float
        Tunings that are refused.
    drift_after_reads : int
    drift_ppm, drift_db : float
        With each read after this one its crystal is so much faster and its gain so much higher, as when it warms up.
    busy : bool
        Another program has it.
    """

    serial: str = "00000001"
    tuner: int = 5
    ppm: float = 0.0
    unplug_after_reads: int = 0
    replug_after_tries: int = 0
    hang_after_reads: int = 0
    drop_every_reads: int = 0
    drop_samples: int = 0
    stuck_after_reads: int = 0
    repeat_after_reads: int = 0
    deaf_after_reads: int = 0
    deaf_start_hz: float = 0.0
    deaf_stop_hz: float = 0.0
    refuse_start_hz: float = 0.0
    refuse_stop_hz: float = 0.0
    drift_after_reads: int = 0
    drift_ppm: float = 0.0
    drift_db: float = 0.0
    busy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Dongles, emitters and the faults of the receiver.

    Attributes
    ----------
    realtime : bool
        Samples come at the sample rate and are lost when nobody reads; otherwise as fast as they are read.
    noise_dbfs_hz : float
        Density of the noise that the tuner's gain amplifies, at the reference gain.
    adc_noise_dbfs_hz : float
        Density of the noise behind the tuner: by default half a step of the converter, as in real ones.
    dc_dbfs, spur_dbfs : float
        DC offset; spurs at the multiples of 28.8 MHz; none below -200.
    image_db : float
        Suppression of the IQ image; 0 for no image.
    rolloff_edge, rolloff_db : float
        Flat part of the passband, and the loss at half the sample rate.
    ip3_dbfs : float
        Third-order intercept; linear above 200.
    retune_s : float
        How long a retune blocks.
    stale_samples : int
        Samples of the old frequency that still come after a retune, whatever is flushed.
    """

    seed: int = 1
    realtime: bool = False
    reference_gain_db: float = 28.0
    agc_gain_db: float = 40.2
    noise_dbfs_hz: float = -103.0
    adc_noise_dbfs_hz: float = -109.0
    dc_dbfs: float = -999.0
    image_db: float = 0.0
    rolloff_edge: float = 0.8
    rolloff_db: float = 12.0
    spur_dbfs: float = -999.0
    ip3_dbfs: float = 999.0
    retune_s: float = 0.0
    stale_samples: int = 0
    dongles: tuple[Dongle, ...] = (Dongle(),)
    emitters: tuple[Emitter, ...] = ()

    def text(self) -> str:
        """Write the scene as the library reads it.

        Examples
        --------
        >>> print(Scene(dongles=()).text().split()[:3])
        ['scene', 'seed=1', 'realtime=0']
        """
        fields = asdict(self)
        lines = [("dongle", fields) for fields in fields.pop("dongles")]
        lines += [("emitter", emitter) for emitter in fields.pop("emitters")]
        return "".join(f"{word} {_assignments(values)}\n" for word, values in [("scene", fields), *lines])


def _assignments(values: dict[str, object]) -> str:
    return " ".join(f"{key}={int(value) if isinstance(value, bool) else value}" for key, value in values.items())
