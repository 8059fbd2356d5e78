"""Are the rows those that were sealed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sweep.record import SweepRecord
from sweep.seal.claims import Claim, failed, passed, unchecked
from sweep.seal.merkle import merkle_root
from sweep.seal.row_damage import RowDamage, counted, numbered, row_damage
from sweep.seal.statement import Seal

__all__ = ["check_root", "check_rows"]


def check_rows(record: SweepRecord, seal: Seal | None) -> Claim:
    """Hash every row and second look, and hold them against the sealed leaves, or those in the record itself."""
    wanted = record.leaves if seal is None else seal.leaves[: seal.told.n_rows]
    wanted_looks = record.look_leaves if seal is None else seal.leaves[seal.told.n_rows :]
    damage = RowDamage(words=(), rows=())
    if record.leaves != wanted or not all(intact for _, intact in record.verify_rows()):
        damage = row_damage(record, wanted)
        if not damage.words:  # the rows are as they were, and their stored hashes are not
            pairs = enumerate(zip(record.leaves, wanted, strict=False))
            stored = [number for number, (ours, theirs) in pairs if ours != theirs]
            damage = RowDamage(words=(f"the stored hash of {numbered('row', stored)} was altered",), rows=tuple(stored))
    words = [*damage.words, *_look_damage(record, wanted_looks)]
    if words:
        return failed("rows", "; ".join(words), rows=damage.rows)
    looks = f" and {counted(len(record.looks), 'second look')}" if record.looks else ""
    whose = "the hashes that the record gives them" if seal is None else "the hashes that were sealed"
    return passed("rows", f"{counted(record.n_rows, 'row')}{looks} have {whose}")


def check_root(record: SweepRecord, seal: Seal | None) -> Claim:
    """Hold the Merkle root over the stored leaves against the sealed one."""
    if seal is None:
        return unchecked("root", "the record is not sealed")
    root = merkle_root((*record.leaves, *record.look_leaves)).hex()
    if merkle_root(seal.leaves).hex() != seal.told.root:
        return failed("root", "the leaves in the seal do not give the root in the seal")
    if root != seal.told.root:
        return failed("root", f"{root[:16]}..., and {seal.told.root[:16]}... was sealed")
    return passed("root", f"{root[:16]}... over {counted(seal.told.leaf_count, 'leaf', 'leaves')}, as sealed")


def _look_damage(record: SweepRecord, wanted: Sequence[bytes]) -> Iterator[str]:
    bad = {number for number, intact in record.verify_looks() if not intact}
    stored = record.look_leaves
    bad |= {number for number, pair in enumerate(zip(stored, wanted, strict=False)) if pair[0] != pair[1]}
    if bad:
        yield f"second look {min(bad)} was altered"
    if len(stored) != len(wanted):
        yield f"there are {counted(len(stored), 'second look')}, and {len(wanted)} were sealed"
