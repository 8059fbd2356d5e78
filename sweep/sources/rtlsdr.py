"""``rtlsdr:INDEX-or-SERIAL``: a dongle on this machine, through pyrtlsdr."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsp.errors import DeviceError
from sweep.health.checks import FAIL, PASS, WARN, Check
from sweep.model import Instrument
from sweep.sources.dongle import LATE_S, READS, RtlSdrReceiver, read_tuner, usb_strings
from sweep.sources.live import LiveSource, Recovery
from sweep.sources.options import SourceOptions
from sweep.sources.settle import SettleSearch, settle_receiver
from sweep.sources.tuners import NOT_REPORTED, ReceiverSettings, live_plan, nearest_gain_db, rate_notes

__all__ = ["DongleInfo", "check_serials", "find_dongle", "list_dongles", "open_rtlsdr", "serial_check"]

_FACTORY_SERIAL = "00000001"
_INDEX_DIGITS = 2  # a longer number is a serial
_LOSS_BY_CLOCK = (
    f"lost samples are told by the clock: those that {READS} reads of a hop lacked one after another, of a stretch of "
    f"{1e3 * LATE_S:g} ms or more"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DongleInfo:
    """A dongle as ``quietroom devices`` lists it.

    Attributes
    ----------
    index : int
    serial, manufacturer, product : str
    tuner : str or None
        None when the dongle could not be opened.
    gains_db : tuple of float
        What the tuner supports, in dB; empty when it could not be opened.
    health : tuple of str
        What a technician should know; empty when nothing is wrong.
    """

    index: int
    serial: str
    manufacturer: str
    product: str
    tuner: str | None
    gains_db: tuple[float, ...]
    health: tuple[str, ...]


def list_dongles() -> list[DongleInfo]:
    """List the dongles on this machine; each that is free is opened for a moment.

    Raises
    ------
    DeviceError
        The driver is missing.
    """
    strings = usb_strings()
    serials = [serial for _, _, serial in strings]
    return [_describe(index, *strings[index], serials) for index in range(len(strings))]


def open_rtlsdr(address: str, options: SourceOptions, *, recovery: Recovery | None = None) -> LiveSource:
    """Open a dongle and measure its settle time.

    Parameters
    ----------
    address : str
        Index (0, 1 ...) or serial; empty for the first dongle.
    options : SourceOptions
        Default: all that the tuner covers, 2.4 MS/s, the gain nearest to 28 dB; the automatic gain is always off.
    recovery : Recovery, optional
        How to look for a dongle that was pulled.

    Raises
    ------
    DeviceError
        The driver is missing, there is no such dongle, two have this serial, or it cannot be opened.
    ParameterError
        An option is outside what the dongle can do.
    """
    index = find_dongle(address)
    manufacturer, product, serial = usb_strings()[index]
    tuner, gains_db = read_tuner(index, serial)
    gain_db = nearest_gain_db(gains_db, options.gain_db)
    plan = live_plan(options, tuner, gain_db)

    def connect() -> RtlSdrReceiver:
        settings = ReceiverSettings(sample_rate_hz=plan.sample_rate_hz, gain_db=gain_db, ppm=options.ppm)
        return RtlSdrReceiver(_find_again(index, serial), serial, settings)

    receiver = connect()
    settle = settle_receiver(receiver, plan, tuner, SettleSearch())
    instrument = Instrument(
        driver="rtlsdr",
        serial=serial,
        product=f"{manufacturer} {product}".strip(),
        tuner=tuner.name,
        gain_db=gain_db,
        ppm=float(options.ppm),
        antenna=options.antenna,
        sample_format="cu8",
        settle_s=settle.settle_s,
        settle_measured=settle.measured,
        notes=(settle.note, NOT_REPORTED, _LOSS_BY_CLOCK, *rate_notes(plan.sample_rate_hz)),
    )
    return LiveSource(
        receiver=receiver,
        reconnect=connect,
        plan=plan,
        instrument=instrument,
        gains_db=gains_db,
        tunes_hz=tuner.ranges_hz,
        recovery=recovery,
    )


def check_serials(addresses: Sequence[str]) -> None:
    """Make sure that dongles which are used together can be told apart, now and in the record.

    Raises
    ------
    DeviceError
        Two of them have one serial, or one is not there.
    """
    indexes = [find_dongle(address) for address in addresses]
    strings = usb_strings()
    first: dict[str, int] = {}
    for index in indexes:
        serial = strings[index][2]
        if serial in first:
            raise DeviceError(
                f"dongles {first[serial]} and {index} both have serial {serial or '(none)'}, so that nobody could tell "
                f"which heard what; give one another with: rtl_eeprom -d {index} -s SERIAL, and plug it in again"
            )
        first[serial] = index


def serial_check(serial: str) -> Check:
    """Whether a dongle can be told from all others, now and in the record.

    Raises
    ------
    DeviceError
        The driver is missing.
    """
    serials = [found for _, _, found in usb_strings()]
    last = max((index for index, found in enumerate(serials) if found == serial), default=0)
    cure = f"give it one of its own with: rtl_eeprom -d {last} -s SERIAL, and plug it in again"
    if serials.count(serial) > 1:
        cure = cure.replace("give it one", f"give dongle {last} one")
        words = f"{serials.count(serial)} dongles have serial {serial or '(none)'}: nobody could tell which heard what"
        return Check(name="serial", state=FAIL, words=f"{words}; {cure}")
    if serial in (_FACTORY_SERIAL, ""):
        what = f"serial is the factory's {serial}" if serial else "it has no readable serial"
        return Check(name="serial", state=WARN, words=f"{what}, as that of others may be; {cure}")
    return Check(name="serial", state=PASS, words=serial)


def find_dongle(address: str) -> int:
    """Give the index of the dongle that an address names.

    Raises
    ------
    DeviceError
        The driver is missing, there is no such dongle, or two have this serial.
    """
    serials = [serial for _, _, serial in usb_strings()]
    if not serials:
        raise DeviceError("no RTL-SDR dongle was found; plug one in, or name another source with --source")
    wanted = address.strip() or "0"
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= _INDEX_DIGITS and str(int(wanted)) == wanted:
        if int(wanted) < len(serials):
            return int(wanted)
        if wanted not in serials:
            raise DeviceError(
                f"there is no dongle {wanted}: {len(serials)} found, counted from 0; see 'quietroom devices'"
            )
    if wanted not in serials:
        raise DeviceError(f"no dongle has serial {wanted!r}; found: {', '.join(serials)}; see 'quietroom devices'")
    if serials.count(wanted) > 1:
        raise DeviceError(
            f"{serials.count(wanted)} dongles have serial {wanted}; use rtlsdr:INDEX, or give one another serial with: "
            "rtl_eeprom -d INDEX -s SERIAL"
        )
    return serials.index(wanted)


def _find_again(index: int, serial: str) -> int:
    """Index of the dongle that was opened first, which may have moved when it was plugged in again."""
    serials = [found for _, _, found in usb_strings()]
    if index < len(serials) and serials[index] == serial:
        return index
    if serials.count(serial) == 1:
        return serials.index(serial)
    raise DeviceError(f"dongle {serial or index} is not there; plug it in again")


def _describe(index: int, manufacturer: str, product: str, serial: str, serials: list[str]) -> DongleInfo:
    health = _serial_health(serial, serials)
    tuner: str | None = None
    gains_db: tuple[float, ...] = ()
    try:
        chip, gains_db = read_tuner(index, serial)
        tuner = chip.name
    except DeviceError as error:
        health += (str(error),)
    return DongleInfo(
        index=index,
        serial=serial,
        manufacturer=manufacturer,
        product=product,
        tuner=tuner,
        gains_db=gains_db,
        health=health,
    )


def _serial_health(serial: str, serials: list[str]) -> tuple[str, ...]:
    if serials.count(serial) > 1:
        return (f"{serials.count(serial)} dongles share serial {serial}; give one another with rtl_eeprom -s",)
    if serial == _FACTORY_SERIAL:
        return ("serial is the factory's 00000001; give it one of its own with rtl_eeprom -s",)
    return () if serial else ("it has no readable serial",)
