"""What makes a row follow the rows before it in a journal."""

from __future__ import annotations

from sweep.plan import Layout

__all__ = ["MAX_ROWS", "row_misfit"]

MAX_ROWS = 1 << 22
"""Rows of one record: 31 hours of 27 ms dwells."""


def row_misfit(
    sequence: int,
    sizes: tuple[tuple[str, int], ...],
    *,
    n_rows: int,
    first_sizes: tuple[tuple[str, int], ...] | None,
    layout: Layout,
) -> str | None:
    """Say why a row cannot come next: rows are numbered from 0 and all have the same arrays, which fit the layout.

    Parameters
    ----------
    sequence : int
        Number of the row.
    sizes, first_sizes : tuple of (str, int)
        Name and size of each array of this row, and of the first one; None where this is the first.
    n_rows : int
        Rows before it.
    layout : Layout

    Returns
    -------
    str or None
        None where it can.
    """
    if sequence != n_rows or sequence >= MAX_ROWS:
        return f"row {sequence} cannot follow {n_rows} rows (at most {MAX_ROWS} in a record)"
    if sizes == first_sizes:
        return None
    for name, size in sizes:
        wanted = layout.n_hops if name.startswith("hop_") else layout.n_bins
        if size != wanted and not name.startswith("burst_"):
            return f"row {sequence} has {size} values of {name}, its layout {wanted}"
    if first_sizes is not None and sizes != first_sizes:
        differing = sorted({name for name, _ in {*sizes} ^ {*first_sizes}})
        return f"row {sequence} has other arrays than the rows before it: {', '.join(differing) or 'in another order'}"
    return None
