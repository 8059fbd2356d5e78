"""How long a receiver needs after a retune until what it gives is of the new frequency only.

Retunes go back and forth between a frequency with much received power and one with little, and the power in short
blocks after each retune is watched until it stays where it ends. A hard-coded settle time is either slow or wrong:
tuners take 5 to 60 ms, and samples of the old frequency linger in buffers of unknown length.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sweep.plan import SweepPlan
from sweep.sources.live import Receiver, TuningRefusedError
from sweep.sources.tuners import Tuner
from sweep.units import format_hz

__all__ = ["Settle", "SettleSearch", "measure_settle", "probe_frequencies", "settle_receiver"]

Probe = Callable[[int, int], NDArray[np.uint8]]
"""Retunes to a frequency in Hz and gives so many samples from the very first on, as 8-bit I and Q."""

_BLOCK_S = 0.5e-3
_BLOCK_SAMPLES = 1024  # at the least: the power of noise in a block then scatters by 0.14 dB
_MIN_CONTRAST_DB = 3.0  # six times the largest scatter of noise
_ENOUGH_CONTRAST_DB = 15.0
_SHORT_BLOCKS = 40
_STEADY_DB = 3.0
_FM_BAND_HZ = range(88_500_000, 108_000_000, 2_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """A settle time and where it comes from.

    Attributes
    ----------
    settle_s : float
    measured : bool
        False when a safe value was assumed.
    note : str
        For the record.
    """

    settle_s: float
    measured: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleSearch:
    """How the settle time of one kind of receiver is looked for.

    Attributes
    ----------
    default_s : float
        Assumed where nothing can be measured, and while looking for frequencies.
    n_pairs : int
        Retunes there and back.
    margin_s : float
        Added to what was measured, after a quarter of it.
    """

    default_s: float = 0.06
    n_pairs: int = 4
    margin_s: float = 2 * _BLOCK_S


def settle_receiver(receiver: Receiver, plan: SweepPlan, tuner: Tuner, search: SettleSearch) -> Settle:
    """Measure the settle time of a connected receiver, in the FM band and over the plan.

    Raises
    ------
    DeviceError
        The receiver was lost; it is closed then.
    """
    waits_ms: list[float] = []

    def probe(freq_hz: int, n_samples: int) -> NDArray[np.uint8]:
        begun_ns = time.monotonic_ns()
        visit = receiver.visit(freq_hz, 0, n_samples)
        waits_ms.append((visit.monotonic_ns - begun_ns) * 1e-6)
        return visit.raw

    candidates_hz = probe_frequencies(plan.hop_centers_hz, tuner.ranges_hz[0][0], tuner.ranges_hz[-1][1])
    try:
        settle = measure_settle(probe, sample_rate_hz=plan.sample_rate_hz, candidates_hz=candidates_hz, search=search)
    except BaseException:
        receiver.close()
        raise
    wait_ms = statistics.median(waits_ms or [0.0])
    return replace(settle, note=f"{settle.note}; samples come {wait_ms:.1f} ms after the command to retune")


def probe_frequencies(hop_centers_hz: tuple[int, ...], lowest_hz: int, highest_hz: int) -> tuple[int, ...]:
    """Choose where to look for strong and weak received power: the FM band, and hops over the whole plan.

    The two kinds take turns, since one of each mostly differ by enough and the search then ends.

    Examples
    --------
    >>> len(probe_frequencies((433_920_000,), 24_000_000, 1_766_000_000))
    11
    """
    fm_hz = [freq for freq in _FM_BAND_HZ if lowest_hz <= freq <= highest_hz]
    hops_hz = hop_centers_hz[:: max(1, len(hop_centers_hz) // 12)]
    pairs = itertools.zip_longest(hops_hz, fm_hz)
    return tuple(dict.fromkeys(freq for pair in pairs for freq in pair if freq is not None))


def measure_settle(
    probe: Probe, *, sample_rate_hz: int, candidates_hz: Iterable[int], search: SettleSearch | None = None
) -> Settle:
    """Measure the settle time of a receiver.

    Parameters
    ----------
    probe : callable
        Retunes and gives samples at once.
    sample_rate_hz : int
    candidates_hz : iterable of int
        Frequencies among which a strong and a weak one are looked for, until two differ by 15 dB. One that is refused
        is left out.
    search : SettleSearch, optional

    Returns
    -------
    Settle
        ``measured`` is False where no two candidates differ by 3 dB, or the power never came to rest.

    Raises
    ------
    DeviceError
        The receiver was lost.
    """
    search = search or SettleSearch()
    block = max(_BLOCK_SAMPLES, round(_BLOCK_S * sample_rate_hz))
    survey = _survey(probe, candidates_hz, block, round(search.default_s * sample_rate_hz / block))
    if not survey:
        return _assumed(search, "no frequency with steady power was found")
    strong, weak = max(survey, key=survey.__getitem__), min(survey, key=survey.__getitem__)
    contrast_db = survey[strong] - survey[weak]
    if contrast_db < _MIN_CONTRAST_DB:
        return _assumed(search, f"received power differs by {contrast_db:.1f} dB only, {_MIN_CONTRAST_DB:g} are needed")
    n_blocks = 2 * max(1, round(search.default_s * sample_rate_hz / block))
    order = (strong, weak) if weak == [*survey][-1] else (weak, strong)  # it is tuned to one of them: away from that
    worst = _worst_blocks(probe, {freq_hz: survey[freq_hz] for freq_hz in order}, search.n_pairs, block, n_blocks)
    if worst is None:
        return _assumed(search, "received power did not come to rest after a retune")
    measured_s = worst * block / sample_rate_hz
    return Settle(
        settle_s=1.25 * measured_s + search.margin_s,
        measured=True,
        note=f"settled within {measured_s * 1e3:.1f} ms in {2 * search.n_pairs} retunes between {format_hz(strong)} "
        f"({survey[strong]:.1f} dBFS) and {format_hz(weak)} ({survey[weak]:.1f} dBFS)",
    )


def _assumed(search: SettleSearch, why: str) -> Settle:
    note = f"settle time of {search.default_s * 1e3:.0f} ms assumed: {why}"
    return Settle(settle_s=search.default_s, measured=False, note=note)


def _survey(probe: Probe, candidates_hz: Iterable[int], block: int, n_settle: int) -> dict[int, float]:
    """Level in dBFS of each candidate whose power is steady once the default time has passed."""
    levels: dict[int, float] = {}
    for freq_hz in candidates_hz:
        try:
            tail = _block_levels_db(probe(freq_hz, (n_settle + 10) * block), block)[n_settle:]
        except TuningRefusedError:
            continue
        if np.ptp(tail) <= _STEADY_DB:
            levels[freq_hz] = float(np.median(tail))
            if max(levels.values()) - min(levels.values()) >= _ENOUGH_CONTRAST_DB:
                break
    return levels


def _worst_blocks(probe: Probe, levels_db: Mapping[int, float], n_pairs: int, block: int, n_blocks: int) -> int | None:
    """Blocks until the level of two frequencies has come to rest, over some retunes there and back.

    After the first pair it is known how long to watch. Where one then was not at rest for all of that, it counts as so
    long, and all are watched for as long as the first pair.
    """
    worst = 0
    contrast_db = max(levels_db.values()) - min(levels_db.values())
    for shortest in (_SHORT_BLOCKS, n_blocks):
        watched = n_blocks
        for count, (freq_hz, level_db) in enumerate(tuple(levels_db.items()) * n_pairs):
            if count == len(levels_db):
                watched = min(n_blocks, max(shortest, 6 * worst))
            heard_db = _block_levels_db(probe(freq_hz, watched * block), block)
            settled = _settled_after(heard_db, level_db, contrast_db)
            worst = max(worst, watched if settled is None else settled)
            if settled is None:
                break
        else:
            return worst
    return None


def _settled_after(heard_db: NDArray[np.float64], level_db: float, contrast_db: float) -> int | None:
    """Blocks until the level stays within what it does in the second half; None when that is no rest, or elsewhere."""
    half = heard_db.size // 2
    final = float(np.median(heard_db[half:]))
    tolerance = max(1.0, 2.0 * float(np.max(np.abs(heard_db[half:] - final))))
    if tolerance > contrast_db / 2 or abs(final - level_db) > contrast_db / 2:
        return None
    unsettled = np.flatnonzero(np.abs(heard_db[:half] - final) > tolerance)
    return int(unsettled[-1]) + 1 if unsettled.size else 0


def _block_levels_db(raw: NDArray[np.uint8], block: int) -> NDArray[np.float64]:
    """Power of each block in dBFS, without the DC offset of the receiver, which is the same at every frequency."""
    iq = (raw[: raw.size // (2 * block) * 2 * block].astype(np.float32) - np.float32(127.5)) / np.float32(128)
    pairs = iq.reshape(-1, 2)
    power = np.square(pairs - pairs.mean(axis=0)).reshape(-1, 2 * block).mean(axis=1, dtype=np.float64) * 2
    levels_db: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12))
    return levels_db
