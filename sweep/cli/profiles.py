"""The profiles of the dongles that sweep: in the record, and in a line where they help."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sweep.calibration.telling import calibration_facts
from sweep.model import IqSource
from sweep.sources.options import SourceOptions
from sweep.workspace import Workspace

__all__ = ["profiles_of"]


def profiles_of(workspace: Workspace, source: IqSource, options: Sequence[SourceOptions]) -> dict[str, Any]:
    """The profiles of the receivers, for the record; that one knows the error of its crystal is said where it helps."""
    try:
        told = calibration_facts(workspace.root, source.instrument, datetime.now(UTC).date(), plan=source.plan)
    except BaseException:
        source.close()
        raise
    for one in told:
        for day in one["expired"]:
            print(f"quietroom: the calibration of {one['serial']} expired on {day}: no dBm", file=sys.stderr)
        if one["ppm"] is not None and round(one["ppm"]) and not any(option.ppm for option in options):
            text = f"the profile of {one['serial']} says {one['ppm']:+.1f} ppm; sweep with --ppm {round(one['ppm'])}"
            print(f"quietroom: {text}", file=sys.stderr)
    return {"calibration": told} if told else {}
