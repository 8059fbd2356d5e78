"""The errors of Quietroom, rooted in one class.

They live in the lowest package so that every layer can raise them. A message says what was wrong, prints the
value and says what to do; the command line prints it as one line and exits 2.
"""

from __future__ import annotations

__all__ = ["CaptureError", "DeviceError", "ParameterError", "QuietroomError", "RecordError"]


class QuietroomError(Exception):
    """Root of every error that a user can cause and mend."""


class ParameterError(QuietroomError, ValueError):
    """A value given to a function or an option is outside what it accepts."""


class CaptureError(QuietroomError):
    """A recorded capture cannot be read as what it claims to be."""


class RecordError(QuietroomError):
    """A journal, sweep record or baseline store is damaged, unknown or unusable."""


class DeviceError(QuietroomError, OSError):
    """A dongle, its driver or a network receiver failed."""
