"""Cutting the snippets of a sweep that has just been judged, and saying in the judgement where they are."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsp.errors import QuietroomError
from sweep.iq_files import IqFiles
from sweep.journal.documents import one_line
from sweep.journal.files import sync_folder
from sweep.model import HopSamples, Instrument, Judgement, SweepRow
from sweep.plan import SweepPlan
from sweep.snippets.choosing import Choice, choose
from sweep.snippets.heard import bands_of, heard_in
from sweep.snippets.held import HeldSamples, key_of
from sweep.snippets.noting import with_snippets
from sweep.snippets.places import DATA, META, edges_hz, sha256_of, snippet_folder, unfinished_folder
from sweep.snippets.timing import OnAir, on_air
from sweep.units import iso_utc

__all__ = ["SnippetCutter"]

_MAX_DWELLS = 32
_MAX_BYTES = 32 << 20
"""Of samples, all snippets of a sweep together; of the findings that weigh least there is none then."""

_SPARE_BYTES = 16 << 20

Snippet = dict[str, Any]


class _NoRoomError(QuietroomError):
    """The disk has better use for its room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetCutter:
    """Cuts snippets; whatever hinders it is said in the judgement, and the sweep is closed without them.

    Attributes
    ----------
    record_path : Path
        Of the record that will be made.
    plan : SweepPlan
    instrument : Instrument
    held : HeldSamples
    room_bytes : int
        Room on the disk that closing the sweep needs.
    """

    record_path: Path
    plan: SweepPlan
    instrument: Instrument
    held: HeldSamples
    room_bytes: int

    def cut(
        self,
        judgement: Judgement,
        rows: Iterable[SweepRow],
        stays: Callable[[], Iterable[SweepRow]] | None,
    ) -> Judgement:
        """Write the snippets of a judgement.

        Parameters
        ----------
        judgement : Judgement
        rows : iterable of SweepRow
        stays : callable or None

        Returns
        -------
        Judgement
            With what each finding and each unconfirmed emission has: ``iq_snippet`` and, of all, ``iq_snippets``. The
            files are on the disk.
        """
        emissions = [one for one in judgement.emissions if one["kind"] != "missing"]
        if not emissions:
            return with_snippets(judgement, {})
        if self.held.failure is not None:
            return with_snippets(judgement, {}, self.held.failure)
        unfinished = unfinished_folder(self.record_path)
        try:
            choices = self._choices(emissions, judgement, rows, stays)
            made = self._write(unfinished, emissions, choices, _background_dbfs(judgement)) if choices else {}
        except (QuietroomError, OSError) as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            return with_snippets(judgement, {}, f"no samples were kept: {one_line(_reason(error))}")
        left_out = len(emissions) - len(made)
        note = f"{left_out} of {len(emissions)} have none: their samples were not held any more, or are too many"
        return with_snippets(judgement, made, note if left_out else None)

    def _choices(
        self,
        emissions: Sequence[Mapping[str, Any]],
        judgement: Judgement,
        rows: Iterable[SweepRow],
        stays: Callable[[], Iterable[SweepRow]] | None,
    ) -> dict[int, Choice]:
        """Dwells for each emission, the most urgent first, as far as the bytes go."""
        layout, dwell_bytes = self.plan.layout(), self._dwell_bytes()
        n_dwells = int(np.clip(_MAX_BYTES // (dwell_bytes * len(emissions)), 1, _MAX_DWELLS))
        urgent = emissions[: _MAX_BYTES // (dwell_bytes * n_dwells)]
        heard = heard_in(layout, bands_of(layout, urgent), _background_dbfs(judgement), rows, stays)
        choices = {}
        for number, finding in enumerate(urgent):
            choice = choose(
                finding,
                [one for one in heard if one.band.finding == number],
                since_ns=self.held.since_ns,
                n_dwells=n_dwells,
                dwell_s=self.plan.dwell_s,
            )
            if choice is not None:
                choices[number] = choice
        n_bytes = dwell_bytes * sum(len(choice.dwells) for choice in choices.values())
        if shutil.disk_usage(self.record_path.parent).free < n_bytes + self.room_bytes + _SPARE_BYTES:
            raise _NoRoomError("the disk has room for the record only")
        return choices

    def _dwell_bytes(self) -> int:
        return self.held.sample_bytes * self.plan.hop_samples

    def _write(
        self,
        unfinished: Path,
        emissions: Sequence[Mapping[str, Any]],
        choices: Mapping[int, Choice],
        background_dbfs: NDArray[np.float32],
    ) -> dict[str, Snippet]:
        """Write all snippets; their folder gets its name when all of them are on the disk."""
        held = self.held.fetch({key for choice in choices.values() for key in choice.dwells})
        unfinished.mkdir()
        made = {}
        for number, choice in choices.items():
            samples = [held[key] for key in choice.dwells if key in held]
            if choice.strongest in held:
                name = str(emissions[number]["id"])
                made[name] = self._write_one(unfinished, emissions[number], choice, samples, background_dbfs)
        if not made:
            unfinished.rmdir()
            return {}
        sync_folder(unfinished)
        unfinished.rename(snippet_folder(self.record_path))
        sync_folder(self.record_path.parent)
        return made

    def _write_one(
        self,
        folder: Path,
        finding: Mapping[str, Any],
        choice: Choice,
        samples: Sequence[HopSamples],
        background_dbfs: NDArray[np.float32],
    ) -> Snippet:
        band, name = choice.band, str(finding["id"])
        run = [dwell for dwell in samples if key_of(dwell) in choice.run]
        before = samples.index(run[0]) * self.plan.hop_samples
        bins = slice(*(bin - band.hop * self.plan.hop_bins for bin in (band.start, band.stop)))
        behind = float(np.power(10.0, background_dbfs[band.start : band.stop].astype(np.float64) / 10).sum())
        when = on_air(self.plan, run, bins, behind)
        alone = replace(self.plan, hop_centers_hz=(self.plan.hop_centers_hz[band.hop],))
        files = IqFiles(folder, name, 0, alone, self.instrument)
        try:
            for number, dwell in enumerate(samples):
                files.append(replace(dwell, pass_index=number, hop_index=0))
            files.annotate(_annotation(finding, self.plan, before, len(run), when))
            files.close()
        finally:
            files.give_back()
        return {
            "file": f"{name}{META}",
            "sha256": sha256_of(folder / f"{name}{META}"),
            "data_sha256": sha256_of(folder / f"{name}{DATA}"),
            "start": iso_utc(samples[0].utc_ns),
            "duration_s": round(len(samples) * self.plan.dwell_s, 6),
            "pre_trigger_s": round(when.start / self.plan.sample_rate_hz, 6) if when and when.is_burst else None,
        }


def _annotation(
    finding: Mapping[str, Any], plan: SweepPlan, before: int, n_dwells: int, when: OnAir | None
) -> dict[str, Any]:
    """What SigMF says of the finding: its frequencies, and when it was on the air as far as that could be told."""
    within = f"within {1e3 * plan.n_fft / 2 / plan.sample_rate_hz:.2g} ms at either end"
    if when is None:
        said = "heard in these samples; when within them could not be told"
    else:
        said = f"its strongest burst, {within}" if when.is_burst else "on the air for all of these samples"
    return {
        "core:sample_start": before + (when.start if when else 0),
        "core:sample_count": when.count if when else n_dwells * plan.hop_samples,
        **edges_hz(finding, plan.bin_width_hz),
        "core:label": str(finding["id"]),
        "core:comment": f"{finding.get('signal_type') or 'signal'}: {said}",
        "core:generator": "Quietroom",
    }


def _background_dbfs(judgement: Judgement) -> NDArray[np.float32]:
    """What was there before: the baseline where it is known, else the noise floor."""
    floor = judgement.noise_floor_dbfs
    return floor if judgement.baseline_dbfs is None else np.fmax(judgement.baseline_dbfs, floor)


def _reason(error: QuietroomError | OSError) -> str:
    """What happened, without the name of a folder that is gone."""
    cause = error if isinstance(error, OSError) else error.__cause__
    return str(cause.strerror or cause) if isinstance(cause, OSError) else str(error)
