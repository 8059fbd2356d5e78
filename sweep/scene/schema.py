"""What a scene file may say: every key with its type, unit and range.

``docs/scenes.md`` explains the keys to people. All structures refuse unknown keys.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

__all__ = [
    "BUG_KINDS",
    "KINDS",
    "AnyEmitter",
    "Carrier",
    "Dmr",
    "Dsss",
    "Emitter",
    "Gsm",
    "Hopper",
    "Nfm",
    "Ofdm",
    "Ook",
    "Receiver",
    "Scene",
    "Srd",
    "Tetra",
    "Visits",
    "Wfm",
]

Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]
Frequency = Annotated[int, Meta(ge=1_000_000, le=3_000_000_000)]
Frequencies = Annotated[tuple[Frequency, ...], Meta(min_length=1, max_length=500)]
Level = Annotated[float, Meta(ge=-120, le=0)]
Decibels = Annotated[float, Meta(ge=0, le=40)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1)]
Seconds = Annotated[float, Meta(ge=0.0005, le=86_400)]
BurstSeconds = Annotated[float, Meta(ge=0.00005, le=3600)]
_YEARS = (1971, 2150)  # nanoseconds of UTC stay within 64 bits
Rejection = Annotated[float, Meta(ge=10, le=120)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table."""


class Emitter(_Table, frozen=True, kw_only=True, tag_field="kind"):
    """What every kind of emitter has.

    ``center_freq_hz`` may be a list: a group of like emitters, each with its own level, message and fading. With
    ``roams_hz`` each pass finds it at another place of a band of that width, as the uplink of a telephone is.
    """

    reference_bw_hz: ClassVar[float]

    name: Name
    center_freq_hz: Frequency | Frequencies
    power_dbfs: Level | None = None
    snr_db: Annotated[float, Meta(ge=-40, le=60)] | None = None
    power_spread_db: Decibels = 0.0
    fading_sd_db: Decibels = 0.0
    visit_sd_db: Decibels = 0.0
    rayleigh: bool = False
    presence: Fraction = 1.0
    duty: Positive = 1.0
    mean_on_s: Seconds = 5.0
    roams_hz: Annotated[float, Meta(ge=0, le=100e6)] = 0.0

    def __post_init__(self) -> None:
        if (self.power_dbfs is None) == (self.snr_db is None):
            raise ValueError(f"{self.name!r} needs exactly one of power_dbfs and snr_db")

    @property
    def span_hz(self) -> float:
        """Width in Hz outside of which nothing that matters is emitted."""
        return 2.0 * self.reference_bw_hz

    @property
    def noise_bw_hz(self) -> float:
        """Bandwidth in Hz of the noise that ``snr_db`` refers to."""
        return self.reference_bw_hz


class Wfm(Emitter, frozen=True, kw_only=True, tag="wfm"):
    """Broadcast FM: a stereo multiplex with RDS, or plain speech (a wideband FM bug)."""

    reference_bw_hz: ClassVar[float] = 120e3
    programme: Literal["stereo", "speech"] = "stereo"
    deviation_hz: Annotated[float, Meta(ge=10e3, le=150e3)] = 75e3

    @property
    def span_hz(self) -> float:
        """Carson's bandwidth for the highest frequency of the multiplex, and some more."""
        return 2.0 * (self.deviation_hz + 60e3)


class Nfm(Emitter, frozen=True, kw_only=True, tag="nfm"):
    """Speech on narrowband FM."""

    reference_bw_hz: ClassVar[float] = 11e3
    deviation_hz: Annotated[float, Meta(ge=500, le=10e3)] = 2500.0
    ctcss_hz: Annotated[float, Meta(ge=60, le=300)] | None = None


class Carrier(Emitter, frozen=True, kw_only=True, tag="carrier"):
    """A carrier with a little phase noise."""

    reference_bw_hz: ClassVar[float] = 3e3
    phase_noise_rad: Annotated[float, Meta(ge=0, le=0.5)] = 0.05


class Tetra(Emitter, frozen=True, kw_only=True, tag="tetra"):
    """TETRA: pi/4-DQPSK at 18 kBd in four slots of 14.167 ms (ETSI EN 300 392-2)."""

    reference_bw_hz: ClassVar[float] = 25e3
    slots_used: Annotated[int, Meta(ge=1, le=4)] = 4


class Dmr(Emitter, frozen=True, kw_only=True, tag="dmr"):
    """DMR: 4-FSK at 4800 Bd in two slots of 30 ms (ETSI TS 102 361-1)."""

    reference_bw_hz: ClassVar[float] = 12.5e3
    slots_used: Annotated[int, Meta(ge=1, le=2)] = 1


class Gsm(Emitter, frozen=True, kw_only=True, tag="gsm"):
    """GSM: GMSK at 270.833 kBd in eight slots of 577 us (3GPP TS 45.004)."""

    reference_bw_hz: ClassVar[float] = 200e3
    slots_used: Annotated[int, Meta(ge=1, le=8)] = 8


class Ofdm(Emitter, frozen=True, kw_only=True, tag="ofdm"):
    """A block of orthogonal carriers as LTE, DVB-T or DAB make it."""

    standard: Literal["lte", "dvbt", "dab"]
    bandwidth_hz: Annotated[float, Meta(ge=100e3, le=40e6)]
    load: Fraction = 1.0
    echo_db: Annotated[float, Meta(ge=1, le=60)] | None = None
    echo_s: Annotated[float, Meta(ge=1e-8, le=1e-5)] = 5e-7

    @property
    def span_hz(self) -> float:
        """The block itself: its edges are filtered."""
        return self.bandwidth_hz

    @property
    def noise_bw_hz(self) -> float:
        """The block itself."""
        return self.bandwidth_hz


class Srd(Emitter, frozen=True, kw_only=True, tag="srd"):
    """A sensor or remote control: packets repeated a few times, then silence."""

    reference_bw_hz: ClassVar[float] = 50e3
    modulation: Literal["ook", "fsk"] = "ook"
    bit_rate_hz: Annotated[float, Meta(ge=100, le=1e6)] = 2000.0
    deviation_hz: Annotated[float, Meta(ge=1e3, le=150e3)] = 20e3
    period_s: Seconds = 60.0
    packet_s: BurstSeconds = 0.05
    repeats: Annotated[int, Meta(ge=1, le=50)] = 3
    gap_s: BurstSeconds = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.repeats * (self.packet_s + self.gap_s) > self.period_s:
            raise ValueError(f"{self.name!r} has period_s {self.period_s} shorter than its packets with their gaps")

    @property
    def span_hz(self) -> float:
        """Main lobe and the first side lobes."""
        return max(100e3, 6 * self.bit_rate_hz + 2 * self.deviation_hz * (self.modulation == "fsk"))


class Ook(Emitter, frozen=True, kw_only=True, tag="ook"):
    """A store-and-forward bug: on-off keyed bursts of data."""

    reference_bw_hz: ClassVar[float] = 50e3
    bit_rate_hz: Annotated[float, Meta(ge=100, le=1e6)] = 10e3
    period_s: Seconds = 1.0
    burst_s: BurstSeconds = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.burst_s > self.period_s:
            raise ValueError(f"{self.name!r} has burst_s {self.burst_s} longer than its period_s {self.period_s}")

    @property
    def span_hz(self) -> float:
        """Main lobe and the first side lobes of Manchester-coded data."""
        return max(100e3, 6 * self.bit_rate_hz)


class Hopper(Emitter, frozen=True, kw_only=True, tag="hopper"):
    """A frequency-hopping bug: FSK on one of many channels at a time."""

    reference_bw_hz: ClassVar[float] = 25e3
    channels: Annotated[int, Meta(ge=2, le=1000)] = 50
    spacing_hz: Annotated[float, Meta(ge=25e3, le=1e6)] = 50e3
    hop_s: Annotated[float, Meta(ge=0.0005, le=10)] = 0.005
    bit_rate_hz: Annotated[float, Meta(ge=1000, le=12e3)] = 9600.0
    deviation_hz: Annotated[float, Meta(ge=1e3, le=8e3)] = 4800.0

    @property
    def span_hz(self) -> float:
        """All channels."""
        return self.channels * self.spacing_hz


class Dsss(Emitter, frozen=True, kw_only=True, tag="dsss"):
    """A spread-spectrum bug: BPSK chips, null-to-null bandwidth twice the chip rate."""

    reference_bw_hz: ClassVar[float] = 2e6
    bandwidth_hz: Annotated[float, Meta(ge=200e3, le=5e6)] = 2e6

    @property
    def span_hz(self) -> float:
        """The main lobe; the rest is filtered away in the transmitter."""
        return self.bandwidth_hz


AnyEmitter = Wfm | Nfm | Carrier | Tetra | Dmr | Gsm | Ofdm | Srd | Ook | Hopper | Dsss
KINDS = ("wfm", "nfm", "carrier", "tetra", "dmr", "gsm", "ofdm", "srd", "ook", "hopper", "dsss")
BUG_KINDS = ("nfm", "wfm", "carrier", "ook", "hopper", "dsss")


class Receiver(_Table, frozen=True, kw_only=True):
    """The simulated dongle. Levels are at ``gain_db``, in dB relative to a full-scale complex tone."""

    gain_db: Annotated[float, Meta(ge=0, le=50)] = 28.0
    noise_dbfs_per_hz: Annotated[float, Meta(ge=-130, le=-70)] = -103.0
    man_made_noise_db: Annotated[float, Meta(ge=-40, le=30)] | None = None
    ppm: Annotated[float, Meta(ge=-100, le=100)] = 0.0
    settle_s: Annotated[float, Meta(ge=0, le=1)] = 0.01
    ip3_dbfs: Annotated[float, Meta(ge=-20, le=60)] = 9.0
    image_rejection_db: Rejection | None = 45.0
    dc_offset_dbfs: Level | None = -45.0
    dc_skirt_dbfs: Level | None = -52.0
    spur_14_4_dbfs: Level | None = None
    spur_28_8_dbfs: Level | None = None
    low_if_image_rejection_db: Rejection | None = None
    third_harmonic_rejection_db: Rejection | None = None
    antenna: str | None = None


class Visits(_Table, frozen=True, kw_only=True):
    """How one visit differs from the next."""

    gain_spread_db: Annotated[float, Meta(ge=0, le=10)] = 3.0
    slope_spread_db: Annotated[float, Meta(ge=0, le=10)] = 1.0
    ppm_spread: Annotated[float, Meta(ge=0, le=50)] = 2.0
    antenna_sd_db: Annotated[float, Meta(ge=0, le=10)] = 1.5


class Scene(_Table, frozen=True, kw_only=True):
    """A whole scene file."""

    schema: Literal["quietroom.scene/1"]
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    description: str = ""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    start: Annotated[datetime, Meta(tz=True)]
    ranges: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]
    receiver: Receiver = Receiver()
    visits: Visits = Visits()
    emitters: Annotated[tuple[AnyEmitter, ...], Meta(max_length=5000)] = ()
    bugs: Annotated[tuple[AnyEmitter, ...], Meta(max_length=100)] = ()

    def __post_init__(self) -> None:
        if not _YEARS[0] <= self.start.year <= _YEARS[1]:
            raise ValueError(f"start {self.start} is not in the years {_YEARS[0]} to {_YEARS[1]}")
