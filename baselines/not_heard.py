"""What a sweep with this hardware cannot hear, whatever its result, in plain words."""

from __future__ import annotations

from sweep.plan import Layout

__all__ = ["not_heard"]

_RTL_SDR_HZ = (24e6, 1766e6)
_LAST_HOP_HZ = 2e6  # by which a plan may reach beyond the receiver's end
_HIGH_SERVICES = (
    (1805e6, "most mobile telephony (1.8 GHz and up)"),
    (1880e6, "DECT telephones (1.9)"),
    (2400e6, "Wi-Fi, Bluetooth and video links (2.4)"),
    (5150e6, "Wi-Fi and video links (5)"),
    (5925e6, "Wi-Fi (6)"),
)
_NOT_RADIO = (
    "microphones on a wire: telephone and network lines, mains wiring, hidden cables",
    "optical and infrared links, and laser microphones aimed at a window",
    "sound that leaves through walls, ducts, pipes or an open door",
    "a recorder that never transmits, and a transmitter that is off: on a timer, on command, or silent without speech",
)


def not_heard(layout: Layout) -> list[str]:
    """List what the receiver is deaf to, radio first.

    Parameters
    ----------
    layout : Layout
        Of the sweep.

    Examples
    --------
    >>> from sweep.plan import plan_hops
    >>> layout = plan_hops(((430_000_000, 440_000_000),)).layout()
    >>> print(not_heard(layout)[0][:79])
    above 1766 MHz: most mobile telephony (1.8 GHz and up), DECT telephones (1.9),
    """
    half = layout.bin_width_hz / 2
    low_hz = min(_RTL_SDR_HZ[0], float(layout.freq_hz[0]) - half)
    high_hz = max(_RTL_SDR_HZ[1], float(layout.freq_hz[-1]) + half)
    deaf = [words for from_hz, words in _HIGH_SERVICES if from_hz >= high_hz - _LAST_HOP_HZ]
    above = f"above {high_hz / 1e6:.4g} MHz: {', '.join([*deaf, 'and everything beyond'])}"
    below = f"below {low_hz / 1e6:.4g} MHz: carriers on mains and telephone lines, inductive and long-wave transmitters"
    return [above, below, *_NOT_RADIO]
