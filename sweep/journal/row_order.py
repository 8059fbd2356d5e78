"""What makes a row follow the rows before it in a journal."""

from __future__ import annotations

from sweep.limits import MAX_BINS, MAX_HOPS, most_rows
from sweep.plan import Layout

__all__ = ["row_misfit", "stay_misfit"]


def row_misfit(
    sequence: int,
    sizes: tuple[tuple[str, int], ...],
    n_rows: int,
    *,
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
    most = most_rows(layout.n_bins)
    if sequence != n_rows or sequence >= most:
        return f"row {sequence} cannot follow {n_rows} rows (at most {most} of {layout.n_bins} bins in a record)"
    return None if sizes == first_sizes else _misfit(f"row {sequence}", sizes, first_sizes, layout.n_hops, layout)


def stay_misfit(
    sequence: int,
    sizes: tuple[tuple[str, int], ...],
    n_stays: int,
    *,
    first_sizes: tuple[tuple[str, int], ...] | None,
    layout: Layout,
) -> str | None:
    """Say why a stay cannot come next; all have as many dwells as the first, each with the bins of a hop.

    The parameters are those of `row_misfit`, of stays.
    """
    n_dwells = dict(sizes).get("hop_flags", 0)
    if not 0 < n_dwells <= min(MAX_HOPS, MAX_BINS // layout.hop_bins):
        return f"stay {sequence} has {n_dwells} dwells of {layout.hop_bins} bins"
    most = most_rows(n_dwells * layout.hop_bins)
    if sequence != n_stays or sequence >= most:
        return f"stay {sequence} cannot follow {n_stays} stays (at most {most} of {n_dwells} dwells in a record)"
    return None if sizes == first_sizes else _misfit(f"stay {sequence}", sizes, first_sizes, n_dwells, layout)


def _misfit(
    what: str,
    sizes: tuple[tuple[str, int], ...],
    first_sizes: tuple[tuple[str, int], ...] | None,
    n_hops: int,
    layout: Layout,
) -> str | None:
    for name, size in sizes:
        wanted = n_hops if name.startswith("hop_") else n_hops * layout.hop_bins
        if size != wanted and not name.startswith("burst_"):
            return f"{what} has {size} values of {name}, its layout {wanted}"
    if first_sizes is None:
        return None
    differing = ", ".join(sorted({name for name, _ in {*sizes} ^ {*first_sizes}})) or "in another order"
    return f"{what} has other arrays than the {what.split(maxsplit=1)[0]}s before it: {differing}"
