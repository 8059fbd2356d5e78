"""The baseline of a room: what its spectrum was, and how much it varied, when it was known to be free of devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.statistics import DB_PER_NEPER_POWER
from sweep.plan import Layout

__all__ = ["Baseline", "BaselineVisit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineVisit:
    """One visit that a baseline was learnt from.

    ``measured_share`` and ``overloaded_share`` are those of its hops over all passes; None in baselines of before they
    were kept.
    """

    record_id: str
    last_leaf: str
    start_time: str
    n_passes: int
    instrument: Mapping[str, Any]
    plan_digest: str | None
    gain_db: float | None
    measured_share: float | None = None
    overloaded_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """An immutable version of a room's baseline.

    Natural logarithms of linear power (1 at full scale), aligned in gain over the sweeps; NaN where nothing was
    measured. A sweep is one group of passes of a visit.

    Attributes
    ----------
    id, room, created : str
    layout : Layout
    n_sweeps : int
    visits : tuple of BaselineVisit
    log_mean : ndarray of float32, shape (n_bins,)
    within_variance : ndarray of float32, shape (n_bins,)
        Between the sweeps of one visit, shrunk towards noise.
    between_variance : ndarray of float32, shape (n_bins,)
        Between visits, shrunk towards what bins like it show; a stated guess with one visit only.
    contrast_variance : ndarray of float32, shape (n_bins,)
        Between visits after the common rise of a wide emitter is taken out.
    floor_dbfs : ndarray of float32, shape (n_bins,)
    log_mask : ndarray of float32, shape (n_bins,), or None
        Largest frame of any sweep.
    burst_limits : dict of ndarray of float32
        Largest value of each burst feature that the baseline explains, by feature, shape (n_boxes,).
    sweep_variance : float
        Variance of ln(mean) of a noise bin in one sweep.
    inflation, quiet_inflation : float
        Factor by which scores of a visit left out exceeded their theory, near the room's emitters and away from
        them; 1 or above.
    mask_margin : float
        How far above the mask, in nats, a visit left out reached.
    parent : str or None
        Version whose visits this one was learnt from too.
    """

    id: str
    room: str
    created: str
    layout: Layout
    n_sweeps: int
    visits: tuple[BaselineVisit, ...]
    log_mean: NDArray[np.float32]
    within_variance: NDArray[np.float32]
    between_variance: NDArray[np.float32]
    contrast_variance: NDArray[np.float32]
    floor_dbfs: NDArray[np.float32]
    log_mask: NDArray[np.float32] | None
    burst_limits: dict[str, NDArray[np.float32]]
    sweep_variance: float
    inflation: float
    quiet_inflation: float
    mask_margin: float
    parent: str | None = None

    @property
    def above_floor(self) -> NDArray[np.float32]:
        """Nats that each bin lies above the noise floor, shape (n_bins,)."""
        return self.log_mean - self.floor_dbfs / np.float32(DB_PER_NEPER_POWER)

    @property
    def n_visits(self) -> int:
        """Visits that it was learnt from."""
        return len(self.visits)

    @property
    def plan_digest(self) -> str | None:
        """Digest of the plan, where all visits share one."""
        digests = {visit.plan_digest for visit in self.visits}
        return digests.pop() if len(digests) == 1 else None
