"""What is to be swept: hops on one global frequency grid.

Bin k lies at k x bin width. The bin width is a whole number of hertz, so that two sweeps on the same plan share
their bins exactly.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

import numpy as np
import rfc8785
from numpy.typing import NDArray

from dsp.errors import ParameterError

__all__ = ["Layout", "SweepPlan", "choose_fft", "plan_hops"]

DEFAULT_SAMPLE_RATE_HZ = 2_400_000
DEFAULT_BIN_WIDTH_HZ = 2500
DEFAULT_FRAMES = 64
_MIN_FFT, _MAX_FFT = 64, 16384


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """How the bins of every row of a record lie in frequency.

    A row is a flat array of ``n_hops * hop_bins`` bins; the bins of one hop are contiguous and were measured at
    the same time.

    Attributes
    ----------
    freq_hz : ndarray of float64, shape (n_bins,)
        Centre of each bin in Hz, ascending.
    bin_width_hz : float
    n_hops, hop_bins : int
    enbw_bins : float
        Equivalent noise bandwidth of a bin, in bins (1.5 for Hann; 1 where the maker of a spectrum did not say).
    n_averages : int or None
        Frames averaged into the mean of one row; None when the recording does not say.
    notes : tuple of str
        What was done to bring the data on this axis, for the record.
    """

    freq_hz: NDArray[np.float64]
    bin_width_hz: float
    n_hops: int
    hop_bins: int
    enbw_bins: float
    n_averages: int | None
    notes: tuple[str, ...] = ()

    @property
    def n_bins(self) -> int:
        """Bins in a row."""
        return int(self.freq_hz.size)

    def hop_slice(self, hop: int) -> slice:
        """Bins of one hop within a row."""
        return slice(hop * self.hop_bins, (hop + 1) * self.hop_bins)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """Hops, transform and dwell of a sweep of IQ samples.

    Attributes
    ----------
    sample_rate_hz : int
    n_fft : int
        Points of the transform; even; divides the sample rate.
    n_frames : int
        Half-overlapping frames of a hop.
    hop_bins : int
        Usable bins of a hop (the central part of the passband); even.
    hop_centers_hz : tuple of int
        Centre of each hop in Hz, ascending, each a multiple of the bin width.
    gain_db : float or None
        Fixed tuner gain; None in a recording that does not say.
    window : str
        Name of the taper, always ``"hann"`` for now.
    """

    sample_rate_hz: int
    n_fft: int
    n_frames: int
    hop_bins: int
    hop_centers_hz: tuple[int, ...]
    gain_db: float | None
    window: str = "hann"

    @property
    def bin_width_hz(self) -> int:
        """Bin width in Hz, a whole number."""
        return self.sample_rate_hz // self.n_fft

    @property
    def n_hops(self) -> int:
        """Number of hops of one pass."""
        return len(self.hop_centers_hz)

    @property
    def hop_samples(self) -> int:
        """IQ samples analysed in each hop: frames of n_fft at half overlap."""
        return (self.n_frames + 1) * (self.n_fft // 2)

    @property
    def dwell_s(self) -> float:
        """Seconds of signal in each hop."""
        return self.hop_samples / self.sample_rate_hz

    @property
    def digest(self) -> str:
        """SHA-256 of what makes bins and statistics comparable (not of the gain), hexadecimal."""
        fields = asdict(self)
        fields.pop("gain_db")
        fields["hop_centers_hz"] = list(self.hop_centers_hz)
        return hashlib.sha256(rfc8785.dumps(fields)).hexdigest()

    def layout(self) -> Layout:
        """Frequency layout of the rows that this plan gives."""
        width = self.bin_width_hz
        first = np.asarray(self.hop_centers_hz, np.int64) // width - self.hop_bins // 2
        bins = first[:, None] + np.arange(self.hop_bins, dtype=np.int64)[None, :]
        return Layout(
            freq_hz=(bins.ravel() * width).astype(np.float64),
            bin_width_hz=float(width),
            n_hops=self.n_hops,
            hop_bins=self.hop_bins,
            enbw_bins=1.5,
            n_averages=self.n_frames,
        )


def choose_fft(sample_rate_hz: int, bin_width_hz: int | None = None) -> int:
    """Choose the transform size so that the bin width is a whole number of hertz.

    Parameters
    ----------
    sample_rate_hz : int
        In Hz.
    bin_width_hz : int, optional
        Wanted bin width in Hz. By default the widest divisor of the rate, up to 2500 Hz, that leaves at least
        64 points: bursts of a millisecond want short frames, whatever the rate.

    Returns
    -------
    int
        Even number of points between 64 and 16384.

    Raises
    ------
    ParameterError
        No such size exists for this rate.

    Examples
    --------
    >>> choose_fft(2_400_000), choose_fft(250_000), choose_fft(48_000)
    (960, 100, 64)
    """
    if bin_width_hz is not None:
        n_fft, rest = divmod(sample_rate_hz, bin_width_hz) if bin_width_hz > 0 else (0, 1)
        if rest or n_fft % 2 or not _MIN_FFT <= n_fft <= _MAX_FFT:
            raise ParameterError(
                f"bin width {bin_width_hz} Hz does not divide {sample_rate_hz} Hz into an even number of "
                f"{_MIN_FFT} to {_MAX_FFT} points; leave it out to have one chosen"
            )
        return n_fft
    widest = min(DEFAULT_BIN_WIDTH_HZ, sample_rate_hz // _MIN_FFT)
    for width in range(widest, 0, -1):
        n_fft, rest = divmod(sample_rate_hz, width)
        if n_fft > _MAX_FFT:
            break
        if rest == 0 and n_fft % 2 == 0:
            return n_fft
    raise ParameterError(
        f"sample rate {sample_rate_hz} Hz has no bin width of whole hertz within {_MAX_FFT} points; "
        "give a rate with small factors, for example 2400000 or 250000"
    )


def plan_hops(
    ranges_hz: tuple[tuple[int, int], ...],
    *,
    sample_rate_hz: int = DEFAULT_SAMPLE_RATE_HZ,
    bin_width_hz: int | None = None,
    n_frames: int = DEFAULT_FRAMES,
    usable_fraction: float = 0.8,
    gain_db: float | None = None,
) -> SweepPlan:
    """Tile frequency ranges with hops on the global grid.

    Parameters
    ----------
    ranges_hz : tuple of (start, stop)
        In Hz; overlapping ranges are merged. The last hop of a range may reach beyond its stop.
    sample_rate_hz : int
    bin_width_hz : int, optional
    n_frames : int
        Half-overlapping frames of each hop, at least 2.
    usable_fraction : float
        Central part of the passband that is kept, above 0 and at most 1.
    gain_db : float, optional

    Raises
    ------
    ParameterError
        A range is empty, or a number is outside its bounds.

    Examples
    --------
    >>> plan = plan_hops(((24_000_000, 1_766_000_000),))
    >>> plan.n_hops, plan.hop_bins, plan.bin_width_hz
    (908, 768, 2500)
    """
    if not ranges_hz:
        raise ParameterError("a sweep needs at least one range; give --range START:STOP")
    if n_frames < 2:  # one frame has neither spread nor kurtosis
        raise ParameterError(f"a hop needs at least 2 frames, not {n_frames}")
    if not 0 < usable_fraction <= 1:
        raise ParameterError(f"usable fraction {usable_fraction} is not above 0 and at most 1")
    n_fft = choose_fft(sample_rate_hz, bin_width_hz)
    width = sample_rate_hz // n_fft
    hop_bins = int(n_fft * usable_fraction) // 2 * 2
    centers: list[int] = []
    for start, stop in _merge(ranges_hz):
        first = max(-(-start // width), (centers[-1] // width + hop_bins // 2) if centers else 0)
        n_hops = max(0, -(-(stop // width + 1 - first) // hop_bins))
        centers += [(first + hop_bins // 2 + k * hop_bins) * width for k in range(n_hops)]
    return SweepPlan(
        sample_rate_hz=sample_rate_hz,
        n_fft=n_fft,
        n_frames=n_frames,
        hop_bins=hop_bins,
        hop_centers_hz=tuple(centers),
        gain_db=gain_db,
    )


def _merge(ranges_hz: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(ranges_hz):
        if stop <= start or start < 0:
            raise ParameterError(f"range {start}:{stop} Hz is empty or negative; write the lower frequency first")
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged
