"""Baselines: a room as it was when it was known to be free of devices, and what differs now."""
