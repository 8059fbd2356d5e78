"""Crashes of real sweeps: processes that are killed, and power that is cut, and what must hold afterwards."""
