"""Who uses a frequency: ITU services, and where devices of interest to a sweep are found.

Context never decides alone: a device parked in a licensed band is still a device.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

__all__ = ["DEVICE_BANDS", "DeviceBand", "allocation", "device_bands"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBand:
    """A band, what is found in it, and where that is published.

    ``weight`` is the term, in natural-logarithm units, that the band adds to the threat score of an unknown emitter.
    """

    start_hz: int
    stop_hz: int
    what: str
    weight: float
    source: str


_ERC = "ERC Recommendation 70-03 (short range devices)"
_TSCM = "vendors' published frequency lists of analogue room transmitters"

DEVICE_BANDS: tuple[DeviceBand, ...] = (
    DeviceBand(start_hz=65_000_000, stop_hz=87_500_000, what="below the FM band, analogue room transmitters tuned "
               "just outside domestic radios", weight=0.8, source=_TSCM),
    DeviceBand(start_hz=87_500_000, stop_hz=108_000_000, what="FM broadcasting", weight=-0.5,
               source="ITU Radio Regulations Art. 5; GE84"),
    DeviceBand(start_hz=108_000_000, stop_hz=118_000_000, what="aeronautical navigation; room transmitters just "
               "above the FM band", weight=0.6, source="ITU Radio Regulations Art. 5; " + _TSCM),
    DeviceBand(start_hz=137_000_000, stop_hz=174_000_000, what="VHF land mobile, amateur and marine; analogue room "
               "transmitters", weight=0.6, source="ITU Radio Regulations Art. 5; " + _TSCM),
    DeviceBand(start_hz=174_000_000, stop_hz=230_000_000, what="DAB; wireless microphones", weight=0.2,
               source="GE06; ERC Recommendation 70-03 Annex 10"),
    DeviceBand(start_hz=315_000_000, stop_hz=316_000_000, what="keyless entry and remote controls (Region 2)",
               weight=0.2, source="FCC 47 CFR 15.231"),
    DeviceBand(start_hz=380_000_000, stop_hz=400_000_000, what="TETRA public safety", weight=-0.3,
               source="ERC/DEC/(08)05"),
    DeviceBand(start_hz=398_000_000, stop_hz=400_000_000, what="UHF room transmitters", weight=0.6, source=_TSCM),
    DeviceBand(start_hz=415_000_000, stop_hz=433_050_000, what="UHF land mobile; analogue room transmitters",
               weight=0.6, source=_TSCM),
    DeviceBand(start_hz=433_050_000, stop_hz=434_790_000, what="licence-free devices at 433 MHz: sensors, remotes, "
               "cheap transmitters", weight=0.3, source=_ERC + " Annex 1"),
    DeviceBand(start_hz=446_000_000, stop_hz=446_200_000, what="PMR446 hand-held radios, also used as baby monitors",
               weight=0.5, source="ECC/DEC/(15)05"),
    DeviceBand(start_hz=470_000_000, stop_hz=694_000_000, what="television; wireless microphones", weight=0.2,
               source="GE06; ERC Recommendation 70-03 Annex 10"),
    DeviceBand(start_hz=703_000_000, stop_hz=733_000_000, what="cellular uplink, band 28: telephones and GSM or LTE "
               "listening devices", weight=0.4, source="3GPP TS 36.101"),
    DeviceBand(start_hz=832_000_000, stop_hz=862_000_000, what="cellular uplink, band 20: telephones and LTE "
               "listening devices", weight=0.4, source="3GPP TS 36.101"),
    DeviceBand(start_hz=863_000_000, stop_hz=870_000_000, what="licence-free devices at 868 MHz: alarms, meters, "
               "wireless audio", weight=0.3, source=_ERC + " Annexes 1, 10 and 13"),
    DeviceBand(start_hz=880_000_000, stop_hz=915_000_000, what="cellular uplink, band 8: telephones and GSM "
               "listening devices", weight=0.6, source="3GPP TS 45.005"),
    DeviceBand(start_hz=902_000_000, stop_hz=928_000_000, what="ISM band at 915 MHz (Region 2)", weight=0.2,
               source="FCC 47 CFR 15.247"),
    DeviceBand(start_hz=1_000_000_000, stop_hz=1_300_000_000, what="analogue video transmitters of the 1.2 GHz kind",
               weight=0.6, source=_TSCM),
    DeviceBand(start_hz=1_710_000_000, stop_hz=1_785_000_000, what="cellular uplink, band 3: telephones and GSM or "
               "LTE listening devices", weight=0.5, source="3GPP TS 36.101"),
)  # fmt: skip
"""Written from published facts; later entries are narrower or more telling than earlier ones where they overlap."""


def device_bands(freq_hz: float) -> tuple[DeviceBand, ...]:
    """Bands of the project's own table that hold a frequency.

    Examples
    --------
    >>> [band.source for band in device_bands(446.1e6)]
    ['ECC/DEC/(15)05']
    """
    return tuple(band for band in DEVICE_BANDS if band.start_hz <= freq_hz < band.stop_hz)


@functools.lru_cache(maxsize=4096)
def allocation(freq_hz: int, country: str = "gb") -> str | None:
    """Say in words what a frequency is allocated to.

    Parameters
    ----------
    freq_hz : int
        In Hz.
    country : str
        ISO 3166 code; it chooses the ITU region.

    Returns
    -------
    str or None
        Primary and secondary ITU services, then the project's own table; None where neither knows the frequency.

    Examples
    --------
    >>> allocation(98_000_000)
    'Broadcasting; FM broadcasting'
    """
    words = [service for service in _itu_services(freq_hz, country) if service]
    words += [band.what for band in device_bands(freq_hz)]
    return "; ".join(words) or None


def _itu_services(freq_hz: int, country: str) -> tuple[str, str]:
    from rf_info import Frequency  # noqa: PLC0415 - a large table, wanted only once there is a finding

    if freq_hz < 1:  # a recording whose true centre nobody knows
        return "", ""
    table = Frequency(freq_hz, "hz", country).ieee_allocation
    primary = ", ".join(_plain(service) for service in table["primary"])
    secondary = ", ".join(_plain(service) for service in table["secondary"])
    return primary, f"secondary: {secondary}" if secondary else ""


def _plain(service: str) -> str:
    return str(service).split(" [")[0]
