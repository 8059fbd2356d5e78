"""A short run of the benchmark on faulty simulated dongles: artefacts go, transmitters stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from artefact_rooms import Tally, judge_room, write_room

from sweep.scene.loading import load_scene


@pytest.mark.parametrize("compared", [False, True])
def test_artefacts_are_rejected_and_transmitters_stay(tmp_path: Path, compared: bool) -> None:
    totals = {True: Tally(), False: Tally()}
    for seed in (500, 501):
        path = write_room(tmp_path / f"{seed}.toml", seed)
        for looks, tally in judge_room(path, compared=compared).items():
            totals[looks].add(tally)
    for tally in totals.values():
        assert tally.artefacts >= (15 if compared else 80), tally
        assert tally.rejected >= 0.9 * tally.artefacts, tally
        assert tally.transmitters >= (8 if compared else 35), tally
        assert tally.lost <= 1, tally


def test_each_seed_is_another_dongle(tmp_path: Path) -> None:
    first, again, other = (
        load_scene(str(write_room(tmp_path / f"{n}.toml", seed))) for n, seed in enumerate((1, 1, 2))
    )
    assert first == again
    assert first.receiver != other.receiver
    assert {bug.name for bug in first.bugs}.isdisjoint({emitter.name for emitter in first.emitters})
