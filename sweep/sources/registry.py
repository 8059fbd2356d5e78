"""From the name of a live source on the command line to the source.

A registry is a dict and two functions. The modules of the sources are imported when one is opened, so that a replay
works where no driver is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dsp.errors import ParameterError
from sweep.model import IqSource
from sweep.sources.options import SourceOptions

__all__ = ["Opener", "open_source", "open_sources", "register_source"]

Opener = Callable[[str, SourceOptions], IqSource]
"""From the address (what follows the colon) and the options to a source."""


def _open_rtlsdr(address: str, options: SourceOptions) -> IqSource:
    from sweep.sources.rtlsdr import open_rtlsdr  # noqa: PLC0415

    return open_rtlsdr(address, options)


def _open_rtltcp(address: str, options: SourceOptions) -> IqSource:
    from sweep.sources.rtltcp import open_rtltcp  # noqa: PLC0415

    return open_rtltcp(address, options)


def _open_sim(address: str, options: SourceOptions) -> IqSource:
    from sweep.sources.sim import open_sim  # noqa: PLC0415

    return open_sim(address, options)


_OPENERS: dict[str, Opener] = {"rtlsdr": _open_rtlsdr, "rtltcp": _open_rtltcp, "sim": _open_sim}


def register_source(scheme: str, opener: Opener) -> None:
    """Make a kind of source known under the name before its colon.

    Parameters
    ----------
    scheme : str
        Lower-case letters and digits.
    opener : callable
        Called with what follows the colon, and the options.

    Raises
    ------
    ParameterError
        The name is taken, or is not lower-case letters and digits.
    """
    if scheme in _OPENERS or not (scheme.isascii() and scheme.isalnum() and scheme == scheme.lower()):
        raise ParameterError(f"source name {scheme!r} is taken or not lower-case letters and digits; choose another")
    _OPENERS[scheme] = opener


def open_source(text: str, options: SourceOptions) -> IqSource:
    """Open ``rtlsdr:0``, ``rtltcp:192.168.1.7:1234`` or ``sim:meeting-room``.

    Parameters
    ----------
    text : str
        A registered name, a colon, and the address that its source understands.
    options : SourceOptions

    Raises
    ------
    ParameterError
        There is no such kind of source.
    DeviceError
        The receiver or its driver is not there.
    """
    return _opener(text)(text.partition(":")[2], options)


def open_sources(texts: Sequence[str], options: Sequence[SourceOptions]) -> IqSource:
    """Open one source, or several receivers that share the plan.

    Parameters
    ----------
    texts : sequence of str
        As for `open_source`; at least one.
    options : sequence of SourceOptions
        Of each.

    Raises
    ------
    ParameterError
        There is no such kind of source, or they cannot share a plan.
    DeviceError
        A receiver or its driver is not there.
    """
    if len(texts) == 1:
        return open_source(texts[0], options[0])
    from sweep.sources.several import open_several  # noqa: PLC0415

    for text in texts:
        _opener(text)  # before the first is opened
    return open_several(texts, options, open_source)


def _opener(text: str) -> Opener:
    scheme, colon, _ = text.partition(":")
    opener = _OPENERS.get(scheme) if colon else None
    if opener is None:
        known = ", ".join(f"{name}:..." for name in _OPENERS)
        raise ParameterError(
            f"source {text!r} is none of {known}; write for example rtlsdr:0, and use 'quietroom replay' for files"
        )
    return opener
