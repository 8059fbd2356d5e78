"""Results kept for each thread on its own: memory that is filled anew in every call must not be shared."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["scratch", "thread_cache"]

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


@thread_cache(maxsize=8)
def scratch(purpose: str, n_rows: int, n_columns: int) -> NDArray[np.float32]:
    """Memory of this thread, kept from hop to hop: fresh pages may cost as much as the transforms.

    Parameters
    ----------
    purpose : str
        What is in use at the same time has different ones.
    n_rows, n_columns : int

    Returns
    -------
    ndarray of float32, shape (n_rows, n_columns)
        With whatever was in it.
    """
    return np.empty((n_rows, n_columns), np.float32)
