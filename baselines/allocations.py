"""Who uses a frequency: ITU services, and where devices of interest to a sweep are found.

Context never decides alone: a device parked in a licensed band is still a device.
"""

from __future__ import annotations

import functools

from baselines.device_bands import device_bands

__all__ = ["allocation"]


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
