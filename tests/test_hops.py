"""A part of the band, swept in the hops of the baseline and compared with these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import baseline_of, rows_of, sim_rows

from baselines.hops import baseline_of_hops, hops_coincide, in_whole_hops
from baselines.judge import make_judge
from baselines.summary import summarise
from sweep.cli.main import main
from sweep.plan import plan_hops
from sweep.record import SweepRecord

MHZ = 1_000_000
WHOLE = plan_hops(((24 * MHZ, 500 * MHZ),)).layout()


@settings(deadline=None, max_examples=60)
@given(st.integers(24 * MHZ, 490 * MHZ), st.integers(1, 60 * MHZ))
def test_a_part_lies_in_the_hops_of_the_whole(start: int, length: int) -> None:
    (span,) = in_whole_hops(((start, start + length),), WHOLE)
    assert span[0] <= start
    assert span[1] >= start + length
    layout = plan_hops((span,)).layout()
    assert hops_coincide(WHOLE, layout)
    assert layout.freq_hz[-1] < start + length + 2 * WHOLE.hop_bins * WHOLE.bin_width_hz


@pytest.mark.parametrize("span", [(20 * MHZ, 30 * MHZ), (600 * MHZ, 610 * MHZ), (30 * MHZ, 440 * MHZ)])
def test_what_the_baseline_cannot_tile_stays(span: tuple[int, int]) -> None:
    layout = plan_hops(((24 * MHZ, 60 * MHZ), (430 * MHZ, 450 * MHZ))).layout()
    assert in_whole_hops((span,), layout) == (span,)


def test_the_baseline_of_some_hops() -> None:
    layout, rows = sim_rows("sim:meeting-room".partition(":")[2], (430e6, 441e6))
    baseline = baseline_of([summarise(layout, rows)])
    part = plan_hops(in_whole_hops(((433 * MHZ, 437 * MHZ),), layout)).layout()
    cut = baseline_of_hops(baseline, part)
    where = np.searchsorted(layout.freq_hz, part.freq_hz)
    np.testing.assert_array_equal(cut.layout.freq_hz, part.freq_hz)
    np.testing.assert_array_equal(cut.log_mean, baseline.log_mean[where])
    for name, limits in cut.burst_limits.items():
        whole = baseline.burst_limits[name].reshape(layout.n_hops, -1)
        np.testing.assert_array_equal(limits, whole[where[:: part.hop_bins] // layout.hop_bins].ravel())
    elsewhere = plan_hops(((433 * MHZ, 437 * MHZ),)).layout()
    assert baseline_of_hops(baseline, elsewhere) is baseline
    assert not hops_coincide(layout, elsewhere)
    judged = make_judge(baseline)(layout, rows_of(rows), {})
    assert not any("plans differ" in reason for reason in judged.document["reasons"])


def test_the_command_sweeps_a_part_in_the_hops_of_the_baseline(tmp_path: Path) -> None:
    words = ["--workspace", str(tmp_path)]
    assert main([*words, "init"]) == 0
    sweep = [*words, "sweep", "lab", "--passes", "3"]
    for visit in (0, 1):
        main([*sweep, "--source", f"sim:meeting-room?visit={visit}", "--range", "415M:441M"])
    learnt = sorted(str(path) for path in (tmp_path / "sweeps").glob("*.h5"))
    assert main([*words, "baseline", "learn", "lab", *learnt]) == 0
    main([*sweep, "--source", "sim:meeting-room?visit=2", "--range", "430M:440M"])
    (new,) = {str(path) for path in (tmp_path / "sweeps").glob("*.h5")} - set(learnt)
    with SweepRecord.open(Path(learnt[0])) as whole, SweepRecord.open(Path(new)) as part:
        assert hops_coincide(whole.layout, part.layout)
        assert not any("plans differ" in reason for reason in part.judgement.document["reasons"])
