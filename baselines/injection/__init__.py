"""Synthetic emitters in a visit's own measurements: what it would have found is tried, not assumed."""
