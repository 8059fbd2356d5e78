"""What a user may say about a source."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SourceOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """Options that every source reads; None or empty means the source's own value.

    A live source takes ranges, rate, gain and ppm as orders. A recording takes rate, centre and format as facts
    that the file itself does not carry; where the file does carry them and they differ, that is an error. A receiver
    that shares the ranges with others (``shared``) leaves to them what it does not tune.
    """

    ranges_hz: tuple[tuple[int, int], ...] = ()
    sample_rate_hz: int | None = None
    center_freq_hz: int | None = None
    sample_format: str | None = None
    bin_width_hz: int | None = None
    n_frames: int = 64
    gain_db: float | None = None
    ppm: int = 0
    antenna: str | None = None
    shared: bool = False
