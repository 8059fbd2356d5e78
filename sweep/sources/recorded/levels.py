"""Full scale of float recordings, measured over the whole file in blocks."""

from __future__ import annotations

import numpy as np

from dsp.errors import ParameterError
from dsp.samples import guess_full_scale
from sweep.sources.recorded.files import refuse
from sweep.sources.recorded.iq import Samples

__all__ = ["measure_full_scale"]

_BLOCK_SAMPLES = 1 << 20


def measure_full_scale(samples: Samples) -> tuple[float, str | None]:
    """Find the full scale of a recording.

    Parameters
    ----------
    samples : Samples
        Only ``cf32_le`` is read; integers have the full scale of their type.

    Returns
    -------
    full_scale : float
    note : str or None
        What was measured, when it is not 1.

    Raises
    ------
    CaptureError
        A sample is not finite, or the largest is beyond any converter.
    """
    if samples.sample_format != "cf32_le":
        return 1.0, None
    peak = 0.0
    with samples.reader() as read:
        for start in range(0, samples.n_samples, _BLOCK_SAMPLES):
            values = read(start, min(_BLOCK_SAMPLES, samples.n_samples - start))
            finite = np.isfinite(values)
            if not finite.all():
                at = int(np.argmin(finite))
                raise refuse(
                    samples.path,
                    f"sample {start + at // 2} is {values[at]}, not a number within reach; the file is damaged or is "
                    "not 32-bit float IQ (see --format)",
                )
            peak = max(peak, float(np.abs(values).max(initial=0.0)))
    try:
        full_scale = guess_full_scale(peak)
    except ParameterError as error:
        raise refuse(samples.path, f"{error}, or name its format with --format") from error
    return (
        full_scale,
        None if full_scale == 1.0 else f"float samples reach {peak:g}, full scale taken as {full_scale:g}",
    )
