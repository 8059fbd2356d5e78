"""Hops analysed by several threads at once give bit for bit what one thread gives."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple

import numpy as np
import pytest

from dsp.spectra import hop_spectra
from dsp.thread_cache import thread_cache

N_THREADS, N_HOPS = 4, 60
SIZES = ((960, 64, 768), (1024, 98, 818), (256, 300, 204))  # several at once, so that plans are made in every thread


@pytest.mark.usefixtures("each_engine")
def test_threads_give_what_one_gives_bit_for_bit() -> None:
    rng = np.random.default_rng(5)
    raws = [rng.integers(90, 166, 2 * 51_200, np.uint8) for _ in range(N_HOPS)]
    together = threading.Barrier(N_THREADS)

    def analyse(index: int) -> tuple[object, ...]:
        n_fft, n_frames, hop_bins = SIZES[index % len(SIZES)]
        offset = 0.25 * (index % 2)
        return astuple(
            hop_spectra(raws[index], "cu8", n_fft=n_fft, n_frames=n_frames, hop_bins=hop_bins, offset_bins=offset)
        )

    alone = [analyse(index) for index in range(N_HOPS)]
    with ThreadPoolExecutor(N_THREADS, initializer=together.wait) as pool:
        pooled = list(pool.map(analyse, range(N_HOPS)))
    for index, (one, many) in enumerate(zip(alone, pooled, strict=True)):
        for first, second in zip(one, many, strict=True):
            assert np.array_equal(np.asarray(first), np.asarray(second), equal_nan=True), f"hop {index}"


def test_each_thread_has_its_own_and_keeps_no_more_than_asked() -> None:
    made: list[int] = []

    @thread_cache(maxsize=2)
    def buffer(size: int) -> np.ndarray:
        made.append(size)
        return np.empty(size)

    assert buffer(1) is buffer(1)
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(buffer, 1).result()
        assert theirs is not buffer(1)
        assert theirs is pool.submit(buffer, 1).result()
    assert made == [1, 1]
    for size in (2, 3, 1):
        buffer(size)
    assert made == [1, 1, 2, 3, 1]
