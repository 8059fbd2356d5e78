"""The Merkle tree of RFC 6962 over the leaves of a record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

__all__ = ["merkle_root"]


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Hash leaves pairwise up to one root.

    A node is SHA-256(0x01 | left | right). Where a level has an odd number of nodes its last one moves up as it is,
    which gives the tree that RFC 6962, section 2.1, defines by its largest power of two.

    Parameters
    ----------
    leaves : sequence of bytes
        Hashes of 32 bytes each, made with the prefix 0x00 that the standard asks for, as `sweep.leaf.leaf` does.

    Returns
    -------
    bytes
        32 bytes; SHA-256 of nothing where there are no leaves.

    Examples
    --------
    >>> merkle_root([]).hex()[:16]
    'e3b0c44298fc1c14'
    >>> one = hashlib.sha256(b"\\0").digest()
    >>> merkle_root([one]) == one
    True
    """
    if not leaves:
        return hashlib.sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
        level = above + level[len(level) & ~1 :]
    return level[0]
