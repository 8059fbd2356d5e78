"""Entry point of ``quietroom``: read the arguments, import the one command, say errors in one line."""

from __future__ import annotations

import importlib
import io
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from dsp.errors import QuietroomError
from sweep.cli.parser import build_parser

__all__ = ["EXIT_ERROR", "EXIT_INTERRUPTED", "EXIT_OK", "main", "run"]

EXIT_OK, EXIT_ERROR, EXIT_INTERRUPTED = 0, 2, 130


def run(argv: Sequence[str]) -> int:
    """Run one command; its errors are raised.

    Parameters
    ----------
    argv : sequence of str
        What follows ``quietroom`` on the command line.

    Returns
    -------
    int
        Exit code: 0 done, 3 inconclusive.

    Raises
    ------
    QuietroomError
        Of the command.
    SystemExit
        The arguments were wrong, or help was asked for.
    """
    arguments: Namespace = build_parser().parse_args(argv)
    module, function = arguments.target.split(":")
    command = getattr(importlib.import_module(f"sweep.cli.{module}"), function)
    code: int = command(arguments)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    An error that the user can mend is one line on standard error and exit 2. A defect of Quietroom shows its traceback.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        # Hops are analysed in threads of our own: those of BLAS would stand in their way, and a sum that is shared out
        # among as many as there are differs in its last bit from machine to machine. Read when numpy is loaded.
        os.environ.setdefault(name, "1")
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no reason to fail
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            return run(sys.argv[1:] if argv is None else argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output went away: no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except QuietroomError as error:
        return _complain(str(error))
    except KeyboardInterrupt as interrupt:
        _complain(str(interrupt) or "interrupted")
        return EXIT_INTERRUPTED
    except MemoryError as error:
        return _complain(f"not enough memory ({error or 'an array'}); give fewer or shorter files, or wider bins")
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename is not None else ""
        return _complain(f"{where}{error.strerror or error}; check the path, its permissions and the disk")


def _complain(message: str) -> int:
    print(f"quietroom: {' '.join(message.split())}", file=sys.stderr)
    return EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())
