"""The store of a room's baselines: one immutable HDF5 file for each version."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from baselines.boxes import NARROW_SCALES, SCALES
from baselines.model import Baseline, BaselineVisit
from baselines.summary import BURST_BOXES
from dsp.errors import RecordError
from dsp.spectra import box_count
from sweep.plan import Layout

__all__ = ["BaselineStore"]

SCHEMA = "2.0.0"
_FOLDER = "baselines"
_ARRAYS = ("log_mean", "log_top", "within_variance", "floor_dbfs")
_BY_SCALE = ("excess_variance", "between_variance")
_TAILS = ("top_tail", "mask_tail")
_NUMBERS = ("n_sweeps", "sweep_variance", "inflation")
_MAX_BINS = 1 << 26
_MOST_PACKED = 64  # even a baseline of one visit, half of it constants, packs less than this


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
        yield
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RecordError(f"{path}: not a readable baseline ({reason}); restore it from a copy") from None


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
            f"{path}: baseline schema {schema} is not {SCHEMA.split('.', maxsplit=1)[0]}, which this version reads; "
            "learn the baseline again from its records, or use the version that wrote it"
        )
    _refuse_links(file)
    for name in ("burst_limits", *_BY_SCALE):
        _refuse_links(file[name])
    n_averages = int(_attribute(file, "layout_n_averages"))
    freq_hz = _get(file, "frequency_hz", np.float64)
    layout = Layout(
        freq_hz=freq_hz,
        bin_width_hz=float(_attribute(file, "layout_bin_width_hz")),
        n_hops=int(_attribute(file, "layout_n_hops")),
        hop_bins=int(_attribute(file, "layout_hop_bins")),
        enbw_bins=float(_attribute(file, "layout_enbw_bins")),
        n_averages=None if n_averages < 0 else n_averages,
        notes=tuple(json.loads(_attribute(file, "layout_notes"))),
    )
    arrays: dict[str, Any] = {name: _get(file, name, np.float32) for name in _ARRAYS}
    arrays["restless"] = _get(file, "restless", np.uint8) > 0
    arrays["log_mask"] = _get(file, "log_mask", np.float32) if "log_mask" in file else None
    lengths = {array.size for array in arrays.values() if array is not None} | {layout.n_hops * layout.hop_bins}
    if lengths != {layout.n_bins}:
        raise ValueError("its arrays differ in length")
    arrays |= {name: _by_scale(file[name], layout) for name in _BY_SCALE}
    if len({tuple(arrays[name]) for name in _BY_SCALE}) > 1:
        raise ValueError(f"its {' and '.join(_BY_SCALE)} differ in their scales")
    known = {field.name for field in fields(BaselineVisit)}  # a later minor version may say more
    visits = [_visit({key: value for key, value in visit.items() if key in known}) for visit in _visits(file)]
    return Baseline(
        id=str(_attribute(file, "id")),
        room=str(_attribute(file, "room")),
        created=str(_attribute(file, "created")),
        layout=layout,
        n_sweeps=int(_positive(file, "n_sweeps")),
        visits=tuple(visits),
        burst_limits=_burst_limits(file["burst_limits"], layout),
        sweep_variance=_positive(file, "sweep_variance"),
        inflation=_positive(file, "inflation"),
        top_tail=_tails(file, "top_tail"),
        mask_tail=_tails(file, "mask_tail"),
        parent=str(file.attrs["parent"]) if "parent" in file.attrs else None,
        **arrays,
    )


def _by_scale(group: h5py.Group, layout: Layout) -> dict[int, NDArray[np.float32]]:
    scales = {int(name): _get(group, name, np.float32) for name in group}
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


def _visits(file: h5py.File) -> list[dict[str, Any]]:
    visits: list[dict[str, Any]] = _json(file, "visits")
    if not visits:
        raise ValueError("it names no visit")
    return visits


def _visit(values: dict[str, Any]) -> BaselineVisit:
    visit = BaselineVisit(**values)
    if not isinstance(visit.n_passes, int) or visit.n_passes < 1 or not isinstance(visit.instrument, dict):
        raise ValueError(f"its visit {visit.record_id} has {visit.n_passes!r} passes")
    for share in (visit.measured_share, visit.overloaded_share):
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"its visit {visit.record_id} has a share of {share!r}")
    return visit


def _positive(file: h5py.File, name: str) -> float:
    value = float(_attribute(file, name))
    if not 0 < value < np.inf:
        raise ValueError(f"its {name} is {value}")
    return value


def _burst_limits(group: h5py.Group, layout: Layout) -> dict[str, NDArray[np.float32]]:
    limits = {name: _get(group, name, np.float32) for name in group}
    for name, values in limits.items():
        per_hop = layout.hop_bins if name == "burst_1" else box_count(layout.hop_bins, BURST_BOXES[name])
        if values.size != layout.n_hops * per_hop:
            raise ValueError(f"its {name} has {values.size} limits")
    return limits


def _refuse_links(group: h5py.Group) -> None:
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} is a link to elsewhere")  # noqa: TRY004 - one way out for all damage


def _get(group: h5py.Group, name: str, dtype: type[np.generic]) -> NDArray[Any]:
    dataset = group[name]
    if dataset.ndim != 1 or dataset.size > _MAX_BINS or dataset.chunks is None or dataset.is_virtual:
        raise ValueError(f"{name} has shape {dataset.shape}")
    if dataset.id.get_num_chunks() != -(-dataset.size // dataset.chunks[0]):
        raise ValueError(f"{name} lacks chunks")
    if dataset.nbytes > _MOST_PACKED * group.file.id.get_filesize():
        raise ValueError(f"{name} would grow to {dataset.nbytes} bytes")
    return np.asarray(dataset[()], dtype)
