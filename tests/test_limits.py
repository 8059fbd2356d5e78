"""What a record may hold at most: one set of limits for those that write and those that read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsp.errors import RecordError
from sweep.journal import JournalWriter
from sweep.journal.layout_json import LayoutDocument, layout_from
from sweep.journal.row_order import row_misfit, stay_misfit
from sweep.limits import MAX_BINS, MAX_HOPS, MAX_LEVELS, MAX_ROWS, most_rows
from sweep.plan import Layout, plan_hops


def layout(n_hops: int, hop_bins: int) -> Layout:
    return Layout(
        freq_hz=np.arange(n_hops * hop_bins, dtype=float),
        bin_width_hz=1.0,
        n_hops=n_hops,
        hop_bins=hop_bins,
        enbw_bins=1.5,
        n_averages=64,
    )


def told(n_hops: int, hop_bins: int) -> LayoutDocument:
    return LayoutDocument(bin_width_hz=1.0, n_hops=n_hops, hop_bins=hop_bins, enbw_bins=1.5, n_averages=None)


def test_the_whole_band_fits_for_a_working_day_and_five_times_finer() -> None:
    for bin_width_hz, hours in ((2500, 20), (500, 20)):
        plan = plan_hops(((24_000_000, 1_766_000_000),), bin_width_hz=bin_width_hz)
        assert plan.n_hops * plan.hop_bins <= MAX_BINS
        assert plan.n_hops <= MAX_HOPS
        assert most_rows(plan.n_hops * plan.hop_bins) * plan.n_hops * plan.dwell_s > hours * 3600


def test_no_record_is_begun_that_nobody_could_read(tmp_path: Path) -> None:
    """The limits that refuse a file also refuse the sweep that would make it, before it begins."""
    above = layout(MAX_BINS // 1024 + 1, 1024)
    with pytest.raises(RecordError, match=f"takes 1 to {MAX_BINS} bins: sweep less at once, or with wider bins"):
        JournalWriter.create(tmp_path / "a.journal", {}, above)
    assert not list(tmp_path.iterdir())
    with pytest.raises(RecordError, match="does not fit"):
        layout_from(told(above.n_hops, 1024), above.freq_hz)
    fits = layout(MAX_BINS // 1024, 1024)
    assert layout_from(told(fits.n_hops, 1024), fits.freq_hz).n_bins == MAX_BINS
    with pytest.raises(RecordError, match=f"{MAX_HOPS + 1} hops, above {MAX_HOPS}"):
        layout_from(told(MAX_HOPS + 1, 1), np.arange(MAX_HOPS + 1.0))


@pytest.mark.parametrize("n_bins", [1, 1024, 1 << 20])
def test_rows_end_where_the_levels_of_a_record_do(n_bins: int) -> None:
    most = most_rows(n_bins)
    assert most == MAX_ROWS or most * n_bins <= MAX_LEVELS < (most + 1) * n_bins
    sizes = (("mean", n_bins), ("hop_flags", 1))
    one = layout(1, n_bins)
    for misfit in (row_misfit, stay_misfit):
        assert misfit(most - 1, sizes, most - 1, first_sizes=sizes, layout=one) is None
        assert f"at most {most} of" in (misfit(most, sizes, most, first_sizes=sizes, layout=one) or "")


def test_a_stay_has_no_more_bins_than_a_row() -> None:
    n_dwells = MAX_BINS // 1024 + 1
    sizes = (("mean", n_dwells * 1024), ("hop_flags", n_dwells))
    assert "dwells of 1024 bins" in (stay_misfit(0, sizes, 0, first_sizes=None, layout=layout(1, 1024)) or "")
