"""Profiles of dongles: what one hears without an antenna, its crystal, its gains, and a known level."""
