"""The folder of rooms, sweeps and reports."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParameterError, RecordError
from sweep.room_names import check_room_name
from sweep.units import parse_utc
from sweep.workspace import Workspace, require_free_space

START_NS = parse_utc("2026-11-23T09:30:00.5Z")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


def test_create_makes_what_open_accepts(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"
    Workspace.create(root)
    assert Workspace.open(root).root == root
    assert sorted(path.name for path in root.iterdir()) == [".quietroom", "README.txt", "reports", "rooms", "sweeps"]


def test_create_again_changes_nothing(workspace: Workspace) -> None:
    (workspace.root / "README.txt").write_text("mine")
    (workspace.sweeps / "x.h5").write_bytes(b"evidence")
    Workspace.create(workspace.root)
    assert (workspace.root / "README.txt").read_text() == "mine"
    assert (workspace.sweeps / "x.h5").read_bytes() == b"evidence"


def test_create_does_not_go_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "rooms").write_text("a list of rooms")
    with pytest.raises(RecordError, match="rooms is in the way"):
        Workspace.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rooms"]


def test_open_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"not a Quietroom workspace.*init"):
        Workspace.open(tmp_path)


def test_a_later_workspace_is_refused(workspace: Workspace) -> None:
    (workspace.root / ".quietroom").write_text("quietroom workspace 2\n")
    for attempt in (Workspace.open, Workspace.create):
        with pytest.raises(RecordError, match="workspace 2"):
            attempt(workspace.root)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", ".hidden", "-x", "a b", "a\n", "é", "a" * 65, "a\0"])
def test_unusable_room_names(workspace: Workspace, name: str) -> None:
    with pytest.raises(ParameterError, match="room name"):
        workspace.room(name)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=80))
def test_an_accepted_room_stays_in_its_folder(name: str) -> None:
    workspace = Workspace(Path("/ws"))
    try:
        room = workspace.room(name)
    except ParameterError:
        return
    assert room.resolve().parent == Path("/ws/rooms")
    assert check_room_name(name) == name


def test_record_names_are_never_used_twice(workspace: Workspace) -> None:
    first = workspace.new_record("lab", START_NS)
    assert first.name == "lab-20261123T093000Z.h5"
    first.with_suffix(".journal").touch()
    second = workspace.new_record("lab", START_NS)
    assert second.name == "lab-20261123T093000Z-2.h5"
    second.touch()
    assert workspace.new_record("lab", START_NS).name == "lab-20261123T093000Z-3.h5"
    assert workspace.new_record("lab2", START_NS).name == "lab2-20261123T093000Z.h5"


def test_find_record_by_path_and_by_name(workspace: Workspace) -> None:
    path = workspace.new_record("lab", START_NS)
    path.touch()
    assert workspace.find_record(path.stem) == workspace.find_record(path.name) == workspace.find_record(str(path))
    with pytest.raises(RecordError, match="no such record"):
        workspace.find_record("lab-19700101T000000Z")


def test_free_space_is_asked_for(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 9 * 10**8, 10**8))
    require_free_space(workspace.sweeps, 10**7)
    with pytest.raises(RecordError, match="100 MB free, but this sweep may need 167 MB"):
        require_free_space(workspace.sweeps, 10**8)


def test_the_workspace_of_a_file(workspace: Workspace, tmp_path: Path) -> None:
    inside = Workspace.of(workspace.sweeps / "lab.journal")
    assert inside is not None
    assert inside.root == workspace.root.resolve()
    assert Workspace.of(tmp_path / "lab.journal") is None
