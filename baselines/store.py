"""The store of a room's baselines: one immutable HDF5 file for each version."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from baselines.model import Baseline, BaselineVisit
from dsp.errors import RecordError
from sweep.plan import Layout

__all__ = ["BaselineStore"]

SCHEMA = "1.0.0"
_FOLDER = "baselines"
_ARRAYS = ("log_mean", "within_variance", "between_variance", "contrast_variance", "floor_dbfs")
_NUMBERS = ("n_sweeps", "sweep_variance", "inflation", "mask_margin")
_MAX_BINS = 1 << 26


class BaselineStore:
    """Versions of one room's baseline, in ``baselines/`` of the room's folder.

    A version is written once, under a temporary name, and never changed: evidence refers to it.

    Parameters
    ----------
    room_folder : Path
    """

    def __init__(self, room_folder: Path) -> None:
        self._folder = room_folder / _FOLDER

    def list(self) -> list[str]:
        """Ids of all versions, oldest first."""
        return [path.stem for path in sorted(self._folder.glob("*.h5"), key=_created)]

    def load(self, baseline_id: str | None = None) -> Baseline:
        """Load a version, by default the latest.

        Raises
        ------
        RecordError
            There is none, the id is unknown, or the file is damaged or of an unknown schema.
        """
        known = self.list()
        if not known:
            raise RecordError(f"room {self._folder.parent.name} has no baseline; learn one with 'baseline learn'")
        chosen = known[-1] if baseline_id is None else baseline_id
        if chosen not in known:
            raise RecordError(f"room {self._folder.parent.name} has no baseline {chosen!r}; it has {', '.join(known)}")
        path = self._folder / f"{chosen}.h5"
        with _refusing(path), h5py.File(path, "r") as file:
            return _read(file, path)

    def save(self, baseline: Baseline) -> Path:
        """Write a version; an id is never written twice.

        Raises
        ------
        RecordError
            The id exists already, or the disk refuses.
        """
        path = self._folder / f"{baseline.id}.h5"
        if path.exists():
            raise RecordError(f"{path}: this baseline exists already; versions are never rewritten")
        self._folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".part{os.getpid()}")
        try:
            with h5py.File(part, "x", libver=("v108", "v110"), track_order=False) as file:
                _write(file, baseline)
            with part.open("rb") as written:
                os.fsync(written.fileno())
            part.rename(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise RecordError(f"{path}: cannot write the baseline ({error}); free some space and learn again") from None
        return path


def _created(path: Path) -> tuple[str, str]:
    with _refusing(path), h5py.File(path, "r") as file:
        return str(file.attrs["created"]), path.stem


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RecordError(f"{path}: not a readable baseline ({reason}); restore it from a copy") from None


def _write(file: h5py.File, baseline: Baseline) -> None:
    file.attrs["quietroom_baseline_schema"] = SCHEMA
    for name in ("id", "room", "created", *_NUMBERS):
        file.attrs[name] = getattr(baseline, name)
    file.attrs["visits"] = json.dumps([asdict(visit) for visit in baseline.visits], sort_keys=True)
    layout = baseline.layout
    for name in ("bin_width_hz", "n_hops", "hop_bins", "enbw_bins"):
        file.attrs[f"layout_{name}"] = getattr(layout, name)
    file.attrs["layout_n_averages"] = -1 if layout.n_averages is None else layout.n_averages
    file.attrs["layout_notes"] = json.dumps(list(layout.notes))
    _put(file, "frequency_hz", layout.freq_hz)
    for name in _ARRAYS:
        _put(file, name, getattr(baseline, name))
    if baseline.log_mask is not None:
        _put(file, "log_mask", baseline.log_mask)
    limits = file.create_group("burst_limits")
    for name, values in sorted(baseline.burst_limits.items()):
        _put(limits, name, values)


def _put(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    group.create_dataset(
        name, data=values, chunks=True, compression="gzip", compression_opts=1, shuffle=True, fletcher32=True,
        track_times=False,
    )  # fmt: skip


def _read(file: h5py.File, path: Path) -> Baseline:
    schema = str(file.attrs["quietroom_baseline_schema"])
    if schema.split(".", maxsplit=1)[0] != SCHEMA.split(".", maxsplit=1)[0]:
        raise RecordError(f"{path}: baseline schema {schema} is unknown to this version; use a newer Quietroom")
    n_averages = int(file.attrs["layout_n_averages"])
    freq_hz = _get(file, "frequency_hz", np.float64)
    layout = Layout(
        freq_hz=freq_hz,
        bin_width_hz=float(file.attrs["layout_bin_width_hz"]),
        n_hops=int(file.attrs["layout_n_hops"]),
        hop_bins=int(file.attrs["layout_hop_bins"]),
        enbw_bins=float(file.attrs["layout_enbw_bins"]),
        n_averages=None if n_averages < 0 else n_averages,
        notes=tuple(json.loads(file.attrs["layout_notes"])),
    )
    arrays: dict[str, Any] = {name: _get(file, name, np.float32) for name in _ARRAYS}
    if any(array.size != layout.n_bins for array in arrays.values()) or layout.n_hops * layout.hop_bins != freq_hz.size:
        raise ValueError("its arrays differ in length")
    return Baseline(
        id=str(file.attrs["id"]),
        room=str(file.attrs["room"]),
        created=str(file.attrs["created"]),
        layout=layout,
        n_sweeps=int(file.attrs["n_sweeps"]),
        visits=tuple(BaselineVisit(**visit) for visit in json.loads(file.attrs["visits"])),
        log_mask=_get(file, "log_mask", np.float32) if "log_mask" in file else None,
        burst_limits={name: _get(file["burst_limits"], name, np.float32) for name in file["burst_limits"]},
        sweep_variance=float(file.attrs["sweep_variance"]),
        inflation=float(file.attrs["inflation"]),
        mask_margin=float(file.attrs["mask_margin"]),
        **arrays,
    )


def _get(group: h5py.Group, name: str, dtype: type[np.generic]) -> NDArray[Any]:
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link to elsewhere")  # noqa: TRY004 - one way out for all damage
    dataset = group[name]
    if dataset.ndim != 1 or dataset.size > _MAX_BINS or dataset.external or dataset.is_virtual:
        raise ValueError(f"{name} has shape {dataset.shape}")
    return np.asarray(dataset[()], dtype)
