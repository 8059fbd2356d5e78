"""``rtltcp:HOST:PORT``: a dongle in another room, through osmocom's ``rtl_tcp``."""

from __future__ import annotations

from dsp.errors import ParameterError
from sweep.model import Instrument
from sweep.sources.live import LiveSource, Recovery, Visit
from sweep.sources.options import SourceOptions
from sweep.sources.rtltcp_stream import MOST_LATE_S, Command, RtlTcpStream
from sweep.sources.settle import SettleSearch, settle_receiver
from sweep.sources.tuners import (
    DEFAULT_GAIN_DB,
    NOT_REPORTED,
    ReceiverSettings,
    Tuner,
    live_plan,
    nearest_gain_db,
    rate_notes,
    tuner_of,
)

__all__ = ["RtlTcpReceiver", "open_rtltcp", "parse_address"]

_TRANSFER_SAMPLES = 131_072  # the server hands on whole USB transfers
_NETWORK_S = 0.15
_MARGIN_S = 0.02
_LOSS_BY_CLOCK = (
    f"a stream that falls {MOST_LATE_S:g} s behind its sample rate is given up, so that lost samples are a gap"
)
_NOT_TOLD = "rtl_tcp tells neither the serial nor when samples were taken: times are those of arrival"


def open_rtltcp(address: str, options: SourceOptions, *, recovery: Recovery | None = None) -> LiveSource:
    """Connect to an ``rtl_tcp`` server and measure the settle time, which includes its buffers.

    Parameters
    ----------
    address : str
        ``HOST:PORT``, or ``[IPv6]:PORT``.
    options : SourceOptions
        Default: all that the tuner covers, 2.4 MS/s, the gain nearest to 28 dB; the automatic gain is always off.
    recovery : Recovery, optional
        How to connect again when the connection is cut.

    Raises
    ------
    ParameterError
        The address or an option is wrong.
    DeviceError
        Nothing listens there, or it is no rtl_tcp.
    """
    host, port = parse_address(address)
    rate = live_plan(options, tuner_of(0), None).sample_rate_hz
    stream = RtlTcpStream(host, port, sample_rate_hz=rate)
    try:
        tuner = tuner_of(stream.tuner_number)
        gain_db, gain_note = _choose_gain(tuner, stream.gain_count, options.gain_db)
        plan = live_plan(options, tuner, gain_db)
    except BaseException:
        stream.close()
        raise
    settings = ReceiverSettings(sample_rate_hz=rate, gain_db=gain_db, ppm=options.ppm)

    def connect() -> RtlTcpReceiver:
        return RtlTcpReceiver(RtlTcpStream(host, port, sample_rate_hz=rate), settings)

    receiver = RtlTcpReceiver(stream, settings)
    default_s = _NETWORK_S + _TRANSFER_SAMPLES / rate
    settle = settle_receiver(receiver, plan, tuner, SettleSearch(default_s=default_s, n_pairs=3, margin_s=_MARGIN_S))
    instrument = Instrument(
        driver="rtl_tcp",
        product=f"rtl_tcp at {host}:{port}",
        tuner=tuner.name,
        gain_db=gain_db,
        ppm=float(options.ppm),
        antenna=options.antenna,
        sample_format="cu8",
        settle_s=settle.settle_s,
        settle_measured=settle.measured,
        notes=(settle.note, NOT_REPORTED, _LOSS_BY_CLOCK, _NOT_TOLD, *gain_note, *rate_notes(rate)),
    )
    known_gains = tuner.gains_db if len(tuner.gains_db) == stream.gain_count else ()
    return LiveSource(
        receiver=receiver,
        reconnect=connect,
        plan=plan,
        instrument=instrument,
        gains_db=known_gains,
        tunes_hz=tuner.ranges_hz,
        recovery=recovery,
    )


class RtlTcpReceiver:
    """A connected server, set up (see `sweep.sources.live.Receiver`)."""

    def __init__(self, stream: RtlTcpStream, settings: ReceiverSettings) -> None:
        self._stream = stream
        try:
            stream.command(Command.CORRECTION_PPM, settings.ppm)
            stream.command(Command.AGC, 0)
            stream.command(Command.MANUAL_GAIN, 1)
            stream.command(Command.GAIN_TENTHS, round(settings.gain_db * 10))
        except BaseException:
            stream.close()
            raise

    def visit(self, center_freq_hz: int, n_skip: int, n_keep: int, *, then_hz: int | None = None) -> Visit:
        """Tune, let pass what was under way, skip and read."""
        self._stream.command(Command.CENTER_FREQ_HZ, center_freq_hz)
        return self._stream.collect(n_skip, n_keep)

    def set_gain(self, gain_db: float) -> None:
        """Set another fixed gain."""
        self._stream.command(Command.GAIN_TENTHS, round(gain_db * 10))

    def count_losses(self, duration_s: float) -> None:
        """The counter would also count what the network loses: nothing is told."""

    def close(self) -> None:
        """Hang up."""
        self._stream.close()


def parse_address(address: str) -> tuple[str, int]:
    """Read ``HOST:PORT``.

    Raises
    ------
    ParameterError
        There is no host or no port from 1 to 65535.

    Examples
    --------
    >>> parse_address("192.168.1.7:1234"), parse_address("[::1]:1234")
    (('192.168.1.7', 1234), ('::1', 1234))
    """
    host, _, port = address.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise ParameterError(f"address {address!r} is not HOST:PORT; write for example rtltcp:192.168.1.7:1234")
    return bare, int(port)


def _choose_gain(tuner: Tuner, gain_count: int, wanted_db: float | None) -> tuple[float, tuple[str, ...]]:
    """Gain in dB and what to note of it: the server tells how many gains there are, not which."""
    if tuner.gains_db and len(tuner.gains_db) == gain_count:
        return nearest_gain_db(tuner.gains_db, wanted_db), ()
    gain_db = DEFAULT_GAIN_DB if wanted_db is None else wanted_db
    return gain_db, (f"the gain of {gain_db:g} dB was asked for; whether the {tuner.name} has it is not known",)
