"""Recorded captures: IQ and spectra that were written to files, replayed through the pipeline of a live sweep."""

from __future__ import annotations

from sweep.sources.recorded.open import open_captures

__all__ = ["open_captures"]
