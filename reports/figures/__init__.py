"""Drawings of a sweep by matplotlib: spectrum, waterfall, findings."""
