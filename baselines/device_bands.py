"""The project's own table of bands: where surveillance devices, licence-free devices and telephones are found.

Only what a dongle hears, 24 to 1766 MHz. DECT (1880 MHz up; 1920 MHz up in Region 2), the uplinks of bands 1 and 7,
2.4 GHz and 5 GHz lie above that.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEVICE_BANDS", "DeviceBand", "device_bands"]


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
_RR = "ITU Radio Regulations Art. 5"
_E_UTRA = "3GPP TS 36.101"

_ROWS: tuple[tuple[float, float, str, float, str], ...] = (
    (26.957, 27.283, "ISM band at 27 MHz: toys, baby monitors, citizens' band", 0.3,
     f"{_RR} No. 5.150; {_ERC} Annex 1"),
    (29.7, 47.0, "wireless microphones and aids for the hard of hearing", 0.4, f"{_ERC} Annex 10"),
    (40.66, 40.7, "ISM band at 40.68 MHz: licence-free devices, remote controls", 0.2,
     f"{_RR} No. 5.150; {_ERC} Annex 1"),
    (43.71, 50.0, "cordless telephones and baby monitors at 49 MHz", 0.5,
     "FCC 47 CFR 15.233 and 15.235; Ofcom IR 2030"),
    (65.0, 87.5, "below the FM band, analogue room transmitters tuned just outside domestic radios", 0.8, _TSCM),
    (72.0, 76.0, "hearing assistance by radio (Region 2)", 0.3, "FCC 47 CFR 15.237"),
    (87.5, 108.0, "FM broadcasting", -0.5, f"{_RR}; GE84"),
    (108.0, 118.0, "aeronautical navigation; room transmitters just above the FM band", 0.6, f"{_RR}; {_TSCM}"),
    (118.0, 137.0, "aeronautical voice", 0.0, _RR),
    (137.0, 174.0, "VHF land mobile, amateur and marine; analogue room transmitters", 0.6, f"{_RR}; {_TSCM}"),
    (144.0, 146.0, "amateur radio, 2 m: hand-held radios", 0.3, _RR),
    (156.0, 162.05, "marine VHF", 0.2, "ITU Radio Regulations Appendix 18"),
    (169.4, 169.8125, "licence-free devices at 169 MHz: meters, aids for the hard of hearing, trackers", 0.4,
     f"ECC/DEC/(05)02; {_ERC} Annexes 2 and 10"),
    (174.0, 230.0, "DAB; wireless microphones", 0.2, f"GE06; {_ERC} Annex 10"),
    (315.0, 316.0, "keyless entry and remote controls (Region 2)", 0.2, "FCC 47 CFR 15.231"),
    (380.0, 400.0, "TETRA public safety", -0.3, "ECC/DEC/(08)05"),
    (398.0, 400.0, "UHF room transmitters", 0.6, _TSCM),
    (400.15, 406.0, "radiosondes and weather satellites", -0.2, _RR),
    (402.0, 405.0, "medical implants", -0.2, f"{_ERC} Annex 12; FCC 47 CFR 95 subpart I"),
    (406.0, 406.1, "distress beacons only", 0.3, f"{_RR} No. 5.266"),
    (415.0, 433.05, "UHF land mobile; analogue room transmitters", 0.6, _TSCM),
    (430.0, 440.0, "amateur radio, 70 cm: hand-held radios; room transmitters among them", 0.5, f"{_RR}; {_TSCM}"),
    (433.05, 434.79, "licence-free devices at 433 MHz: sensors, remotes, cheap transmitters", 0.3, f"{_ERC} Annex 1"),
    (446.0, 446.2, "PMR446 hand-held radios, also used as baby monitors", 0.5, "ECC/DEC/(15)05"),
    (462.55, 467.725, "FRS and GMRS hand-held radios (Region 2)", 0.4, "FCC 47 CFR 95 subparts B and E"),
    (470.0, 694.0, "television; wireless microphones", 0.2, f"GE06; {_ERC} Annex 10"),
    (663.0, 698.0, "cellular uplink, band 71 (Region 2)", 0.2, _E_UTRA),
    (699.0, 716.0, "cellular uplink, band 12 (Region 2): telephones and LTE listening devices", 0.4, _E_UTRA),
    (703.0, 748.0, "cellular uplink, band 28: telephones and LTE listening devices", 0.4, _E_UTRA),
    (758.0, 803.0, "cellular downlink, band 28: base stations", -0.3, _E_UTRA),
    (777.0, 787.0, "cellular downlink, band 28: base stations; uplink of band 13 in Region 2", 0.0, _E_UTRA),
    (791.0, 821.0, "cellular downlink, band 20: base stations", -0.3, _E_UTRA),
    (823.0, 832.0, "wireless microphones in the duplex gap", 0.4, f"{_ERC} Annex 10"),
    (824.0, 849.0, "cellular uplink, band 5 (Regions 2 and 3), and wireless microphones below 832 MHz", 0.4, _E_UTRA),
    (832.0, 862.0, "cellular uplink, band 20: telephones and LTE listening devices", 0.4, _E_UTRA),
    (863.0, 870.0, "licence-free devices at 868 MHz: alarms, meters", 0.3, f"{_ERC} Annexes 1 and 7"),
    (863.0, 865.0, "wireless audio: headphones, loudspeakers, microphones", 0.6, f"{_ERC} Annex 10"),
    (869.4, 869.65, "licence-free devices of up to 500 mW at a duty cycle of 10 %: trackers, telemetry", 0.4,
     f"{_ERC} Annex 1"),
    (874.4, 880.0, "railway radio, uplink", -0.1, "ECC/DEC/(20)02"),
    (880.0, 915.0, "cellular uplink, band 8: telephones and GSM listening devices (in Region 2 the ISM band above 902 "
     "MHz)", 0.6, "3GPP TS 45.005; FCC 47 CFR 15.247"),
    (915.0, 928.0, "ISM band at 915 MHz (Region 2)", 0.2, "FCC 47 CFR 15.247"),
    (915.0, 921.0, "RFID and licence-free devices at 915 MHz", 0.2, f"{_ERC} Annexes 1 and 11"),
    (925.0, 960.0, "cellular downlink, band 8: base stations", -0.3, "3GPP TS 45.005"),
    (960.0, 1164.0, "aeronautical navigation: distance measuring, transponders", -0.1, _RR),
    (1000.0, 1300.0, "analogue video transmitters of the 1.2 GHz kind", 0.6, "FCC citation EB-07-SE-042 (2007)"),
    (1164.0, 1300.0, "satellite navigation, too weak to be heard here: what is heard is near, such as a video "
     "transmitter or a jammer (amateur radio above 1240 MHz)", 0.7, f"{_RR}; FCC citation EB-07-SE-042 (2007)"),
    (1427.9, 1462.9, "cellular uplink, bands 11 and 21 (Japan)", 0.2, _E_UTRA),
    (1518.0, 1559.0, "satellite downlink, too weak to be heard inside: what is heard is near", 0.4, _RR),
    (1559.0, 1610.0, "satellite navigation, too weak to be heard here: what is heard is near, such as a jammer", 0.7,
     _RR),
    (1610.0, 1660.5, "satellite telephones and trackers, uplink", 0.4, _RR),
    (1710.0, 1785.0, "cellular uplink, band 3 (and 4 and 66 in Region 2): telephones and GSM or LTE listening devices",
     0.5, _E_UTRA),
)  # fmt: skip

DEVICE_BANDS: tuple[DeviceBand, ...] = tuple(
    DeviceBand(start_hz=round(start * 1e6), stop_hz=round(stop * 1e6), what=what, weight=weight, source=source)
    for start, stop, what, weight, source in _ROWS
)
"""Written from published facts; later entries are narrower or more telling than earlier ones where they overlap."""


def device_bands(freq_hz: float) -> tuple[DeviceBand, ...]:
    """Bands of the project's own table that hold a frequency.

    Examples
    --------
    >>> [band.source for band in device_bands(446.1e6)]
    ['ECC/DEC/(15)05']
    """
    return tuple(band for band in DEVICE_BANDS if band.start_hz <= freq_hz < band.stop_hz)
