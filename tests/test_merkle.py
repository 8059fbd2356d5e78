"""The Merkle root against the published trees of Certificate Transparency, and against RFC 6962 as it is written."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.seal.merkle import merkle_root

# Test vectors of the reference implementation of RFC 6962 (google/certificate-transparency).
INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def as_written(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word: split at the largest power of two below n."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + as_written(leaves[:k]) + as_written(leaves[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_published_trees(size: int) -> None:
    leaves = [leaf_hash(bytes.fromhex(text)) for text in INPUTS[:size]]
    assert merkle_root(leaves).hex() == ROOTS[size - 1]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 300))
def test_as_the_standard_defines_it(size: int) -> None:
    leaves = [leaf_hash(size.to_bytes(4, "big") + bytes([number % 256])) for number in range(size)]
    assert merkle_root(leaves) == as_written(leaves)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.data())
def test_no_leaf_can_change_place_or_go(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    one, other = data.draw(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(lambda p: p[0] != p[1]))
    swapped = list(leaves)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    roots = {merkle_root(leaves), merkle_root(swapped), merkle_root(leaves[:one] + leaves[one + 1 :])}
    assert len(roots) == 3
