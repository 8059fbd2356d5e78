"""What a visit claims that it would have found, held against emitters in the samples of the same town."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from baselines.injection.signals import KINDS
from benchmarks.detection.claims import Tried, share_found, try_claims

NFM, _, CARRIER, BURST = KINDS
BANDS = {"FM broadcast": "88M:94M", "cellular 800": "800M:808M"}


@pytest.fixture(scope="module")
def tried() -> list[Tried]:
    return try_claims(3100, 1, bands=BANDS, kinds=(NFM, BURST), passes=3)


@pytest.mark.parametrize("kind", [NFM, BURST], ids=lambda kind: kind.name)
def test_a_claim_is_kept_or_conservative(tried: list[Tried], kind) -> None:
    """At the level that is claimed as many are found as is claimed, busy places and all; the long version has more."""
    mine = [one for one in tried if one.kind == kind.name and one.level_dbfs is not None]
    assert len(mine) >= 8
    _, _, high = share_found(mine)
    assert high >= np.mean([one.wanted for one in mine])


def test_a_claim_is_no_more_than_the_band_needs(tried: list[Tried]) -> None:
    """Away from other emitters narrowband FM is found within some dB of the noise, not from full scale on."""
    quiet = [one for one in tried if one.elsewhere and (one.band, one.kind) == ("FM broadcast", "nfm")]
    (level_dbfs,) = {one.level_dbfs for one in quiet}
    assert level_dbfs is not None and -75 < level_dbfs < -50


def test_too_strong_a_claim_would_show(tried: list[Tried]) -> None:
    few = [replace(one, found=index % 2 == 0) for index, one in enumerate(tried) if one.level_dbfs is not None]
    share, low, high = share_found(few)
    assert low < share < high < 0.9
