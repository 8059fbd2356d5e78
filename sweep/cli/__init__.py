"""The command line, the only place that knows all four packages."""
