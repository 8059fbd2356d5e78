"""Finding and reading ``site.toml`` and ``equipment.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TypeVar

import msgspec

from sweep.facts.schema import STIMULI, EquipmentFile, SiteFile, VisitPlan
from sweep.journal.files import sync_folder
from sweep.toml_files import read_toml

__all__ = ["EXAMPLES", "Facts", "load_facts", "write_examples"]

EXAMPLES = ("site.toml", "equipment.toml")

T = TypeVar("T")

_CHOICES = {
    "role": "the roles are technician, witness, client, other",
    "stimuli": f"the stimuli are {', '.join(STIMULI)}",
    "schema": "write the line of the example",
}
_HINT = (
    "the example that 'quietroom init' writes into a new folder has every key, and docs/first-visit.md explains them"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What people wrote down.

    Attributes
    ----------
    site : SiteFile
        The room's own keys in place of those of the workspace.
    equipment : tuple of EquipmentFile
        That of the room first, then that of the workspace; either may be absent.
    """

    site: SiteFile
    equipment: tuple[EquipmentFile, ...]

    @property
    def plan(self) -> VisitPlan:
        """How visits sweep."""
        return self.site.visit or VisitPlan()

    @property
    def operator(self) -> str | None:
        """The technician, where there is one and not several."""
        names = [person.name for person in self.site.people or () if person.role == "technician"]
        return names[0] if len(names) == 1 else None


def load_facts(workspace: Path, room: Path) -> Facts:
    """Read what there is; a file that is absent says nothing.

    Parameters
    ----------
    workspace, room : Path
        Folders of the workspace and of the room.

    Raises
    ------
    ParameterError
        A file is not what it should be; the message names file, key and value.
    """
    sites = [read_toml(path, SiteFile, hint=_HINT, choices=_CHOICES) for path in _there("site.toml", room, workspace)]
    return Facts(
        site=_merged(sites),
        equipment=tuple(
            read_toml(path, EquipmentFile, hint=_HINT, choices=_CHOICES)
            for path in _there("equipment.toml", room, workspace)
        ),
    )


def write_examples(folder: Path) -> list[Path]:
    """Write the examples into a workspace, where no file of the name is; give those that were written."""
    written = []
    for name in EXAMPLES:
        path = folder / name
        if not path.exists():
            path.write_text((resources.files("sweep.facts") / "examples" / name).read_text("utf-8"), encoding="utf-8")
            written.append(path)
    sync_folder(folder)
    return written


def _read(path: Path, kind: type[T]) -> T:
    return read_toml(path, kind, hint=_HINT, choices=_CHOICES)


def _there(name: str, *folders: Path) -> list[Path]:
    return [folder / name for folder in folders if (folder / name).exists()]


def _merged(sites: list[SiteFile]) -> SiteFile:
    """The first file that says a key counts; of the room and the visit, key by key."""
    merged = SiteFile(schema="quietroom.site/1")
    for site in reversed(sites):
        said = {name: value for name in site.__struct_fields__ if (value := getattr(site, name)) is not None}
        for name in {"room", "visit"} & said.keys():
            before, now = getattr(merged, name), said[name]
            if before is not None:
                keys = {key: value for key in now.__struct_fields__ if (value := getattr(now, key)) is not None}
                said[name] = msgspec.structs.replace(before, **keys)
        merged = msgspec.structs.replace(merged, **said)
    return merged
