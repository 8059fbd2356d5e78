"""Where devices that can carry speech out of a room transmit, against what a sweep listened to.

Limits of the bands are those of ITU Region 1 and are meant for orientation: ETSI EN 300 220 (short-range devices),
EN 300 328 (2.4 GHz), EN 301 406 (DECT), EN 301 893 (5 GHz), EN 303 687 (6 GHz), EN 302 065 (ultra-wideband),
EN 300 422 (wireless microphones), 3GPP TS 36.101 and 38.101 (mobile telephony).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["SERVICES", "Service", "covered_fraction", "merge_ranges"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A band and what is found there; ``in_short`` fits into a sentence."""

    name: str
    in_short: str
    start_hz: int
    stop_hz: int


def _service(name: str, in_short: str, start_mhz: float, stop_mhz: float) -> Service:
    return Service(name=name, in_short=in_short, start_hz=round(start_mhz * 1e6), stop_hz=round(stop_mhz * 1e6))


SERVICES = (
    _service("Transmitters on mains wiring, induction loops", "transmitters on mains wiring", 0.01, 24),
    _service("Low-power VHF transmitters", "low-power VHF transmitters", 27, 87.5),
    _service("FM broadcast band, simple room transmitters", "the FM broadcast band", 87.5, 108),
    _service("VHF handheld radio and room transmitters", "VHF room transmitters", 136, 174),
    _service("VHF wireless microphones", "VHF wireless microphones", 174, 216),
    _service("UHF handheld radio and room transmitters", "UHF room transmitters", 380, 470),
    _service("Licence-free 433 MHz", "the licence-free 433 MHz band", 433.05, 434.79),
    _service("UHF television and wireless microphones", "UHF wireless microphones", 470, 694),
    _service("Mobile telephony 700 to 960 MHz", "mobile telephony below 1 GHz", 703, 960),
    _service("Licence-free 868 MHz", "the licence-free 868 MHz band", 863, 870),
    _service("Licence-free 915 MHz (Region 2)", "the licence-free 915 MHz band", 902, 928),
    _service("Video links 1.2 GHz", "1.2 GHz video links", 1200, 1300),
    _service("Mobile telephony 1.7 to 2.7 GHz", "most mobile telephony", 1710, 2690),
    _service("DECT cordless telephones", "DECT cordless telephones", 1880, 1900),
    _service("Wi-Fi, Bluetooth, video links 2.4 GHz", "Wi-Fi and Bluetooth at 2.4 GHz", 2400, 2483.5),
    _service("Mobile telephony 3.3 to 4.2 GHz (5G)", "5G above 3 GHz", 3300, 4200),
    _service("Wi-Fi and video links 5 GHz", "Wi-Fi and video links at 5 GHz", 5150, 5925),
    _service("Wi-Fi 6 GHz, ultra-wideband", "Wi-Fi at 6 GHz and ultra-wideband", 5925, 9000),
)


def merge_ranges(ranges_hz: Iterable[tuple[float, float]], tolerance_hz: float = 0.0) -> list[tuple[float, float]]:
    """Join ranges that overlap or lie within a tolerance of each other.

    Examples
    --------
    >>> merge_ranges([(10, 20), (21, 30), (50, 60)], tolerance_hz=1)
    [(10, 30), (50, 60)]
    """
    merged: list[tuple[float, float]] = []
    for start, stop in sorted(ranges_hz):
        if merged and start <= merged[-1][1] + tolerance_hz:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def covered_fraction(service: Service, ranges_hz: Iterable[tuple[float, float]]) -> float:
    """Part of a service's band that lies within ranges that do not overlap each other.

    Examples
    --------
    >>> covered_fraction(SERVICES[2], [(87_500_000, 97_750_000)])
    0.5
    """
    shared = sum(max(0.0, min(stop, service.stop_hz) - max(start, service.start_hz)) for start, stop in ranges_hz)
    return shared / (service.stop_hz - service.start_hz)
