"""Results kept for each thread on its own: memory that is filled anew in every call must not be shared."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["thread_cache"]

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def thread_cache(maxsize: int) -> Callable[[Callable[_Parameters, _Result]], Callable[_Parameters, _Result]]:
    """Keep the latest results of a function, as `functools.lru_cache`, but to each thread its own.

    Parameters
    ----------
    maxsize : int
        Results kept for one thread; they go with it.

    Examples
    --------
    >>> import numpy as np
    >>> buffer = thread_cache(maxsize=2)(np.empty)
    >>> buffer(3) is buffer(3)
    True
    """

    def decorate(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
        local = threading.local()

        @functools.wraps(function)
        def call(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
            try:
                cached = local.cached
            except AttributeError:
                cached = local.cached = functools.lru_cache(maxsize)(function)
            result: _Result = cached(*args, **kwargs)
            return result

        return call

    return decorate
