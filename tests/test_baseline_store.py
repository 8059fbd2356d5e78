"""The store of baselines: exact, immutable, and nothing but one line for whatever is wrong with a file."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from visits import baseline_of, make_summary, noise_layout

from baselines.model import Baseline
from baselines.store import BaselineStore
from dsp.errors import RecordError
from sweep.plan import Layout

Damage = Callable[[h5py.File], None]


@pytest.fixture(scope="module")
def learnt() -> Baseline:
    layout = noise_layout(2)
    return baseline_of([make_summary(layout, n_passes=3, seed=seed) for seed in (1, 2)])


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    return BaselineStore(tmp_path / "lab")


def same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Layout):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(Layout))
    return one == other


@pytest.mark.parametrize("spectra_only", [False, True])
def test_round_trip_is_exact(learnt: Baseline, store: BaselineStore, spectra_only: bool) -> None:
    if spectra_only:
        layout = replace(learnt.layout, n_averages=None, notes=("from a spectrum analyser",))
        learnt = replace(learnt, layout=layout, log_mask=None, burst_limits={})
    store.save(learnt)
    loaded = store.load(learnt.id)
    for field in fields(Baseline):
        assert same(getattr(learnt, field.name), getattr(loaded, field.name)), field.name
    assert loaded.n_visits == 2
    assert loaded.plan_digest == "plan"


def test_the_same_baseline_is_the_same_file(learnt: Baseline, tmp_path: Path) -> None:
    first, second = (BaselineStore(tmp_path / name).save(learnt) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


def test_a_version_is_never_rewritten(learnt: Baseline, store: BaselineStore) -> None:
    path = store.save(learnt)
    before = path.read_bytes()
    with pytest.raises(RecordError, match=f"{learnt.id}.h5: this baseline exists already; versions are never rewr"):
        store.save(replace(learnt, inflation=3.0))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_versions_are_listed_oldest_first(learnt: Baseline, store: BaselineStore) -> None:
    assert store.list() == []
    for name, created in (("b", "2026-11-20T09:00:00Z"), ("c", "2026-01-01T09:00:00Z"), ("a", "2026-11-21T09:00:00Z")):
        store.save(replace(learnt, id=name, created=created))
    assert store.list() == ["c", "b", "a"]
    assert store.load().id == "a"
    assert store.load("c").created == "2026-01-01T09:00:00Z"
    with pytest.raises(RecordError, match="room lab has no baseline 'd'; it has c, b, a"):
        store.load("d")
    with pytest.raises(RecordError, match=r"room lab has no baseline '../a'; it has"):
        store.load("../a")


def test_no_baseline_yet(store: BaselineStore) -> None:
    with pytest.raises(RecordError, match="room lab has no baseline; learn one with 'baseline learn'"):
        store.load()


def test_a_disk_that_is_full_leaves_nothing(learnt: Baseline, store: BaselineStore) -> None:
    path = store.save(learnt)
    path.unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(RecordError, match=r"cannot write the baseline \(.*\); free some space and learn again"):
            store.save(learnt)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert list(path.parent.iterdir()) == []
    assert store.save(learnt) == path


def replace_data(name: str, values: np.ndarray, **how: object) -> Damage:
    def damage(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, data=values, **how)

    return damage


def set_attribute(name: str, value: object) -> Damage:
    def damage(file: h5py.File) -> None:
        file.attrs[name] = value

    return damage


def delete(name: str) -> Damage:
    def damage(file: h5py.File) -> None:
        if name in file.attrs:
            del file.attrs[name]
        else:
            del file[name]

    return damage


def link(name: str, target: h5py.ExternalLink | h5py.SoftLink) -> Damage:
    def damage(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file[name] = target

    return damage


def huge(file: h5py.File) -> None:
    """Claims 32 MB that the file does not hold."""
    del file["frequency_hz"]
    file.create_dataset("frequency_hz", shape=(1 << 22,), dtype="f8", chunks=(65536,), compression="gzip")


def packed(file: h5py.File) -> None:
    """Zeros that grow a thousandfold."""
    del file["log_mean"]
    file.create_dataset("log_mean", data=np.zeros(1 << 22, "f8"), chunks=(1 << 20,), compression="gzip")


def rename(name: str, other: str) -> Damage:
    return lambda file: file.move(name, other)


def set_no_scale(file: h5py.File) -> None:
    del file["between_variance"]
    file.create_group("between_variance")


OTHER_SCHEMA = (
    "baseline schema {} is not 2, which this version reads; learn the baseline again from its records, "
    "or use the version that wrote it"
)
ELSEWHERE = h5py.ExternalLink("other.h5", "/log_mean")
DAMAGES: dict[str, tuple[Damage, str]] = {
    "no array": (delete("log_mean"), "log_mean"),
    "no attribute": (delete("inflation"), "inflation"),
    "no schema": (delete("quietroom_baseline_schema"), "quietroom_baseline_schema"),
    "short array": (replace_data("log_mean", np.zeros(5, "f4"), chunks=True), "its arrays differ in length"),
    "two dimensions": (replace_data("log_mean", np.zeros((2, 768), "f4"), chunks=True), "log_mean has shape (2, 768)"),
    "text for numbers": (replace_data("log_mean", np.full(1536, b"x"), chunks=True), "not a readable baseline"),
    "no chunks": (replace_data("log_mean", np.zeros(1536, "f4")), "log_mean has shape (1536,)"),
    "external link": (link("log_mean", ELSEWHERE), "log_mean is a link to elsewhere"),
    "soft link": (link("log_mask", h5py.SoftLink("/log_mean")), "log_mask is a link to elsewhere"),
    "dangling link": (link("log_mask", h5py.SoftLink("/nowhere")), "log_mask is a link to elsewhere"),
    "linked group": (link("burst_limits", h5py.SoftLink("/")), "burst_limits is a link to elsewhere"),
    "linked limit": (link("burst_limits/burst_8", ELSEWHERE), "burst_8 is a link to elsewhere"),
    "wrong limit": (replace_data("burst_limits/burst_8", np.ones(7, "f4"), chunks=True), "its burst_8 has 7 limits"),
    "unknown limit": (replace_data("burst_limits/burst_1", np.ones(7, "f4"), chunks=True), "its burst_1 has 7 limits"),
    "claims too much": (huge, "frequency_hz lacks chunks"),
    "packed too much": (packed, "log_mean would grow to 33554432 bytes"),
    "no visits": (set_attribute("visits", "[]"), "it names no visit"),
    "not JSON": (set_attribute("visits", "[{"), "not a readable baseline"),
    "no sweeps": (set_attribute("n_sweeps", 0), "its n_sweeps is 0"),
    "variance not a number": (set_attribute("sweep_variance", np.nan), "its sweep_variance is nan"),
    "other hops": (set_attribute("layout_n_hops", 3), "its arrays differ in length"),
    "an earlier major": (set_attribute("quietroom_baseline_schema", "1.3.0"), OTHER_SCHEMA.format("1.3.0")),
    "a later major": (set_attribute("quietroom_baseline_schema", "3.0.0"), OTHER_SCHEMA.format("3.0.0")),
    "linked scales": (link("between_variance", h5py.SoftLink("/")), "between_variance is a link to elsewhere"),
    "linked scale": (link("between_variance/4", ELSEWHERE), "4 is a link to elsewhere"),
    "no scale": (set_no_scale, "its /between_variance has other scales or lengths"),
    "scales that differ": (delete("excess_variance/512"), "excess_variance and between_variance differ in their sc"),
    "unknown scale": (rename("between_variance/4", "between_variance/5"), "has other scales or lengths"),
    "a stray scale": (rename("between_variance/4", "four"), "not a readable baseline"),
    "scale not a number": (rename("excess_variance/4", "excess_variance/four"), "not a readable baseline"),
    "short scale": (replace_data("excess_variance/4", np.ones(7, "f4"), chunks=True), "other scales or lengths"),
    "no restless bins": (delete("restless"), "restless"),
    "short mask": (replace_data("log_mask", np.zeros(5, "f4"), chunks=True), "its arrays differ in length"),
    "few restless bins": (replace_data("restless", np.zeros(5, "u1"), chunks=True), "its arrays differ in length"),
    "no tail": (delete("top_tail"), "it has no attribute top_tail"),
    "half a tail": (set_attribute("top_tail", '{"single": [1.0, 0.3]}'), "its top_tail is {'single': (1.0, 0.3)}"),
    "tail without end": (set_attribute("mask_tail", '{"single": [1, 0.3], "lasting": [1, 0]}'), "its mask_tail is {"),
    "tail of three": (set_attribute("mask_tail", '{"single": [1.0, 0.3, 7.0]}'), "not a readable baseline"),
    "tail of nothing": (set_attribute("mask_tail", "[]"), "its mask_tail is {}"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_one_line(learnt: Baseline, store: BaselineStore, name: str) -> None:
    path = store.save(learnt)
    damage, reason = DAMAGES[name]
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(RecordError) as caught:
        store.load()
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n" + bytes(200)])
def test_no_hdf5_is_one_line(store: BaselineStore, learnt: Baseline, content: bytes) -> None:
    path = store.save(learnt)
    path.write_bytes(content)
    for act in (store.list, store.load):
        with pytest.raises(RecordError, match=r"not a readable baseline \(.*\); restore it from a copy") as caught:
            act()
        assert "\n" not in str(caught.value)


def test_cut_short_and_flipped(store: BaselineStore, learnt: Baseline) -> None:
    path = store.save(learnt)
    whole = path.read_bytes()
    with h5py.File(path, "r") as file:
        offset = file["log_mean"].id.get_chunk_info(0).byte_offset
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordError, match="not a readable baseline"):
        store.load()
    path.write_bytes(whole[: offset + 20] + bytes([whole[offset + 20] ^ 1]) + whole[offset + 21 :])
    with pytest.raises(RecordError, match="not a readable baseline"):
        store.load()


def test_a_foreign_hdf5_file(store: BaselineStore, learnt: Baseline) -> None:
    path = store.save(learnt)
    path.unlink()
    with h5py.File(path, "x") as file:
        file["data"] = np.arange(5)
    with pytest.raises(RecordError, match="not a readable baseline"):
        store.list()


def test_a_later_minor_version_may_say_more(store: BaselineStore, learnt: Baseline) -> None:
    path = store.save(learnt)
    with h5py.File(path, "r+") as file:
        file.attrs["quietroom_baseline_schema"] = "2.7.0"
        file.attrs["humidity"] = 0.4
        visits = json.loads(file.attrs["visits"])
        file.attrs["visits"] = json.dumps([{**visit, "weather": "rain"} for visit in visits])
    assert store.load().visits == learnt.visits


def test_a_chunk_shorter_than_its_checksum_does_not_crash_the_library(store: BaselineStore, learnt: Baseline) -> None:
    """HDF5 takes the four bytes of the checksum off the length, below zero, and reads on and on."""
    path = store.save(learnt)
    with h5py.File(path, "r+") as file:
        file["log_mean"].id.write_direct_chunk((0,), b"xy")
    with pytest.raises(RecordError, match="log_mean has a chunk that is shorter than its checksum"):
        store.load()


def test_a_heap_that_leads_nowhere_is_not_followed_for_ever(store: BaselineStore, learnt: Baseline) -> None:
    path = store.save(learnt)
    data = bytearray(path.read_bytes())
    at = data.index(b"GCOL") + 16
    data[at : at + 16] = bytes(16)
    path.write_bytes(data)
    with pytest.raises(RecordError, match=r"has a heap at byte .* with an object of 0 bytes"):
        store.load()
