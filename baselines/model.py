"""The baseline of a room: what its spectrum was, and how much it varied, when it was known to be free of devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.receivers import receiver_at
from dsp.statistics import DB_PER_NEPER_POWER
from sweep.plan import Layout

__all__ = ["Baseline", "BaselineVisit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineVisit:
    """One visit that a baseline was learnt from.

    ``measured_share`` and ``overloaded_share`` are those of its hops over all passes; None in baselines of before they
    were kept. ``level_db`` is its gain over ``Baseline.log_mean``, median over the bins.
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
    level_db: float | None = None

    def gain_db_at(self, freq_hz: float) -> float | None:
        """Gain setting at a frequency: that of the one of several receivers that heard it."""
        receiver = receiver_at(self.instrument, freq_hz)
        return self.gain_db if receiver is self.instrument else receiver.get("gain_db")


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
    log_top : ndarray of float32, shape (n_bins,)
        Largest mean of any sweep.
    within_variance : ndarray of float32, shape (n_bins,)
        Between the sweeps of one visit: that of noise, unless the bin has shown more.
    excess_variance : dict of ndarray of float32, shape (n_bins,)
        Between the sweeps of one visit, of the mean over the box about each bin, beyond that of its bins by
        themselves; by ``boxes.SCALES``.
    between_variance : dict of ndarray of float32, shape (n_bins,)
        Between visits, of the mean over the box of so many bins about each bin, by ``boxes.SCALES``; a stated guess
        with one visit only.
    restless : ndarray of bool, shape (n_bins,)
        Bins that vary more than noise, from frame to frame, sweep to sweep or visit to visit.
    floor_dbfs : ndarray of float32, shape (n_bins,)
    log_mask : ndarray of float32, shape (n_bins,), or None
        Largest frame of any sweep.
    burst_limits : dict of ndarray of float32
        Largest value of each burst feature that the baseline explains, by feature, shape (n_boxes,).
    sweep_variance : float
        Variance of ln(mean) of a noise bin in one sweep.
    inflation : float
        Factor by which scores of a visit left out exceeded their theory among the room's emitters; 1 or above.
    top_tail, mask_tail : dict of (float, float)
        Exponential tail of the excess over ``log_top`` and over the mask among the room's emitters, in nats: where
        one run of bins in a visit is expected to lie beyond, and its decay; for a ``single`` sweep and for what is
        ``lasting``.
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
    log_top: NDArray[np.float32]
    within_variance: NDArray[np.float32]
    excess_variance: dict[int, NDArray[np.float32]]
    between_variance: dict[int, NDArray[np.float32]]
    restless: NDArray[np.bool_]
    floor_dbfs: NDArray[np.float32]
    log_mask: NDArray[np.float32] | None
    burst_limits: dict[str, NDArray[np.float32]]
    sweep_variance: float
    inflation: float
    top_tail: dict[str, tuple[float, float]]
    mask_tail: dict[str, tuple[float, float]]
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
