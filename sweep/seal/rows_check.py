"""Are the rows those that were sealed?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sweep.leaf import NO_LEAF
from sweep.record import SweepRecord
from sweep.seal.claims import Claim, failed, passed, unchecked
from sweep.seal.contents import all_leaves
from sweep.seal.merkle import merkle_root
from sweep.seal.row_damage import KeptRows, RowDamage, counted, numbered, row_damage
from sweep.seal.statement import Seal

__all__ = ["check_root", "check_rows"]

_NONE = RowDamage(words=(), rows=())


def check_rows(record: SweepRecord, seal: Seal | None) -> Claim:
    """Hash every row, stay and second look, and hold them against the sealed leaves, or those in the record itself."""
    leaves = all_leaves(record) if seal is None else seal.leaves
    n_rows = record.n_rows if seal is None else seal.told.n_rows
    n_stays = record.n_stays if seal is None else seal.told.n_stays
    wanted, wanted_stays, wanted_looks = leaves[:n_rows], leaves[n_rows:][:n_stays], leaves[n_rows + n_stays :]
    rows = KeptRows(noun="row", count=record.n_rows, read=record.rows)
    stays = KeptRows(noun="stay", count=record.n_stays, read=record.stays, before=(NO_LEAF, *wanted[-1:])[-1])
    damage = _damage(rows, record.leaves, wanted, record.verify_rows)
    stay_damage = _damage(stays, record.stay_leaves, wanted_stays, record.verify_stays)
    words = [*damage.words, *stay_damage.words, *_look_damage(record, wanted_looks)]
    if words:
        return failed("rows", "; ".join(words), rows=damage.rows)
    others = ((record.n_stays, "stay"), (len(record.looks), "second look"))
    said = [counted(record.n_rows, "row"), *(counted(count, noun) for count, noun in others if count)]
    whose = "the hashes that the record gives them" if seal is None else "the hashes that were sealed"
    return passed("rows", f"{' and '.join([', '.join(said[:-1]), said[-1]] if len(said) > 1 else said)} have {whose}")


def check_root(record: SweepRecord, seal: Seal | None) -> Claim:
    """Hold the Merkle root over the stored leaves against the sealed one."""
    if seal is None:
        return unchecked("root", "the record is not sealed")
    if merkle_root(seal.leaves).hex() != seal.told.root:
        return failed("root", "the leaves in the seal do not give the root in the seal")
    leaves = all_leaves(record)
    root = seal.told.root if leaves == seal.leaves else merkle_root(leaves).hex()
    if root != seal.told.root:
        return failed("root", f"{root[:16]}..., and {seal.told.root[:16]}... was sealed")
    return passed("root", f"{root[:16]}... over {counted(seal.told.leaf_count, 'leaf', 'leaves')}, as sealed")


def _damage(
    kept: KeptRows, stored: Sequence[bytes], wanted: Sequence[bytes], verified: Callable[[], list[tuple[int, bool]]]
) -> RowDamage:
    if tuple(stored) == tuple(wanted) and all(intact for _, intact in verified()):
        return _NONE
    damage = row_damage(kept, wanted)
    if damage.words:
        return damage
    wrong = [number for number, pair in enumerate(zip(stored, wanted, strict=False)) if pair[0] != pair[1]]
    return RowDamage(words=(f"the stored hash of {numbered(kept.noun, wrong)} was altered",), rows=tuple(wrong))


def _look_damage(record: SweepRecord, wanted: Sequence[bytes]) -> Iterator[str]:
    bad = {number for number, intact in record.verify_looks() if not intact}
    stored = record.look_leaves
    bad |= {number for number, pair in enumerate(zip(stored, wanted, strict=False)) if pair[0] != pair[1]}
    if bad:
        yield f"second look {min(bad)} was altered"
    if len(stored) != len(wanted):
        yield f"there are {counted(len(stored), 'second look')}, and {len(wanted)} were sealed"
