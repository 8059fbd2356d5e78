"""A recorded visit with the second looks that were kept with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from dsp.errors import DeviceError, ParameterError
from sweep.looks import LookRequest
from sweep.model import HopSamples
from sweep.sources.recorded.iq import HopAt, RecordedSource, Recording, hop_samples
from sweep.sources.recorded.swept import SweptRecording

__all__ = ["RevisitedSource", "source_of_visit"]


class RevisitedSource(RecordedSource):
    """Recordings of one visit that also give the second looks which the live sweep took.

    Parameters
    ----------
    recordings : sequence of Recording
        Of the passes.
    looks : sequence of SweptRecording
        Of the looks.
    """

    def __init__(self, recordings: Sequence[Recording], looks: Sequence[SweptRecording]) -> None:
        super().__init__(recordings)
        self._looks = tuple(looks)

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
        There are second looks only.
    """
    looks = [one for one in recordings if isinstance(one, SweptRecording) and one.looks]
    passes = [one for one in recordings if one not in looks]
    if not passes:
        raise ParameterError(
            f"{looks[0].samples.path} holds second looks only; give the recordings of the passes with it"
        )
    return RevisitedSource(passes, looks) if looks else RecordedSource(passes)


def _read(recording: Recording, at: HopAt) -> NDArray[Any]:
    with recording.samples.reader() as read:
        return read(at.start, at.count)
