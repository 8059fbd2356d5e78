"""Delivering findings to a collector: over HTTP or syslog, with a spool for when it is away."""
