"""Capture: plans, sources, the sweep session, journal and record, the command line."""

__version__ = "0.1.0"
