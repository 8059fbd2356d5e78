"""Whether a receiver can be trusted: checks before a sweep, and what is done about faults while it runs."""
