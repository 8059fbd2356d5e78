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
import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.boxes import NARROW_SCALES, SCALES
from baselines.model import Baseline, BaselineVisit
from baselines.stored_arrays import read_array, refuse_links
from baselines.summary import BURST_BOXES
from dsp.errors import RecordError
from dsp.spectra import box_count
from sweep.journal.documents import one_line
from sweep.journal.layout_json import LayoutDocument, layout_from
from sweep.plan import Layout
from sweep.record.heaps import check_heaps

__all__ = ["BaselineStore"]

SCHEMA = "2.0.0"
_FOLDER = "baselines"
_ARRAYS = ("log_mean", "log_top", "within_variance", "floor_dbfs")
_BY_SCALE = ("excess_variance", "between_variance")
_TAILS = ("top_tail", "mask_tail")
_NUMBERS = ("n_sweeps", "sweep_variance", "inflation")


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

    def file(self, baseline_id: str) -> Path | None:
        """The file of a version, if it is here."""
        return next((path for path in self._folder.glob("*.h5") if path.stem == baseline_id), None)

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
            with part.open("xb") as file:
                file.write(_image(baseline))
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
            _sync_folder(self._folder)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise RecordError(f"{path}: cannot write the baseline ({error}); free some space and learn again") from None
        return path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _created(path: Path) -> tuple[str, str]:
    with _refusing(path), h5py.File(path, "r") as file:
        return str(_attribute(file, "created")), path.stem


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        if not path.is_file():  # a pipe would keep us waiting
            raise ValueError("it is not a plain file")
        _check_heaps(path)
        yield
    except (OSError, LookupError, ValueError, TypeError, RuntimeError, OverflowError) as error:
        reason = one_line(error) or type(error).__name__
        raise RecordError(f"{path}: not a readable baseline ({reason}); restore it from a copy") from None


def _check_heaps(path: Path) -> None:
    try:
        check_heaps(path)
    except RecordError as error:
        raise ValueError(f"it {error}") from error


def _image(baseline: Baseline) -> bytes:
    """The file as bytes, made in memory: HDF5 may crash on a disk that is full."""
    with h5py.File("baseline", "w", driver="core", backing_store=False, libver=("v108", "v110")) as file:
        _write(file, baseline)
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def _write(file: h5py.File, baseline: Baseline) -> None:
    file.attrs["quietroom_baseline_schema"] = SCHEMA
    for name in ("id", "room", "created", *_NUMBERS):
        file.attrs[name] = getattr(baseline, name)
    if baseline.parent is not None:
        file.attrs["parent"] = baseline.parent
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
    _put(file, "restless", baseline.restless.astype(np.uint8))
    for name in _BY_SCALE:
        group = file.create_group(name)
        for scale, values in sorted(getattr(baseline, name).items()):
            _put(group, str(scale), values)
    for name in _TAILS:
        file.attrs[name] = json.dumps(getattr(baseline, name), sort_keys=True)
    limits = file.create_group("burst_limits")
    for name, values in sorted(baseline.burst_limits.items()):
        _put(limits, name, values)


def _put(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    group.create_dataset(
        name, data=values, chunks=True, compression="gzip", compression_opts=1, shuffle=True, fletcher32=True,
        track_times=False,
    )  # fmt: skip


def _read(file: h5py.File, path: Path) -> Baseline:
    schema = str(_attribute(file, "quietroom_baseline_schema"))
    if schema.split(".", maxsplit=1)[0] != SCHEMA.split(".", maxsplit=1)[0]:
        raise RecordError(
            f"{path}: baseline schema {one_line(schema)} is not {SCHEMA.split('.', maxsplit=1)[0]}, "
            "which this version reads; learn the baseline again from its records, or use the version that wrote it"
        )
    refuse_links(file)
    for name in ("burst_limits", *_BY_SCALE):
        refuse_links(file[name])
    n_averages = int(_attribute(file, "layout_n_averages"))
    freq_hz = read_array(file, "frequency_hz", np.float64)
    told = LayoutDocument(
        bin_width_hz=float(_attribute(file, "layout_bin_width_hz")),
        n_hops=int(_attribute(file, "layout_n_hops")),
        hop_bins=int(_attribute(file, "layout_hop_bins")),
        enbw_bins=float(_attribute(file, "layout_enbw_bins")),
        n_averages=None if n_averages < 0 else n_averages,
        notes=msgspec.convert(_json(file, "layout_notes"), tuple[str, ...]),
    )
    arrays: dict[str, Any] = {name: read_array(file, name, np.float32) for name in _ARRAYS}
    arrays["restless"] = read_array(file, "restless", np.uint8) > 0
    arrays["log_mask"] = read_array(file, "log_mask", np.float32) if "log_mask" in file else None
    lengths = {array.size for array in arrays.values() if array is not None} | {told.n_hops * told.hop_bins}
    if lengths != {freq_hz.size}:
        raise ValueError("its arrays differ in length")
    layout = _layout(told, freq_hz)
    arrays |= {name: _by_scale(file[name], layout) for name in _BY_SCALE}
    if len({tuple(arrays[name]) for name in _BY_SCALE}) > 1:
        raise ValueError(f"its {' and '.join(_BY_SCALE)} differ in their scales")
    return Baseline(
        id=str(_attribute(file, "id")),
        room=str(_attribute(file, "room")),
        created=str(_attribute(file, "created")),
        layout=layout,
        n_sweeps=int(_positive(file, "n_sweeps")),
        visits=_visits(file),
        burst_limits=_burst_limits(file["burst_limits"], layout),
        sweep_variance=_positive(file, "sweep_variance"),
        inflation=_positive(file, "inflation"),
        top_tail=_tails(file, "top_tail"),
        mask_tail=_tails(file, "mask_tail"),
        parent=str(file.attrs["parent"]) if "parent" in file.attrs else None,
        **arrays,
    )


def _layout(told: LayoutDocument, freq_hz: NDArray[np.float64]) -> Layout:
    try:
        return layout_from(told, freq_hz)
    except RecordError as error:
        raise ValueError(f"its {error}") from error


def _by_scale(group: h5py.Group, layout: Layout) -> dict[int, NDArray[np.float32]]:
    scales = {int(name): read_array(group, name, np.float32) for name in group}
    known = set(NARROW_SCALES) <= set(scales) <= set(SCALES)
    if not known or any(values.size != layout.n_bins for values in scales.values()):
        raise ValueError(f"its {group.name} has other scales or lengths")
    return dict(sorted(scales.items()))


def _tails(file: h5py.File, name: str) -> dict[str, tuple[float, float]]:
    tails = {kind: (float(margin), float(decay)) for kind, (margin, decay) in dict(_json(file, name)).items()}
    if set(tails) != {"single", "lasting"} or not all(np.isfinite(m) and 0 < d < np.inf for m, d in tails.values()):
        raise ValueError(f"its {name} is {tails}")
    return tails


def _attribute(file: h5py.File, name: str) -> Any:
    if name not in file.attrs:
        raise ValueError(f"it has no attribute {name}")
    return file.attrs[name]


def _json(file: h5py.File, name: str) -> Any:
    return json.loads(_attribute(file, name))


def _visits(file: h5py.File) -> tuple[BaselineVisit, ...]:
    """What is said of the visits; a later minor version may say more."""
    visits = msgspec.convert(_json(file, "visits"), tuple[BaselineVisit, ...])
    if not visits:
        raise ValueError("it names no visit")
    for visit in visits:
        if visit.n_passes < 1:
            raise ValueError(f"its visit {visit.record_id} has {visit.n_passes!r} passes")
        for share in (visit.measured_share, visit.overloaded_share):
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"its visit {visit.record_id} has a share of {share!r}")
    return visits


def _positive(file: h5py.File, name: str) -> float:
    value = float(_attribute(file, name))
    if not 0 < value < np.inf:
        raise ValueError(f"its {name} is {value}")
    return value


def _burst_limits(group: h5py.Group, layout: Layout) -> dict[str, NDArray[np.float32]]:
    limits = {name: read_array(group, name, np.float32) for name in group}
    for name, values in limits.items():
        per_hop = layout.hop_bins if name == "burst_1" else box_count(layout.hop_bins, BURST_BOXES[name])
        if values.size != layout.n_hops * per_hop:
            raise ValueError(f"its {name} has {values.size} limits")
    return limits
