"""Packing what an interrupted sweep left in its journal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dsp.errors import QuietroomError
from sweep.health.losses import judged_instrument
from sweep.journal import JournalReader, exclusive
from sweep.journal.ballast import drop_ballast
from sweep.journal.documents import check_judgement
from sweep.journal.files import sync_file
from sweep.looks import StoredLooks
from sweep.model import Judge, Judgement
from sweep.packing import pack_locked
from sweep.snippets.adopting import adopt_snippets, discard_unfinished

__all__ = ["INTERRUPTED", "recover"]

INTERRUPTED = "the sweep was interrupted before it was closed; the record holds what was saved until then"
"""Reason that the judgement of a recovered sweep gives."""


def recover(journal_path: Path, judge: Judge | None = None) -> Path:
    """Make the record of a sweep that was interrupted; no row that was ever reported as saved is lost.

    Only an unfinished record at the very end of the journal is left out; the journal is then kept beside the record,
    so that nothing is thrown away. Otherwise it is removed once the record is in its place.

    Parameters
    ----------
    journal_path : Path
        Its record gets the same name, ending in ``.h5``.
    judge : Judge, optional
        Judges the rows of a sweep that was not closed. Without one the verdict is "inconclusive".

    Returns
    -------
    Path
        The record.

    Raises
    ------
    RecordError
        The journal is in use, damaged before its end, or holds no whole record; or another record has the name.
    """
    record_path = journal_path.with_suffix(".h5")
    with exclusive(journal_path):
        sync_file(journal_path)  # a power cut while it is packed must not leave less of it than the record has
        drop_ballast(journal_path)  # the record may need the room, and a journal that holds nothing needs none
        with JournalReader(journal_path) as journal:
            judgement = None
            if journal.judgement is None:
                judged = _judge_interrupted(journal, judge)
                judgement = adopt_snippets(judged, record_path, journal.layout.bin_width_hz)
            torn = journal.torn_tail_bytes > 0
        discard_unfinished(record_path)
        pack_locked(journal_path, record_path, recovered=True, judgement=judgement, keep_journal=torn)
    return record_path


def _judge_interrupted(journal: JournalReader, judge: Judge | None) -> Judgement:
    reasons = [INTERRUPTED]
    if judge is not None and journal.n_rows:
        try:
            n_hops = journal.layout.n_hops
            instrument = judged_instrument(journal.start, journal.gaps, n_hops, journal.n_rows, journal.notes)
            stays = (journal.stays,) if journal.n_stays else ()
            judged = judge(journal.layout, journal.rows, instrument, StoredLooks(journal.looks), *stays)
            check_judgement(judged.document)
        except QuietroomError as error:  # the rows must be saved even if they cannot be judged
            reasons.append(f"the rows could not be judged: {error}")
        else:
            return _add_reason(judged)
    document: dict[str, Any] = {
        "verdict": "inconclusive",
        "reasons": reasons,
        "baseline": None,
        "false_alarms_per_sweep": None,
        "coverage": [],
        "findings": journal.findings,
        "unconfirmed": [],
        "rejected_candidates": [],
    }
    unknown = np.full(journal.layout.n_bins, np.nan, np.float32)
    return Judgement(document=document, noise_floor_dbfs=unknown)


def _add_reason(judged: Judgement) -> Judgement:
    """What was found stays found; that nothing was found says little of half a sweep."""
    verdict = "anomalies" if judged.document["verdict"] == "anomalies" else "inconclusive"
    document = {**judged.document, "verdict": verdict, "reasons": [INTERRUPTED, *judged.document["reasons"]]}
    return replace(judged, document=document)
