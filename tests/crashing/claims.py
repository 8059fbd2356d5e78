"""What must hold after a crash: nothing that was told to be saved is lost, and nothing is silently wrong."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dsp.errors import QuietroomError
from sweep.cli.main import main
from sweep.record import SweepRecord

__all__ = ["Told", "broken_claims", "read_told"]

_ALTERED = 1
_ENDS_LEFT = (".part", ".snippets-part", ".ballast", ".journal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a process said was saved.

    Attributes
    ----------
    leaves : dict of str to list of bytes
        Of each ``row``, ``stay`` and ``look``, in order.
    closed : bool
        It said that the record was in its place.
    """

    leaves: dict[str, list[bytes]] = field(default_factory=lambda: {"row": [], "stay": [], "look": []})
    closed: bool = False


def read_told(text: str) -> Told:
    """Read what the driver wrote; a line that is not whole was not told."""
    leaves: dict[str, list[bytes]] = {"row": [], "stay": [], "look": []}
    closed = False
    for line in text.split("\n")[:-1]:
        kind, _, rest = line.partition(" ")
        if kind == "closed":
            closed = True
        else:
            leaves[kind].append(bytes.fromhex(rest))
    return Told(leaves=leaves, closed=closed)


def broken_claims(sweeps: Path, told: Told) -> Iterator[str]:
    """Recover what one crashed sweep left in a folder, as its user would, and say which claims do not hold.

    Parameters
    ----------
    sweeps : Path
        Folder of records with nothing of other sweeps in it.
    told : Told
    """
    said: list[str] = []
    for journal in sorted(sweeps.glob("*.journal")):
        code, text = _command("recover", str(journal))
        said.append(text)
        if code not in (0, 3) and any(told.leaves.values()):
            yield f"recover gave {code}: {text}"
    records = sorted(sweeps.glob("*.h5"))
    if len(records) != 1:
        if records or told.closed or any(told.leaves.values()):
            yield f"{len(records)} records where one was told of: {' '.join(said)}"
        return
    try:
        yield from _broken_in(records[0], told)
    except QuietroomError as error:
        yield f"the record cannot be read: {error}"
        return
    yield from _broken_seal(records[0])
    # a journal with a torn end is kept beside its record
    left = [path.name for path in sweeps.iterdir() if path.suffix in _ENDS_LEFT]
    if any(not name.endswith(".journal") for name in left) or (left and told.closed):
        yield f"{', '.join(left)} left behind"


def _broken_in(path: Path, told: Told) -> Iterator[str]:
    with SweepRecord.open(path) as record:
        kept = {"row": record.leaves, "stay": record.stay_leaves, "look": record.look_leaves}
        verified = {"row": record.verify_rows(), "stay": record.verify_stays(), "look": record.verify_looks()}
        for kind, leaves in told.leaves.items():
            if list(kept[kind][: len(leaves)]) != leaves:
                yield f"{len(leaves)} {kind}s were told, and the record has others or fewer ({len(kept[kind])})"
            if not all(intact for _, intact in verified[kind]):
                yield f"a {kind} does not match its hash"
        if told.closed and record.recovered:
            yield "the record was closed, and had to be recovered"


def _broken_seal(path: Path) -> Iterator[str]:
    """The record can be sealed where it is not yet, and nobody is told that it was altered."""
    code, text = _command("seal", str(path))
    if code and "is sealed already" not in text:
        yield f"seal gave {code}: {text}"
    code, text = _command("verify", str(path))
    if code == _ALTERED or code not in range(4):
        yield f"verify gave {code}: {text}"


def _command(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(words)
    return code, out.getvalue()
