"""The STIX observable `radio-emission`, and the extension definition that says what its properties mean."""

from __future__ import annotations

from functools import cache
from typing import Any

from stix2 import properties, v21

from reports.exports.source import ExportSource, Reported, derived_uuid

__all__ = ["EXTENSION_ID", "PROPERTIES", "emission", "extension_definition"]

EXTENSION_ID = f"extension-definition--{derived_uuid('stix', 'radio-emission', '1')}"

PROPERTIES = {
    "record_sha256": ("string", "SHA-256 of the sweep record in which it was heard"),
    "finding": ("string", "its number in that record"),
    "kind": (
        "string",
        "new, raised, changed, or missing (expected and not heard), against the baseline; all are new without one",
    ),
    "room": ("string", "name of the room"),
    "center_freq_hz": ("integer", "centre frequency in Hz"),
    "occupied_bw_hz": ("integer", "bandwidth that holds 99 % of the power (ITU-R SM.443), in Hz"),
    "power_dbfs": ("float", "level in dB relative to the full scale of an uncalibrated receiver; not dBm"),
    "power_expanded_uncertainty_db": (
        "float",
        "expanded uncertainty of that level in dB (k = 2), of the parts that are known",
    ),
    "snr_db": ("float", "level above the noise in dB"),
    "excess_db": ("float", "level above the baseline of the room in dB"),
    "duty_cycle": ("float", "share of the time on the air, 0 to 1"),
    "p_value": ("float", "chance that a sweep with nothing new on the air shows as much anywhere"),
    "signal_type": ("string", "kind of signal in plain words"),
    "allocation": ("string", "radio services to which the frequency is allocated"),
    "is_confirmed": ("boolean", "false for what was heard in too few passes to be a finding"),
    "is_exercise": ("boolean", "true where the signals are synthetic"),
}
"""Type and meaning of each property; one that was not measured is absent."""

_IDENTIFYING = ["record_sha256", "finding", "center_freq_hz"]


def extension_definition(created_by: str, time: str) -> Any:
    """Describe the observable.

    Parameters
    ----------
    created_by : str
        Identifier of an identity.
    time : str
    """
    meanings = "; ".join(f"{name} ({kind}): {meaning}" for name, (kind, meaning) in PROPERTIES.items())
    return v21.ExtensionDefinition(
        id=EXTENSION_ID,
        created_by_ref=created_by,
        created=time,
        modified=time,
        name="radio-emission",
        description="An emission that a radio sweep heard: where in the spectrum, how strong, against what baseline.",
        schema=f"Cyber observable radio-emission, version 1. Properties, each absent where not measured: {meanings}.",
        version="1.0.0",
        extension_types=["new-sco"],
    )


def emission(source: ExportSource, item: Reported) -> Any:
    """Make the observable of a finding; its identifier is the UUIDv5 that STIX prescribes for observables."""
    told = {
        **{name: item.finding.get(name) for name in PROPERTIES},
        "power_expanded_uncertainty_db": (item.finding.get("power_uncertainty_db") or {}).get("expanded"),
        "record_sha256": source.sha256,
        "finding": item.finding.get("id"),
        "room": source.document.get("room"),
        "is_confirmed": item.is_confirmed,
        "is_exercise": source.synthetic,
    }
    if source.level_unit != "dBFS":
        del told["power_dbfs"]  # a level on the scale of another program
    extensions = {EXTENSION_ID: {"extension_type": "new-sco"}}
    return _observable()(extensions=extensions, **{name: value for name, value in told.items() if value is not None})


@cache
def _observable() -> Any:
    """Make the class, once: the library keeps a list of the types that it knows."""
    kinds = {
        "string": properties.StringProperty,
        "integer": properties.IntegerProperty,
        "float": properties.FloatProperty,
        "boolean": properties.BooleanProperty,
    }
    fields = [(name, kinds[kind](required=name in _IDENTIFYING)) for name, (kind, _) in PROPERTIES.items()]

    class RadioEmission:
        """Filled by the library."""

    return v21.CustomObservable("radio-emission", fields, _IDENTIFYING, EXTENSION_ID)(RadioEmission)
