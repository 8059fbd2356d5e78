"""From a journal to an HDF5 sweep record: written under another name, compared row by row, then put in place.

The schema is that of ``docs/record-format.md``: NeXus, so that silx, H5Web, JupyterLab and nexusformat plot a record as
it opens. Nothing in the file depends on when or how often it is packed.
"""

from __future__ import annotations

from sweep.packing.placement import pack, pack_locked

__all__ = ["pack", "pack_locked"]
