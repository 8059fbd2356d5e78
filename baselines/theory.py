"""What the statistics of averaged noise say a steady emitter must have to stand out."""

from __future__ import annotations

import numpy as np

from dsp.statistics import DB_PER_NEPER_POWER

__all__ = ["weakest_over_noise_db"]

_PD_90_SIGMAS = 1.28


def weakest_over_noise_db(variance: float, n_bins: float, *, threshold_sigmas: float, model_sigma: float) -> float:
    """Level of a steady emitter over the noise in its bins that is found with probability 0.9, in dB.

    Parameters
    ----------
    variance : float
        Of ln(mean) of a noise bin.
    n_bins : float
        Of the emitter.
    threshold_sigmas : float
        That the detector asks of a quiet bin.
    model_sigma : float
        Error of the background in nats.

    Examples
    --------
    >>> round(weakest_over_noise_db(0.0033, 4.4, threshold_sigmas=5.6, model_sigma=0.03), 1)
    -4.9
    """
    rise = (threshold_sigmas + _PD_90_SIGMAS) * float(np.sqrt(variance / max(1.0, n_bins) + model_sigma**2))
    return float(DB_PER_NEPER_POWER * np.log(np.expm1(rise)))
