"""Random numbers keyed by what they are for.

A generator that is consumed in order would give every emitter other numbers as soon as one is planted before it.
Here each number is a hash of its own name, so the streams of a scene are independent of each other and of the order
in which they are asked for, and any moment of simulated time can be visited directly.
"""

from __future__ import annotations

import hashlib
from statistics import NormalDist

import numpy as np

__all__ = ["Key", "generator", "integer", "normal", "uniform"]

Key = tuple[int | str, ...]
"""What a random number is for: seed, name, and whatever sets it apart."""

_NORMAL = NormalDist()


def _digest(key: Key) -> int:
    text = "\x1f".join(f"{type(part).__name__}{part}" for part in key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


def uniform(*key: int | str) -> float:
    """Draw from the open interval (0, 1).

    Examples
    --------
    >>> uniform(1, "fading") == uniform(1, "fading") != uniform(2, "fading")
    True
    """
    return ((_digest(key) >> 75) + 0.5) / 2**53


def normal(*key: int | str) -> float:
    """Draw from the standard normal distribution."""
    return _NORMAL.inv_cdf(uniform(*key))


def integer(n: int, *key: int | str) -> int:
    """Draw one of 0 ... n - 1 (n far below 2**128, so the modulo is fair)."""
    return _digest(key) % n


def generator(*key: int | str) -> np.random.Generator:
    """Start a stream for arrays of random numbers."""
    return np.random.Generator(np.random.PCG64(_digest(key)))
