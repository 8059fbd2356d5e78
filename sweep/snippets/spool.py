"""A bounded store of the raw samples of a running sweep, for the snippets that are cut when it has been judged."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

import numpy as np

from sweep.camping import dwells_of
from sweep.journal.files import write_at
from sweep.model import HopGap, HopSamples
from sweep.plan import SweepPlan
from sweep.snippets.held import DwellKey, key_of

__all__ = ["SampleSpool"]

_MAX_BYTES = 512 << 20  # 107 s of a dongle
_DISK_SHARE = 8
_STEP_BYTES = 16 << 20


class SampleSpool:
    """Holds the newest dwells of a sweep in a file without a name, which the system removes with the process.

    It takes no more than 512 MiB and an eighth of what was free on the disk, and grows no further once it holds more
    than what is left: journal and record go first. A spool that fails is given up, and says so; it raises nothing.

    Parameters
    ----------
    folder : Path
        On the disk that it uses.
    plan : SweepPlan
    max_bytes : int
    """

    def __init__(self, folder: Path, plan: SweepPlan, *, max_bytes: int = _MAX_BYTES) -> None:
        self._folder = folder
        self._plan = plan
        self._max_bytes = max_bytes
        self._slot_bytes = 0
        self._n_slots = 0
        self._slots: list[DwellKey] = []
        self._next = 0
        self._dwells: dict[DwellKey, tuple[int, HopSamples]] = {}
        self._descriptor: int | None = None
        self.since_ns = 0
        self.failure: str | None = None

    def add(self, block: HopSamples | HopGap) -> None:
        """Hold a hop, or the dwells of a stay."""
        if isinstance(block, HopGap) or self.failure is not None:
            return
        try:
            for dwell in dwells_of(self._plan, block):
                self._add(dwell)
        except OSError as error:
            self.give_up(f"the samples could not be held until the sweep was judged: {error.strerror or error}")

    def give_up(self, reason: str) -> None:
        """Give the room on the disk back for something that matters more."""
        self.close()
        self.failure = reason

    @property
    def sample_bytes(self) -> int:
        """Bytes of one IQ sample."""
        return max(1, self._slot_bytes // self._plan.hop_samples)

    def fetch(self, wanted: AbstractSet[DwellKey]) -> Mapping[DwellKey, HopSamples]:
        """Give those of the wanted dwells that are held.

        Raises
        ------
        OSError
            They cannot be read.
        """
        found = {}
        for key in wanted & self._dwells.keys():
            slot, dwell = self._dwells[key]
            assert self._descriptor is not None  # it holds dwells
            content = os.pread(self._descriptor, self._slot_bytes, slot * self._slot_bytes)
            if len(content) != self._slot_bytes:
                raise OSError("the samples that were held are cut short")
            found[key] = replace(dwell, raw=np.frombuffer(content, dwell.raw.dtype))
        return found

    def close(self) -> None:
        """Give the room on the disk back, once."""
        self._slots, self._dwells = [], {}
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _add(self, dwell: HopSamples) -> None:
        if self._descriptor is None:
            self._descriptor = self._open(dwell.raw.nbytes)
        if dwell.raw.nbytes != self._slot_bytes or not self._n_slots:
            return
        if len(self._slots) < self._n_slots and self._may_grow():
            slot = len(self._slots)
            self._slots.append(key_of(dwell))
        elif not self._slots:
            return
        else:
            slot, self._next = self._next, (self._next + 1) % len(self._slots)
            oldest, self._slots[slot] = self._slots[slot], key_of(dwell)
            self._dwells.pop(oldest, None)
            self.since_ns = max(self.since_ns, oldest[1] + 1)
        write_at(self._descriptor, dwell.raw.tobytes(), slot * self._slot_bytes)
        self._dwells[key_of(dwell)] = slot, replace(dwell, raw=dwell.raw[:0].copy())

    def _open(self, slot_bytes: int) -> int:
        self._slot_bytes = slot_bytes
        free = shutil.disk_usage(self._folder).free
        self._n_slots = min(self._max_bytes, free // _DISK_SHARE) // slot_bytes
        with tempfile.TemporaryFile(dir=self._folder) as nameless:
            return os.dup(nameless.fileno())

    def _may_grow(self) -> bool:
        """Look at the disk at every step; where it has become full, make do with what there is."""
        held = len(self._slots) * self._slot_bytes
        is_step = held // _STEP_BYTES != (held + self._slot_bytes) // _STEP_BYTES
        if is_step and shutil.disk_usage(self._folder).free < held + _STEP_BYTES:
            self._n_slots = len(self._slots)
        return len(self._slots) < self._n_slots
