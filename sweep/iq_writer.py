"""Keeping the raw samples of a sweep as SigMF: one recording a pass, one capture a hop."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from dsp.errors import ParameterError, RecordError
from dsp.samples import as_components
from sweep.iq_files import IqFiles, naming_iq
from sweep.journal.files import DiskFullError
from sweep.looks import Look, LookRequest
from sweep.model import HopGap, HopSamples, Instrument
from sweep.plan import SweepPlan
from sweep.sources.recorded.quietroom_keys import look_keys

__all__ = ["IqWriter"]


class IqWriter:
    """Write hops as they come; replayed, they are the same hops, bit for bit and nanosecond for nanosecond.

    ``pass-0000.sigmf-data`` grows while its pass lasts. ``pass-0000.sigmf-meta`` appears at once and whole, when the
    last hop of the pass is there, when the next pass begins, or at `close`. A pass that is all gap has metadata only.
    The stays of a sweep that camped are one more recording, ``camp``, second looks another, ``looks``.

    Parameters
    ----------
    folder : Path
        Made here; may exist if it is empty.
    plan : SweepPlan
    instrument : Instrument

    Raises
    ------
    RecordError
        The folder is not empty, or cannot be made.
    """

    def __init__(self, folder: Path, plan: SweepPlan, instrument: Instrument) -> None:
        with naming_iq(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise RecordError(f"{folder}: is not empty; samples are kept in a folder of their own, give another")
        self._folder = folder
        self._plan = plan
        self._instrument = instrument
        self._pass: IqFiles | None = None
        self._camp: IqFiles | None = None
        self._looks: IqFiles | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, hop: HopSamples | HopGap) -> None:
        """Append a hop or a gap.

        Parameters
        ----------
        hop : HopSamples or HopGap
            In the order in which the source gave them: pass after pass.

        Raises
        ------
        ParameterError
            It does not follow the plan, its format changes within a pass, or its pass is over.
        DiskFullError
            There is no room; nothing of it is kept, and it can be tried again.
        RecordError
            The disk refuses; the hops before this one are whole.
        """
        if isinstance(hop, HopSamples):
            as_components(hop.raw, hop.sample_format)
            if hop.sample_rate_hz != self._plan.sample_rate_hz:
                raise ParameterError(f"a hop at {hop.sample_rate_hz} S/s in a plan of {self._plan.sample_rate_hz} S/s")
        if self._pass is not None and hop.pass_index != self._pass.index:
            if hop.pass_index < self._pass.index:
                raise ParameterError(f"a hop of pass {hop.pass_index} came after pass {self._pass.index} had begun")
            self.close()
        if self._pass is None:
            stem = f"pass-{hop.pass_index:04d}"
            self._pass = IqFiles(self._folder, stem, hop.pass_index, self._plan, self._instrument)
        self._pass.append(hop)
        if hop.hop_index in (None, self._plan.n_hops - 1):
            with suppress(DiskFullError):  # the hop is kept; the metadata come when the next one does
                self._pass.save()

    def write_stay(self, stay: HopSamples | HopGap, n_dwells: int) -> None:
        """Append a stay, or the gap in its place, after all passes.

        Parameters
        ----------
        stay : HopSamples or HopGap
            All dwells in one piece.
        n_dwells : int
            Of a whole stay, the same for all.

        Raises
        ------
        ParameterError
            Its format is not that of the stays before it.
        RecordError
            The disk refuses; the stays before this one are whole.
        """
        if self._camp is None:
            self.close()
            self._camp = IqFiles(self._folder, "camp", 0, self._plan, self._instrument, camp_dwells=n_dwells)
        self._camp.append(stay)

    def write_look(self, samples: HopSamples, request: LookRequest) -> None:
        """Append a second look, after all passes and stays.

        Raises
        ------
        ParameterError
            Its format is not that of the looks before it.
        RecordError
            The disk refuses; the looks before this one are whole.
        """
        files = self._look_files()
        files.append(samples)
        files.add_look(look_keys(request, samples, None, files.n_captures - 1))

    def write_failed_look(self, look: Look) -> None:
        """Note a second look for which the receiver gave nothing."""
        self._look_files().add_look(look_keys(look.request, look, look.failure, None))

    def close(self) -> None:
        """Finish the current pass, however many hops it has, the stays, and the looks.

        Raises
        ------
        RecordError
            The disk refuses.
        """
        for files in (self._pass, self._camp, self._looks):
            if files is not None:
                files.close()
        self._pass = self._camp = self._looks = None

    def _look_files(self) -> IqFiles:
        if self._looks is None:
            self.close()
            self._looks = IqFiles(self._folder, "looks", 0, self._plan, self._instrument)
        return self._looks
