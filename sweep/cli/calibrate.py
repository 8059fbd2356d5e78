"""``calibrate``: measure a dongle and keep its profile."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec

from dsp.errors import ParameterError
from reports.content.wording import count
from sweep import __version__
from sweep.calibration.measuring import (
    CalibrationSource,
    measure_absolute,
    measure_frequency,
    measure_gains,
    measure_terminated,
)
from sweep.calibration.profile import DongleProfile, StoredProfile, find_profile, keep_profile
from sweep.cli.printing import Printer
from sweep.sources.options import SourceOptions
from sweep.sources.registry import open_source
from sweep.units import format_hz
from sweep.workspace import Workspace

__all__ = ["calibrate"]


def calibrate(arguments: Namespace) -> int:
    """Measure what is asked for; the rest of the dongle's latest profile is kept."""
    printer = Printer(arguments.json)
    workspace = Workspace.open(arguments.workspace)
    if (arguments.level is None) != (arguments.at is None) and not arguments.gains:
        raise ParameterError("a known level needs its frequency: give both --level and --at")
    if not (arguments.terminated or arguments.carrier or arguments.gains or arguments.level is not None):
        raise ParameterError("say what to measure: --terminated, --carrier HZ, --gains, or --level DBM --at HZ")
    if arguments.terminated and (arguments.carrier or arguments.gains or arguments.level is not None):
        raise ParameterError(
            "--terminated is measured without an antenna, all else with a signal; do one after the other"
        )
    options = SourceOptions(ranges_hz=tuple(arguments.ranges_hz or ()), gain_db=arguments.gain)
    opened = open_source(arguments.source, options)
    try:
        if not hasattr(opened, "look") or not hasattr(opened, "gains_db") or opened.instrument.serial is None:
            raise ParameterError(
                f"source {arguments.source!r} cannot be calibrated; give a dongle, for example rtlsdr:0"
            )
        source = cast("CalibrationSource", opened)
        before = find_profile(workspace.root, str(source.instrument.serial))
        measured = _measure(source, arguments, before)
        kept = keep_profile(workspace.root, _profile(source, before, measured))
    finally:
        opened.close()
    printer.lines(_lines(kept))
    printer.document(
        {"schema": "quietroom.calibration/1", "id": kept.id, "sha256": kept.sha256, "path": str(kept.path)}
        | {"profile": msgspec.to_builtins(kept.profile)}
    )
    return 0


def _measure(source: CalibrationSource, arguments: Namespace, before: StoredProfile | None) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    if arguments.terminated:
        measured["terminated"] = measure_terminated(source, arguments.passes)
    if arguments.carrier:
        measured["frequency"] = measure_frequency(source, arguments.carrier)
    if arguments.gains:
        at_hz = arguments.at or source.plan.hop_centers_hz[0]
        measured["gains"] = measure_gains(source, at_hz, carrier=arguments.at is not None)
    if arguments.level is not None:
        expires = (datetime.now(UTC) + timedelta(days=arguments.valid_days)).date()
        made = measure_absolute(source, arguments.at, arguments.level, expires)
        kept = () if before is None else before.profile.absolute
        others = tuple(one for one in kept if (one.at_hz, one.gain_db) != (made.at_hz, made.gain_db))
        measured["absolute"] = (*others, made)
    return measured


def _profile(source: CalibrationSource, before: StoredProfile | None, measured: dict[str, Any]) -> DongleProfile:
    instrument = source.instrument
    made = datetime.now(UTC).replace(microsecond=0)
    about: dict[str, Any] = {
        "made": made,
        "software": f"quietroom {__version__}",
        "synthetic": instrument.synthetic,
        "driver": instrument.driver,
        "tuner": instrument.tuner,
    }
    if before is not None:
        return msgspec.structs.replace(before.profile, **about, **measured)
    return DongleProfile(schema="quietroom.dongle/1", serial=str(instrument.serial), **about, **measured)


def _lines(kept: StoredProfile) -> list[str]:
    """Say all that the profile has by now."""
    profile = kept.profile
    lines = [f"Profile {kept.id}{', EXERCISE: simulated' if profile.synthetic else ''}"]
    if (terminated := profile.terminated) is not None:
        floors = terminated.floor_dbfs
        lines.append(
            f"Terminated input, {terminated.measured.date()}: floor {min(floors):.1f} to {max(floors):.1f} dBFS "
            f"a bin at {terminated.gain_db:g} dB, {count(len(terminated.spur_freq_hz), 'line')} of its own"
        )
    if (frequency := profile.frequency) is not None:
        lines.append(
            f"Frequency, {frequency.measured.date()}: {frequency.ppm:+.2f} ppm against "
            f"{format_hz(frequency.carrier_hz)}; sweep with --ppm {round(frequency.ppm)}"
        )
    if (gains := profile.gains) is not None:
        lines.append(
            f"Gains, {gains.measured.date()}: {count(len(gains.gain_db), 'step')} against "
            f"{gains.reference_gain_db:g} dB, by {gains.method}, "
            f"{min(gains.relative_db):+.1f} to {max(gains.relative_db):+.1f} dB"
        )
    lines += [
        f"Level, {one.measured.date()}: {one.level_dbm:g} dBm at {format_hz(one.at_hz)} read {one.level_dbfs:.1f} dBFS "
        f"at {one.gain_db:g} dB; valid until {one.expires}"
        for one in profile.absolute
    ]
    return [*lines, f"File: {kept.path}"]
