"""What flows through a sweep: samples of a hop, gaps, rows, and what a judge makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sweep.health.checks import Check
from sweep.health.drift import Drift
from sweep.looks import Looks
from sweep.plan import Layout, SweepPlan

__all__ = [
    "FILL",
    "HOP_MEASURED",
    "HOP_OVERLOADED",
    "HOP_UNLOCKED",
    "HopGap",
    "HopSamples",
    "Instrument",
    "IqSource",
    "Judge",
    "Judgement",
    "SpectraSource",
    "Stays",
    "SweepRow",
]

FILL = -32768
"""Value of a stored bin that was not measured."""

HOP_MEASURED, HOP_OVERLOADED, HOP_UNLOCKED = 1, 2, 4
"""Bits of ``SweepRow.hop_flags``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HopSamples:
    """Raw samples of one hop, exactly as the receiver or the file gave them.

    Attributes
    ----------
    raw : ndarray, shape (2 * n_samples,)
        I, Q, I, Q ... in the wire type: uint8, int8, little-endian int16 or float32.
    sample_format : str
        ``cu8``, ``ci8``, ``ci16_le`` or ``cf32_le``.
    full_scale : float
        Magnitude of a full-scale component in decoded units; 1 except for float captures in other units.
    center_freq_hz : float
        Frequency that the receiver was tuned to.
    sample_rate_hz : int
    gain_db : float or None
        None when a recording does not say.
    utc_ns, monotonic_ns : int
        Start of the samples: nanoseconds since 1970 in UTC, and of the monotonic clock.
    pass_index, hop_index : int
    dropped_samples : int
        Samples known to be lost within this hop.
    tuner_locked : bool
    note : str
        What was done because of a fault, for the record; empty for nothing.
    drift : Drift or None
        Of the crystal, where it was measured just after this hop.
    """

    raw: NDArray[Any]
    sample_format: str
    center_freq_hz: float
    sample_rate_hz: int
    gain_db: float | None
    utc_ns: int
    monotonic_ns: int
    pass_index: int
    hop_index: int
    full_scale: float = 1.0
    dropped_samples: int = 0
    tuner_locked: bool = True
    note: str = ""
    drift: Drift | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HopGap:
    """A hop, or the rest of a pass, that was not received.

    ``hop_index`` None means from here to the end of the pass.
    """

    pass_index: int
    hop_index: int | None
    utc_ns: int
    monotonic_ns: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """The receiver, as far as it is known; a field is None when the source does not say.

    ``settle_measured`` is True when ``settle_s`` was measured on this receiver at the start of the visit, False
    when a safe value was assumed, None where nothing is retuned. Where several receivers shared the plan, ``receivers``
    tells of each, and what they do not have in common is None here, or names both; ``ranges_hz`` of each is its part,
    whole hops: a hop is of the receiver in whose ranges its centre lies. ``checks`` are those before the sweep.
    """

    driver: str
    serial: str | None = None
    product: str | None = None
    tuner: str | None = None
    gain_db: float | None = None
    ppm: float | None = None
    antenna: str | None = None
    sample_format: str | None = None
    settle_s: float | None = None
    settle_measured: bool | None = None
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    ranges_hz: tuple[tuple[int, int], ...] = ()
    receivers: tuple[Instrument, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweepRow:
    """One pass over the plan, in stored units.

    Levels are int16 hundredths of a dB relative to full scale (a full-scale complex tone at a bin centre reads 0),
    ``FILL`` where nothing was measured. Analysis works on these stored values, so a record gives the same findings
    as the live sweep did. Arrays that a source cannot give (spectra made by another tool) are None.

    Attributes
    ----------
    sequence : int
        0, 1, 2 ... within the record.
    utc_ns, monotonic_ns : int
        Start of the pass.
    mean, max_hold, min_hold : ndarray of int16, shape (n_bins,)
        Over the frames of the pass, cdB(FS).
    spectral_kurtosis : ndarray of int16, shape (n_bins,)
        10 log10 of the generalised spectral kurtosis (Nita & Gary 2010) in cdB; 0 is Gaussian noise.
    burst_8, burst_8x4, burst_64, burst_512 : ndarray of int16, shape (n_hops * n_boxes,)
        Largest over frames of a box mean of power over its own mean, cdB (see ``dsp.spectra``).
    hop_* : ndarray, shape (n_hops,)
        Time of each hop, tuned frequency in Hz, gain (NaN when unknown), fraction of samples at the rails, rms in
        dBFS, DC level in dBFS, the largest fluctuation common to the whole hop in dB, samples lost, flags.
    """

    sequence: int
    utc_ns: int
    monotonic_ns: int
    mean: NDArray[np.int16]
    max_hold: NDArray[np.int16] | None = None
    min_hold: NDArray[np.int16] | None = None
    spectral_kurtosis: NDArray[np.int16] | None = None
    burst_8: NDArray[np.int16] | None = None
    burst_8x4: NDArray[np.int16] | None = None
    burst_64: NDArray[np.int16] | None = None
    burst_512: NDArray[np.int16] | None = None
    hop_utc_ns: NDArray[np.int64]
    hop_monotonic_ns: NDArray[np.int64]
    hop_center_freq_hz: NDArray[np.float64]
    hop_gain_db: NDArray[np.float32]
    hop_clip_fraction: NDArray[np.float32]
    hop_rms_dbfs: NDArray[np.float32]
    hop_dc_dbfs: NDArray[np.float32]
    hop_fluctuation_db: NDArray[np.float32]
    hop_dropped_samples: NDArray[np.int32]
    hop_flags: NDArray[np.uint8]


class IqSource(Protocol):
    """A receiver or a recording that gives samples."""

    @property
    def instrument(self) -> Instrument:
        """What is known of the receiver."""
        ...

    @property
    def plan(self) -> SweepPlan:
        """The plan that ``blocks`` follows."""
        ...

    def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
        """Give hop after hop, pass after pass; for ever when passes is None and the source is live."""
        ...

    def close(self) -> None:
        """Give the receiver or the files back."""
        ...


class SpectraSource(Protocol):
    """A recording of spectra that another tool made."""

    @property
    def instrument(self) -> Instrument:
        """What is known of the receiver."""
        ...

    @property
    def layout(self) -> Layout:
        """The axis of every row."""
        ...

    def rows(self) -> Iterator[SweepRow]:
        """Give row after row."""
        ...

    def close(self) -> None:
        """Give the files back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """What a judge made of the rows of one record.

    Attributes
    ----------
    document : mapping
        ``verdict``, ``reasons``, ``baseline``, ``false_alarms_per_sweep``, ``coverage`` and ``findings`` as in the
        findings JSON of the command line contract; ``unconfirmed``, what was heard in too few passes to be a finding;
        and ``rejected_candidates`` with the test that each failed.
    noise_floor_dbfs : ndarray of float32, shape (n_bins,)
        Estimated noise floor; NaN where nothing was measured.
    baseline_dbfs : ndarray of float32, shape (n_bins,), or None
        The baseline aligned to this record; None without a baseline.
    threshold_db : ndarray of float32, shape (n_bins,), or None
        Excess of the mean over this baseline below which no single bin was listed; None without a baseline, and in
        records of before schema 1.4.0.
    """

    document: Mapping[str, Any]
    noise_floor_dbfs: NDArray[np.float32]
    baseline_dbfs: NDArray[np.float32] | None = None
    threshold_db: NDArray[np.float32] | None = None

    @property
    def emissions(self) -> tuple[Mapping[str, Any], ...]:
        """All that has an id that people refer to: the findings, then what was not confirmed."""
        return (*self.document["findings"], *(self.document.get("unconfirmed") or ()))


class Stays(Protocol):
    """The stays of a sweep that camped (see `sweep.camping`), as often as they are wanted."""

    def __call__(self, start: int = 0, stop: int | None = None, /) -> Iterable[SweepRow]:
        """Give those of a slice, in order."""
        ...


class Judge(Protocol):
    """From the rows of a sweep to a judgement. The session knows no baseline; it is handed this."""

    def __call__(
        self,
        layout: Layout,
        rows: Callable[[], Iterable[SweepRow]],
        instrument: Mapping[str, Any],
        looks: Looks | None = None,
        stays: Stays | None = None,
        /,
    ) -> Judgement:
        """Judge rows, which may be read several times, from the instrument that the record's start names.

        ``looks`` is for looking again with the receiver tuned otherwise; None where that cannot be. ``stays`` are those
        of a sweep that camped; None of any other.
        """
        ...
