"""The last steps: seal and verify the records, write the reports."""

from __future__ import annotations

from baselines.disposition import decision_log
from reports.content.wording import count
from sweep.cli.guided.visiting import INSIDE, Result, Visiting
from sweep.cli.parser import build_parser
from sweep.cli.present import report
from sweep.cli.sealing import Sealer
from sweep.guided.log import DONE, NOT_POSSIBLE
from sweep.guided.signed import sign_visit
from sweep.guided.steps import Step
from sweep.seal.claims import Result as Verdict
from sweep.seal.files import seal_path
from sweep.seal.verification import VerifyRequest, verify

__all__ = ["report_step", "seal_step"]

_WORDS = {
    Verdict.PROVEN: "sealed, unaltered",
    Verdict.UNPROVEN: "sealed, unaltered; who sealed it or when is for a verifier with a list of signers to say",
    Verdict.INCOMPLETE: "sealed, but incomplete or recovered",
    Verdict.ALTERED: "ALTERED: this is not what was sealed",
}


def seal_step(visiting: Visiting, step: Step) -> Result:
    """Seal what is not sealed yet, verify every record of the visit, and sign the log of it."""
    swept = list(visiting.swept())
    sealer = Sealer.ready(visiting.workspace, visiting.time_server)
    told: dict[str, str] = {}
    for one in swept:
        said = "" if seal_path(one.path).exists() else sealer.seal_closed(one.path)
        told[one.path.name] = _verified(visiting, one.path.name) if seal_path(one.path).exists() else said
        visiting.console.say(f"{one.path.name}: {told[one.path.name]}")
    n_sealed = sum(seal_path(one.path).exists() for one in swept)
    text = f"{n_sealed} of {count(len(swept), 'record')} sealed"
    if any(words == _WORDS[Verdict.ALTERED] for words in told.values()):
        text += "; ALTERED records among them"
    if swept and not n_sealed:
        text += f": {sealer.why_not}" if sealer.why_not else ""
    outcome = DONE if swept and n_sealed == len(swept) else NOT_POSSIBLE
    signed = {} if sealer.signer is None else sign_visit(visiting.log, sealer.signer)
    return Result(outcome=outcome, text=text, details={"seals": told, **signed})


def report_step(visiting: Visiting, step: Step) -> Result:
    """Write the report of each sweep in the room.

    Raises
    ------
    QuietroomError
        A record was altered, or a report cannot be written.
    """
    inside = [one for one in visiting.swept() if one.step.kind in INSIDE]
    for one in inside:
        report(
            build_parser().parse_args(["--workspace", str(visiting.workspace.root), "report", str(one.path), "--html"])
        )
    if not inside:
        return Result(outcome=NOT_POSSIBLE, text="nothing was swept in the room")
    return Result(text=count(len(inside), "report"), details={"reports": [f"{one.path.stem}.pdf" for one in inside]})


def _verified(visiting: Visiting, name: str) -> str:
    path = visiting.workspace.sweeps / name
    request = VerifyRequest(record_path=path, decisions=decision_log(path), workspace=visiting.workspace)
    return _WORDS[verify(request).result]
