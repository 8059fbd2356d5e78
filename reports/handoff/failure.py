"""That something was not delivered."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from dsp.errors import QuietroomError

__all__ = ["DeliveryError", "naming_target"]

_NO_TLS = frozenset({"wrong version number", "record layer failure"})
_CLOSED = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN})


class DeliveryError(QuietroomError):
    """A receiver did not take a message.

    Parameters
    ----------
    message : str
    is_passing : bool
        Whether it may take it later.
    after_s : float
        How long the receiver asks to be left alone.
    """

    def __init__(self, message: str, *, is_passing: bool, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.is_passing = is_passing
        self.after_s = after_s


@contextmanager
def naming_target(where: str) -> Iterator[None]:
    """Say in one line what went wrong on the way to a receiver.

    Raises
    ------
    DeliveryError
        A connection was refused, broke or took too long, which may pass; a certificate was not accepted, which may not.
    """
    try:
        yield
    except DeliveryError:
        raise
    except ssl.SSLCertVerificationError as error:
        raise DeliveryError(
            f"{where}: its certificate was not accepted ({error.verify_message or error.reason}); "
            "give --ca with the certificate of the authority that you trust",
            is_passing=False,
        ) from error
    except ssl.SSLEOFError as error:
        hint = "it may want a certificate of ours (--client-cert)"
        raise DeliveryError(f"{where}: closed the connection in TLS; {hint}", is_passing=True) from error
    except ssl.SSLError as error:
        told = (error.reason or str(error)).replace("_", " ").lower()
        if told in _NO_TLS:
            raise DeliveryError(f"{where}: TLS is not spoken there; check scheme and port", is_passing=False) from error
        raise DeliveryError(f"{where}: TLS failed ({told})", is_passing="alert" not in told) from error
    except socket.gaierror as error:
        raise DeliveryError(f"{where}: the name was not found ({error.strerror})", is_passing=True) from error
    except TimeoutError as error:
        raise DeliveryError(f"{where}: does not answer", is_passing=True) from error
    except OSError as error:
        if error.errno in _CLOSED:
            told = "closed the connection before it had read everything"
            raise DeliveryError(f"{where}: {told}", is_passing=True) from error
        raise DeliveryError(f"{where}: {error.strerror or error}", is_passing=True) from error
