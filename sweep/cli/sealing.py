"""``seal``, and the sealing of each record as it is closed."""

from __future__ import annotations

import shlex
from argparse import Namespace
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from baselines.disposition import decision_log
from baselines.store import BaselineStore
from dsp.errors import ParameterError, QuietroomError
from sweep.cli.passphrases import passphrase
from sweep.cli.printing import Printer
from sweep.seal.agent import running_agent
from sweep.seal.files import seal_path, token_path
from sweep.seal.key_folder import KeyFolder, default_key_folder
from sweep.seal.ledger import SealLedger
from sweep.seal.sealing import SealRequest, head_of, load_seal, seal_record
from sweep.seal.signers import Signer
from sweep.seal.statement import Seal
from sweep.seal.time_token import stamp
from sweep.workspace import Workspace

__all__ = ["NO_KEY", "Sealer", "baseline_file", "seal"]

NO_KEY = "no key to seal with; make one, once, with: quietroom keys make"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """What a command seals records with.

    Attributes
    ----------
    workspace : Workspace
    signer : Signer or None
        None where there is none, and ``why_not`` says why.
    why_not : str
    time_server : str or None
    """

    workspace: Workspace
    signer: Signer | None
    why_not: str = ""
    time_server: str | None = None

    @classmethod
    def ready(cls, workspace: Workspace, time_server: str | None) -> Sealer:
        """Get the key ready, before the sweep: nobody may be there any more to type a passphrase after it."""
        try:
            signer = _signer()
        except (QuietroomError, OSError) as error:  # the sweep must not wait for a key to be mended
            return cls(workspace=workspace, signer=None, why_not=str(error))
        return cls(workspace=workspace, signer=signer, why_not="" if signer else NO_KEY, time_server=time_server)

    def seal_closed(self, record_path: Path) -> str:
        """Seal a record that was closed just now, and say what came of it in a line; no trouble fails the sweep."""
        if self.signer is None:
            return f"not sealed: {self.why_not}"
        try:
            made = self._seal(self.signer, record_path, checked=True)
        except (QuietroomError, OSError) as error:
            return f"not sealed: {error}; try again with: quietroom seal {shlex.quote(str(record_path))}"
        return f"{_words(made)}; {self._stamped(record_path)}"

    def seal(self, record_path: Path) -> Seal:
        """Seal a record later.

        Raises
        ------
        QuietroomError
            It cannot be sealed.
        """
        if self.signer is None:
            raise ParameterError(self.why_not)
        return self._seal(self.signer, record_path, checked=False)

    def _seal(self, signer: Signer, record_path: Path, *, checked: bool) -> Seal:
        request = SealRequest(
            signer=signer,
            ledger=SealLedger(self.workspace.root),
            baseline_file=partial(baseline_file, self.workspace),
            decisions=head_of(decision_log(record_path)),
        )
        return seal_record(record_path, request, checked=checked)

    def _stamped(self, record_path: Path) -> str:
        if self.time_server is None:
            return "no time token"
        try:
            return f"time {stamp(record_path, self.time_server).time:%Y-%m-%dT%H:%M:%S}Z"
        except (QuietroomError, OSError) as error:
            later = f"quietroom seal {shlex.quote(str(record_path))} --time-server {shlex.quote(self.time_server)}"
            return f"no time token ({error}); get one later with: {later}"


def baseline_file(workspace: Workspace, name: str, room: str) -> Path | None:
    """The file of a baseline, if it is in the workspace."""
    try:
        return BaselineStore(workspace.room(room)).file(name)
    except ParameterError:  # a room of another program, of which no baseline can be here
        return None


def seal(arguments: Namespace) -> int:
    """Seal a record that is not sealed yet, or add proof of time to one that is."""
    printer = Printer(arguments.json)
    path = Workspace(arguments.workspace).find_record(arguments.record)
    workspace = Workspace.around(arguments.workspace, path)
    if seal_path(path).exists():
        made = load_seal(path)
        if arguments.time_server is None or token_path(path).exists():
            more = "" if token_path(path).exists() else "; add proof of time with --time-server URL"
            raise ParameterError(f"{path} is sealed already, as number {made.told.seal_counter}{more}")
    else:
        made = Sealer.ready(workspace, arguments.time_server).seal(path)
    printer.line(f"Seal: {_words(made)}")
    time = None
    if arguments.time_server is not None:
        time = f"{stamp(path, arguments.time_server).time:%Y-%m-%dT%H:%M:%S}Z"
        printer.line(f"Time: {time}, from {arguments.time_server}")
    told = made.told
    printer.document(
        {
            "record": str(path),
            "seal": made.digest,
            "seal_counter": told.seal_counter,
            "fingerprint": told.signer.fingerprint,
            "identity": told.signer.identity,
            "marking": told.marking,
            "time": time,
        }
    )
    return 0


def _signer() -> Signer | None:
    return KeyFolder(default_key_folder()).signer(passphrase, running_agent())


def _words(made: Seal) -> str:
    told = made.told
    marking = f"{told.marking}, " if told.marking else ""
    return f"{marking}number {told.seal_counter}, digest {made.digest[:16]}..., by {told.signer.identity}"
