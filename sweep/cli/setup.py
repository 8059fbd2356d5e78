"""``init`` and ``devices``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from sweep.workspace import Workspace

__all__ = ["init"]


def init(arguments: Namespace) -> int:
    """Make a folder a workspace."""
    root: Path = arguments.folder or arguments.workspace
    workspace = Workspace.create(root)
    print(f"{workspace.root.resolve()} is a workspace; sweep a room with 'quietroom --workspace {root} sweep ROOM'")
    return 0
