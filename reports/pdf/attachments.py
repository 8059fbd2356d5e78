"""Files within the PDF, so that whoever has the report has the findings and the seal as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports.content import ReportContent
from reports.exports.document import findings_document, json_bytes

__all__ = ["Attachment", "attachments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file within the PDF; ``relationship`` is its ``AFRelationship`` (ISO 32000-2, 7.11.3)."""

    name: str
    data: bytes
    relationship: str
    mime_type: str
    description: str

    @property
    def described(self) -> dict[str, str]:
        """All but its bytes, for the template."""
        return {
            "name": self.name,
            "relationship": self.relationship,
            "mime_type": self.mime_type,
            "description": self.description,
        }


def attachments(content: ReportContent) -> Iterator[Attachment]:
    """Give the findings JSON, and the seal with its signature where there are any."""
    yield Attachment(
        name="findings.json",
        data=json_bytes(findings_document(content)),
        relationship="data",
        mime_type="application/json",
        description="Findings of this sweep, schema quietroom.findings/1",
    )
    sealed = content.sealed
    if sealed is None or sealed.seal is None:
        return
    yield Attachment(
        name="seal.json",
        data=sealed.seal.text,
        relationship="supplement",
        mime_type="application/json",
        description="Seal of the record, an in-toto statement in canonical JSON",
    )
    for name, data, mime_type, description in (
        ("seal.json.sig", sealed.signature, "text/plain", "Signature over the seal, SSHSIG of OpenSSH"),
        ("seal.json.tsr", sealed.token, "application/timestamp-reply", "Time token over the signature, RFC 3161"),
    ):
        if data is not None:
            yield Attachment(
                name=name, data=data, relationship="supplement", mime_type=mime_type, description=description
            )
