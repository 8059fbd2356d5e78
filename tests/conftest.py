"""Fixtures that the tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real recordings by others, beside the repository; they are never copied into it."""
    folder = Path(__file__).resolve().parents[1].parent / "shared/data"
    if not folder.is_dir():
        pytest.skip("the recordings in ../shared/data are not on this machine")
    return folder
