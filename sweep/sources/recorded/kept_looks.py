"""A recorded visit with the stays and second looks that were kept with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from dsp.errors import DeviceError, ParameterError
from sweep.looks import LookRequest
from sweep.model import HopGap, HopSamples
from sweep.sources.recorded.iq import HopAt, RecordedSource, Recording, hop_samples
from sweep.sources.recorded.swept import SweptRecording

__all__ = ["RevisitedSource", "source_of_visit"]


class RevisitedSource(RecordedSource):
    """Recordings of one visit that also give the stays and the second looks which the live sweep took.

    Parameters
    ----------
    recordings : sequence of Recording
        Of the passes.
    looks : sequence of SweptRecording
        Of the looks.
    camps : sequence of SweptRecording
        Of the stays, one for each sweep of the visit that camped; all have as many dwells.
    """

    def __init__(
        self, recordings: Sequence[Recording], looks: Sequence[SweptRecording], camps: Sequence[SweptRecording] = ()
    ) -> None:
        super().__init__(recordings)
        self._looks = tuple(looks)
        self._camps = tuple(camps)

    @property
    def n_stays(self) -> int:
        """Stays that were kept, and gaps in place of one."""
        return sum(len(camp.entries) for camp in self._camps)

    @property
    def stay_dwells(self) -> int:
        """Dwells of a whole stay; 0 where none was kept."""
        return max((camp.camp_dwells or 0 for camp in self._camps), default=0)

    def stays(self) -> Iterator[HopSamples | HopGap]:
        """Give the stays that were kept, in order.

        Raises
        ------
        CaptureError
            A file cannot be read any more.
        """
        for camp in self._camps:
            with camp.samples.reader() as read:
                for at in camp.entries:
                    yield at if isinstance(at, HopGap) else hop_samples(camp, at, read(at.start, at.count))

    def look(self, request: LookRequest) -> HopSamples | None:
        """Give the samples of a look that was kept; None where there is none.

        Raises
        ------
        DeviceError
            The receiver gave none in the live sweep either, with the reason of then.
        CaptureError
            The file cannot be read any more.
        """
        for recording in self._looks:
            for keys in recording.looks:
                if keys.request != request:
                    continue
                if keys.capture is None:
                    raise DeviceError(str(keys.failure))
                at = [entry for entry in recording.entries if isinstance(entry, HopAt)][keys.capture]
                return hop_samples(recording, at, _read(recording, at))
        return None


def source_of_visit(recordings: Sequence[Recording]) -> RecordedSource:
    """Make the source of one visit.

    Raises
    ------
    ParameterError
        There are stays or second looks only.
    """
    looks = [one for one in recordings if isinstance(one, SweptRecording) and one.looks]
    camps = [one for one in recordings if isinstance(one, SweptRecording) and one.camp_dwells]
    passes = [one for one in recordings if one not in looks and one not in camps]
    if not passes:
        path = (looks or camps)[0].samples.path
        raise ParameterError(f"{path} holds no pass, only what came after; give the recordings of the passes with it")
    return RevisitedSource(passes, looks, camps) if looks or camps else RecordedSource(passes)


def _read(recording: Recording, at: HopAt) -> NDArray[Any]:
    with recording.samples.reader() as read:
        return read(at.start, at.count)
