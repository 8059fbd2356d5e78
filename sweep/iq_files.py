"""A recording that Quietroom keeps: samples and metadata as SigMF, both whole or not there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sigmf

from dsp.errors import ParameterError, RecordError
from sweep import __version__
from sweep.journal.files import DiskFullError, is_full, sync_folder
from sweep.model import HopGap, HopSamples, Instrument
from sweep.plan import SweepPlan
from sweep.sources.recorded.quietroom_keys import EXTENSION, capture_keys, gap_keys, global_keys
from sweep.units import iso_utc

__all__ = ["IqFiles", "naming_iq"]


class IqFiles:
    """The two files of a recording: of one pass, of all stays, of all second looks, or of a snippet.

    Parameters
    ----------
    folder : Path
    stem : str
        Name of both files, without their endings.
    index : int
        Number of the pass.
    plan : SweepPlan
    instrument : Instrument
    camp_dwells : int, optional
        Of a whole stay, where these are stays.
    """

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
        self._annotations: list[dict[str, Any]] = []
        self._saved = False

    @property
    def n_captures(self) -> int:
        """Hops or looks with samples so far."""
        return len(self._captures)

    def add_look(self, keys: dict[str, Any]) -> None:
        """Note what was asked for."""
        self._saved = False
        self._looks.append(keys)

    def annotate(self, annotation: dict[str, Any]) -> None:
        """Say something of a part of the samples, in the words of SigMF."""
        self._saved = False
        self._annotations.append(annotation)

    def append(self, hop: HopSamples | HopGap) -> None:
        """Add a hop or a gap.

        Raises
        ------
        ParameterError
            Its format is not that of the hops before it.
        DiskFullError
            There is no room; nothing of it is kept, and it can be tried again.
        RecordError
            The disk refuses; the hops before this one are whole.
        """
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
        with naming_iq(self._data_path):
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
        with naming_iq(self._meta_path):
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
        """Save, and give the file back, unless the disk is full and it can be tried again.

        Raises
        ------
        DiskFullError
            There is no room; call this again, or `give_back`.
        RecordError
            The disk refuses otherwise.
        """
        try:
            self.save()
        except DiskFullError:
            raise
        except BaseException:
            self.give_back()
            raise
        self.give_back()

    def give_back(self) -> None:
        """Close the file as it is."""
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
        return {"global": info, "captures": self._captures, "annotations": self._annotations}


@contextmanager
def naming_iq(path: Path) -> Iterator[None]:
    """Turn what the system says into an error that names the file."""
    try:
        yield
    except OSError as error:
        refused = DiskFullError if is_full(error) else RecordError
        raise refused(
            f"{path}: cannot keep samples: {error.strerror or error}; free the disk or do not keep them"
        ) from error
