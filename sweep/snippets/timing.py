"""When within its samples a finding was on the air."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsp.frames import frame_powers
from sweep.model import HopSamples
from sweep.plan import SweepPlan

__all__ = ["OnAir", "on_air"]

_CLEAR_SIGMAS, _LEAST_SIGMAS = 9.0, 4.0
_ENBW_BINS = 1.5
_ON_SHARE = 0.25
_LONGEST_BREAK = 3
_ALWAYS = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAir:
    """A part of some samples.

    Attributes
    ----------
    start, count : int
        First sample, and how many.
    is_burst : bool
        False where it was on for all of the time.
    """

    start: int
    count: int
    is_burst: bool


def on_air(plan: SweepPlan, dwells: Sequence[HopSamples], bins: slice, background: float) -> OnAir | None:
    """Find the burst in which the strongest frame lies.

    Parameters
    ----------
    plan : SweepPlan
    dwells : sequence of HopSamples
        Without a break.
    bins : slice
        Of the hop, in which the finding lies.
    background : float
        Linear power of these bins without it.

    Returns
    -------
    OnAir or None
        Within half a transform at either end. None where no frame stands out clearly enough to tell.
    """
    power = np.concatenate([_powers(plan, dwell, bins) for dwell in dwells])
    sigma = background / np.sqrt(max(1.0, (bins.stop - bins.start) / _ENBW_BINS))
    if not background > 0 or power.max() < background + _CLEAR_SIGMAS * sigma:
        return None
    heard = power[power > background + _LEAST_SIGMAS * sigma]
    limit = background + max(_LEAST_SIGMAS * sigma, _ON_SHARE * (float(np.median(heard)) - background))
    on = np.flatnonzero(power > limit)
    if on.size >= _ALWAYS * power.size:
        return OnAir(start=0, count=len(dwells) * plan.hop_samples, is_burst=False)
    burst = next(run for run in np.split(on, np.flatnonzero(np.diff(on) > _LONGEST_BREAK) + 1) if power.argmax() in run)
    half = plan.n_fft // 2
    first, last = (_sample(plan, int(frame)) for frame in (burst[0], burst[-1]))
    return OnAir(start=first + half // 2, count=last - first + half, is_burst=True)


def _powers(plan: SweepPlan, dwell: HopSamples, bins: slice) -> NDArray[np.float32]:
    offset_hz = dwell.center_freq_hz - plan.hop_centers_hz[dwell.hop_index]
    frames = frame_powers(
        dwell.raw,
        dwell.sample_format,
        n_fft=plan.n_fft,
        n_frames=plan.n_frames,
        hop_bins=plan.hop_bins,
        full_scale=dwell.full_scale,
        offset_bins=offset_hz / plan.bin_width_hz,
    )
    return np.asarray(frames.power[:, bins].sum(axis=1))


def _sample(plan: SweepPlan, frame: int) -> int:
    """First sample of a frame, which are counted over all dwells."""
    dwell, frame = divmod(frame, plan.n_frames)
    return dwell * plan.hop_samples + frame * (plan.n_fft // 2)
