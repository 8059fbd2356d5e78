"""Names of rooms: they are names of folders too."""

from __future__ import annotations

import re

from dsp.errors import ParameterError

__all__ = ["check_room_name"]

_ROOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_room_name(name: str) -> str:
    """Return the name of a room, if it can be one.

    Raises
    ------
    ParameterError
        It is empty, longer than 64 characters, starts with a dot or a dash, or has anything but letters, digits,
        dots, dashes and underscores. So it never leads out of the folder of rooms.

    Examples
    --------
    >>> check_room_name("boardroom-2.floor")
    'boardroom-2.floor'
    >>> check_room_name("../etc")
    Traceback (most recent call last):
    ...
    dsp.errors.ParameterError: room name '../etc' is not usable; ...
    """
    if _ROOM.fullmatch(name) is None:
        raise ParameterError(
            f"room name {name[:80]!r} is not usable; start with a letter or digit, then up to 63 letters, digits, "
            "dots, dashes or underscores, for example boardroom-2"
        )
    return name
