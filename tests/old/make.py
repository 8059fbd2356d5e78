"""Write the files that are kept of a schema version, with the code of that version.

Check out the commit that is to be kept, and run this file with its code, into a new folder:

    git worktree add --detach /tmp/then COMMIT
    cd /tmp/then && PYTHONPATH=/tmp/then python .../tests/old/make.py .../tests/old/1.2.0

What it needs of that code is what the command line has promised since the first version. Options of `quietroom sweep`
that make use of what a version added may follow, as `--camp 0.04s` from 1.3.0 on.
"""

from __future__ import annotations

import gzip
import shutil
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sweep import session
from sweep.cli.main import main

SWEEP = ["--range", "166.4M:168.3M", "--passes", "4", "--bin-width", "10000"]
SCENE = "sim:meeting-room?visit="


def make(folder: Path, options: list[str]) -> None:
    """Sweep a simulated room twice, learn a baseline, find a planted bug, decide about it, and keep all of it."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "workspace"
        journals: list[bytes] = []
        name = "pack_locked" if hasattr(session, "pack_locked") else "pack"
        pack = getattr(session, name)

        def keep(journal: Path, *rest: Any, **options: Any) -> Any:
            journals.append(journal.read_bytes())
            return pack(journal, *rest, **options)

        setattr(session, name, keep)
        if find_spec("sweep.camping"):
            import_module("sweep.camping")._STAY_S = 0.02  # a stay of usual length would be a third of a megabyte

        def quietroom(*words: str) -> None:
            if main(["--workspace", str(root), *words]) not in (0, 3):
                raise SystemExit(f"quietroom {' '.join(words)} failed")

        main(["init", str(root)])
        for visit in (0, 1):
            quietroom("sweep", "lab", "--source", f"{SCENE}{visit}", *SWEEP, "--baseline", "none")
        clean = sorted((root / "sweeps").glob("*.h5"))
        quietroom("baseline", "learn", "lab", *map(str, clean))
        why = ["--reason", "kept for tests", "--by", "A. Tester"]
        quietroom("known", "add", "lab", "--name", "pager", "--frequency", "466.075M", *why)
        quietroom(
            "sweep",
            "lab",
            "--source",
            f"{SCENE}2&bugs=all",
            *SWEEP,
            "--position",
            "table",
            "--operator",
            "A.",
            *options,
        )
        [record] = set((root / "sweeps").glob("*.h5")) - set(clean)
        quietroom("mark", str(record), "F1", "--as", "suspicious", *why)
        for path in clean:
            path.unlink()
        record.with_suffix(".journal").write_bytes(journals[-1])
        _keep(root, folder)


def _keep(root: Path, folder: Path) -> None:
    for path in sorted(path for part in ("rooms", "sweeps") for path in (root / part).rglob("*") if path.is_file()):
        to = folder / path.relative_to(root)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".h5", ".journal"):
            to.with_name(to.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        else:
            shutil.copy(path, to)


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve(), sys.argv[2:])
