"""Prominent peaks against SciPy's."""

from __future__ import annotations

import numpy as np
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.peaks import prominent_peaks


@given(level=st.lists(st.integers(-4, 4), min_size=1, max_size=40), least=st.sampled_from([0.0, 1.0, 3.0]))
@settings(deadline=None, max_examples=300)
def test_peaks_and_prominences_are_those_of_scipy(level: list[int], least: float) -> None:
    wanted, found = scipy.signal.find_peaks(np.array(level, float), prominence=least, plateau_size=1)
    peaks, prominences = prominent_peaks(np.array(level, float), least)
    assert np.array_equal(peaks, wanted)
    assert np.array_equal(prominences, found["prominences"])
