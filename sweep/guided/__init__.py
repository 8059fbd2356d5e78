"""A guided visit: its steps, and the log that keeps which of them are finished."""
