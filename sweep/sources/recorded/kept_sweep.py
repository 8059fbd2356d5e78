"""A sweep that Quietroom itself kept: replayed as it was, hop for hop and gap for gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dsp.errors import ParameterError
from sweep.model import HopGap, Instrument
from sweep.plan import SweepPlan
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.files import name_errors, refuse
from sweep.sources.recorded.iq import HopAt, Samples
from sweep.sources.recorded.levels import measure_full_scale
from sweep.sources.recorded.quietroom_keys import (
    parse_camp_dwells,
    parse_gaps,
    parse_hop,
    parse_instrument,
    parse_looks,
    parse_plan,
)
from sweep.sources.recorded.swept import SweptRecording

__all__ = ["open_kept_sweep"]


def open_kept_sweep(
    path: Path, samples: Samples, document: Mapping[str, Any], options: SourceOptions
) -> SweptRecording:
    """Open a recording with Quietroom's extension.

    Parameters
    ----------
    path : Path
        Its metadata, named in errors.
    samples : Samples
    document : mapping
        Validated SigMF metadata.
    options : SourceOptions
        May repeat what is recorded, and may not contradict it.

    Raises
    ------
    CaptureError
        The extension's fields are missing or impossible, or a hop lies beyond the samples.
    """
    info, captures = document["global"], document["captures"]
    with name_errors(path):
        plan, instrument = parse_plan(info), parse_instrument(info)
        _check_options(plan, options)
        if captures and info.get("core:sample_rate") != plan.sample_rate_hz:
            raise ParameterError("core:sample_rate and quietroom:plan differ; the metadata was changed")
        hops = [_hop(plan, samples, captures, index, info.get("core:offset", 0)) for index in range(len(captures))]
        entries = _with_gaps(info, plan, hops)
        looks, camp_dwells = parse_looks(info, len(hops)), parse_camp_dwells(info)
    if not entries and not looks:
        raise refuse(path, "holds neither a hop nor a gap")
    measure_full_scale(samples)  # refuses samples that are not finite; the scale itself is recorded
    return SweptRecording(
        samples=samples,
        plan=plan,
        instrument=_with_antenna(instrument, options),
        entries=entries,
        stated=True,
        looks=looks,
        camp_dwells=camp_dwells,
    )


def _check_options(plan: SweepPlan, options: SourceOptions) -> None:
    for option, given, recorded in (
        ("--rate", options.sample_rate_hz, plan.sample_rate_hz),
        ("--bin-width", options.bin_width_hz, plan.bin_width_hz),
        ("--center", options.center_freq_hz, plan.hop_centers_hz[0] if plan.n_hops == 1 else "swept"),
    ):
        if given not in (None, recorded):
            raise ParameterError(
                f"{option} {given} contradicts the plan that was recorded ({recorded}); leave {option} out"
            )


def _hop(
    plan: SweepPlan, samples: Samples, captures: Sequence[Mapping[str, Any]], index: int, first_sample: int
) -> HopAt:
    capture = captures[index]
    keys = parse_hop(capture)
    start = capture["core:sample_start"] - first_sample
    end = captures[index + 1]["core:sample_start"] - first_sample if index + 1 < len(captures) else samples.n_samples
    if not 0 <= start <= end <= samples.n_samples:
        raise ParameterError(
            f"capture {index} has samples {start} to {end}, but there are {samples.n_samples}; the recording was cut"
        )
    if keys.hop_index >= plan.n_hops or "core:frequency" not in capture:
        raise ParameterError(f"capture {index} is hop {keys.hop_index} of {plan.n_hops}, or has no frequency")
    return HopAt(
        start=start,
        count=end - start,
        center_freq_hz=float(capture["core:frequency"]),
        gain_db=keys.gain_db,
        utc_ns=keys.utc_ns,
        monotonic_ns=keys.monotonic_ns,
        pass_index=keys.pass_index,
        hop_index=keys.hop_index,
        full_scale=keys.full_scale,
        dropped_samples=keys.dropped_samples,
        tuner_locked=keys.tuner_locked,
    )


def _with_gaps(info: Mapping[str, Any], plan: SweepPlan, hops: list[HopAt]) -> tuple[HopAt | HopGap, ...]:
    """Put every gap back before the hop that it preceded."""
    entries: list[HopAt | HopGap] = []
    gaps = parse_gaps(info)
    at = 0
    for gap in gaps:
        if not at <= gap.before_capture <= len(hops) or (gap.hop_index is not None and gap.hop_index >= plan.n_hops):
            raise ParameterError(f"quietroom:gaps has a gap before capture {gap.before_capture}, out of order")
        entries += hops[at : gap.before_capture]
        at = gap.before_capture
        entries.append(
            HopGap(
                pass_index=gap.pass_index,
                hop_index=gap.hop_index,
                utc_ns=gap.utc_ns,
                monotonic_ns=gap.monotonic_ns,
                reason=gap.reason,
            )
        )
    return (*entries, *hops[at:])


def _with_antenna(instrument: Instrument, options: SourceOptions) -> Instrument:
    """Let the user name the antenna where the recording is silent."""
    if options.antenna is None or instrument.antenna is not None:
        return instrument
    return replace(instrument, antenna=options.antenna)
