"""Keeping the raw samples of a sweep as SigMF: one recording a pass, one capture a hop."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sigmf

from dsp.errors import ParameterError, RecordError
from dsp.samples import as_components
from sweep import __version__
from sweep.journal.files import DiskFullError, is_full, sync_folder
from sweep.looks import Look, LookRequest
from sweep.model import HopGap, HopSamples, Instrument
from sweep.plan import SweepPlan
from sweep.sources.recorded.quietroom_keys import EXTENSION, capture_keys, gap_keys, global_keys, look_keys
from sweep.units import iso_utc

__all__ = ["IqWriter"]


class IqWriter:
    """Write hops as they come; replayed, they are the same hops, bit for bit and nanosecond for nanosecond.

    ``pass-0000.sigmf-data`` grows while its pass lasts. ``pass-0000.sigmf-meta`` appears at once and whole, when the
    last hop of the pass is there, when the next pass begins, or at `close`. A pass that is all gap has metadata only.
    The stays of a sweep that camped are one more recording, ``camp``, second looks another, ``looks``.

    Parameters
    ----------
    folder : Path
        Made here; may exist if it is empty.
    plan : SweepPlan
    instrument : Instrument

    Raises
    ------
    RecordError
        The folder is not empty, or cannot be made.
    """

    def __init__(self, folder: Path, plan: SweepPlan, instrument: Instrument) -> None:
        with _naming(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise RecordError(f"{folder}: is not empty; samples are kept in a folder of their own, give another")
        self._folder = folder
        self._plan = plan
        self._instrument = instrument
        self._pass: _PassFiles | None = None
        self._camp: _PassFiles | None = None
        self._looks: _PassFiles | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, hop: HopSamples | HopGap) -> None:
        """Append a hop or a gap.

        Parameters
        ----------
        hop : HopSamples or HopGap
            In the order in which the source gave them: pass after pass.

        Raises
        ------
        ParameterError
            It does not follow the plan, its format changes within a pass, or its pass is over.
        DiskFullError
            There is no room; nothing of it is kept, and it can be tried again.
        RecordError
            The disk refuses; the hops before this one are whole.
        """
        if isinstance(hop, HopSamples):
            as_components(hop.raw, hop.sample_format)
            if hop.sample_rate_hz != self._plan.sample_rate_hz:
                raise ParameterError(f"a hop at {hop.sample_rate_hz} S/s in a plan of {self._plan.sample_rate_hz} S/s")
        if self._pass is not None and hop.pass_index != self._pass.index:
            if hop.pass_index < self._pass.index:
                raise ParameterError(f"a hop of pass {hop.pass_index} came after pass {self._pass.index} had begun")
            self.close()
        if self._pass is None:
            stem = f"pass-{hop.pass_index:04d}"
            self._pass = _PassFiles(self._folder, stem, hop.pass_index, self._plan, self._instrument)
        self._pass.append(hop)
        if hop.hop_index in (None, self._plan.n_hops - 1):
            with suppress(DiskFullError):  # the hop is kept; the metadata come when the next one does
                self._pass.save()

    def write_stay(self, stay: HopSamples | HopGap, n_dwells: int) -> None:
        """Append a stay, or the gap in its place, after all passes.

        Parameters
        ----------
        stay : HopSamples or HopGap
            All dwells in one piece.
        n_dwells : int
            Of a whole stay, the same for all.

        Raises
        ------
        ParameterError
            Its format is not that of the stays before it.
        RecordError
            The disk refuses; the stays before this one are whole.
        """
        if self._camp is None:
            self.close()
            self._camp = _PassFiles(self._folder, "camp", 0, self._plan, self._instrument, camp_dwells=n_dwells)
        self._camp.append(stay)

    def write_look(self, samples: HopSamples, request: LookRequest) -> None:
        """Append a second look, after all passes and stays.

        Raises
        ------
        ParameterError
            Its format is not that of the looks before it.
        RecordError
            The disk refuses; the looks before this one are whole.
        """
        files = self._look_files()
        files.append(samples)
        files.add_look(look_keys(request, samples, None, files.n_captures - 1))

    def write_failed_look(self, look: Look) -> None:
        """Note a second look for which the receiver gave nothing."""
        self._look_files().add_look(look_keys(look.request, look, look.failure, None))

    def close(self) -> None:
        """Finish the current pass, however many hops it has, the stays, and the looks.

        Raises
        ------
        RecordError
            The disk refuses.
        """
        for files in (self._pass, self._camp, self._looks):
            if files is not None:
                files.close()
        self._pass = self._camp = self._looks = None

    def _look_files(self) -> _PassFiles:
        if self._looks is None:
            self.close()
            self._looks = _PassFiles(self._folder, "looks", 0, self._plan, self._instrument)
        return self._looks


class _PassFiles:
    """The two files of one pass, of all stays, or of all second looks."""

    def __init__(
        self,
        folder: Path,
        stem: str,
        index: int,
        plan: SweepPlan,
        instrument: Instrument,
        *,
        camp_dwells: int | None = None,
    ) -> None:
        self.index = index
        self._data_path = folder / f"{stem}.sigmf-data"
        self._meta_path = folder / f"{stem}.sigmf-meta"
        self._plan = plan
        self._instrument = instrument
        self._camp_dwells = camp_dwells
        self._digest = hashlib.sha512()
        self._descriptor: int | None = None
        self._n_bytes = 0
        self._n_samples = 0
        self._sample_format: str | None = None
        self._captures: list[dict[str, Any]] = []
        self._gaps: list[dict[str, Any]] = []
        self._looks: list[dict[str, Any]] = []
        self._saved = False

    @property
    def n_captures(self) -> int:
        """Hops or looks with samples so far."""
        return len(self._captures)

    def add_look(self, keys: dict[str, Any]) -> None:
        """Note what was asked for."""
        self._saved = False
        self._looks.append(keys)

    def append(self, hop: HopSamples | HopGap) -> None:
        self._saved = False
        if isinstance(hop, HopGap):
            self._gaps.append(gap_keys(hop, before_capture=len(self._captures)))
            return
        if self._sample_format not in (None, hop.sample_format):
            raise ParameterError(f"samples change from {self._sample_format} to {hop.sample_format} within a pass")
        self._sample_format = hop.sample_format
        self._write(hop.raw.tobytes())
        self._captures.append(
            {
                "core:sample_start": self._n_samples,
                "core:frequency": hop.center_freq_hz,
                "core:datetime": iso_utc(hop.utc_ns),
                **capture_keys(hop),
            }
        )
        self._n_samples += hop.raw.size // 2

    def _write(self, content: bytes) -> None:
        """Write all or nothing of a hop, so that a full disk leaves whole hops."""
        if not content:
            return
        with _naming(self._data_path):
            if self._descriptor is None:
                self._descriptor = os.open(self._data_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            left = memoryview(content)
            try:
                while left:
                    left = left[os.write(self._descriptor, left) :]
            except OSError:
                os.ftruncate(self._descriptor, self._n_bytes)
                os.lseek(self._descriptor, self._n_bytes, os.SEEK_SET)
                raise
        self._n_bytes += len(content)
        self._digest.update(content)

    def save(self) -> None:
        """Sync the samples, then put whole metadata in place."""
        if self._saved:
            return
        part = self._meta_path.with_suffix(".sigmf-meta.part")
        with _naming(self._meta_path):
            if self._descriptor is not None:
                os.fsync(self._descriptor)
            with part.open("w", encoding="utf-8") as handle:
                handle.write(sigmf.SigMFFile(metadata=self._metadata()).dumps() + "\n")
                handle.flush()
                os.fsync(handle.fileno())
            part.replace(self._meta_path)
            sync_folder(self._meta_path.parent)
        self._saved = True

    def close(self) -> None:
        """Save, and give the file back, unless the disk is full and it can be tried again."""
        try:
            self.save()
        except DiskFullError:
            raise
        except BaseException:
            self._give_back()
            raise
        self._give_back()

    def _give_back(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _metadata(self) -> dict[str, Any]:
        hardware = " ".join(text for text in (self._instrument.product, self._instrument.serial) if text)
        info: dict[str, Any] = {
            "core:datatype": self._sample_format or self._instrument.sample_format or "cu8",
            "core:sample_rate": self._plan.sample_rate_hz,
            "core:num_channels": 1,
            "core:recorder": f"Quietroom {__version__}",
            "core:extensions": [EXTENSION],
            **global_keys(self._plan, self._instrument, self._gaps, self._looks, self._camp_dwells),
        }
        if hardware:
            info["core:hw"] = hardware
        if self._n_samples:
            info["core:sha512"] = self._digest.hexdigest()
        else:
            info["core:metadata_only"] = True
        return {"global": info, "captures": self._captures, "annotations": []}


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn what the system says into an error that names the file."""
    try:
        yield
    except OSError as error:
        refused = DiskFullError if is_full(error) else RecordError
        raise refused(
            f"{path}: cannot keep samples: {error.strerror or error}; free the disk or do not keep them"
        ) from error
