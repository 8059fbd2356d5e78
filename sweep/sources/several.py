"""Opening several receivers that share one plan."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from operator import itemgetter
from typing import cast

from dsp.errors import ParameterError
from sweep.model import IqSource
from sweep.plan import SweepPlan, plan_hops
from sweep.sources.options import SourceOptions
from sweep.sources.rtltcp import parse_address
from sweep.sources.shared import Part, PartSource, SharedSource
from sweep.sources.sharing import Reach, share_hops

__all__ = ["open_several"]

_SIMULATED = "sim"


def open_several(
    texts: Sequence[str], options: Sequence[SourceOptions], opener: Callable[[str, SourceOptions], IqSource]
) -> SharedSource:
    """Open receivers that share the plan out.

    Parameters
    ----------
    texts : sequence of str
        Sources of known kinds, two or more.
    options : sequence of SourceOptions
        Of each; they differ in gain and frequency correction only.
    opener : callable
        Opens one of them.

    Raises
    ------
    ParameterError
        A receiver is named twice, a simulated one stands beside a real one, or the plan cannot be shared.
    DeviceError
        One of them is not there, or two dongles have one serial.
    """
    _check_distinct(texts)
    wanted = [replace(one, shared=True) for one in options]
    with contextlib.ExitStack() as opened:
        sources = _open_all(texts, wanted, opener, opened)
        plan = _common_plan(sources, wanted[0])
        parts = _parts(dict(zip(texts, sources, strict=True)), plan)
        opened.pop_all()
        return SharedSource(plan, parts)


def _check_distinct(texts: Sequence[str]) -> None:
    """Refuse what can be told before anything is opened."""
    kinds = [text.partition(":")[0] for text in texts]
    if _SIMULATED in kinds and any(kind != _SIMULATED for kind in kinds):
        raise ParameterError(
            f"sources {' and '.join(texts)} are a simulated room and a receiver, which make no one record; sweep each "
            "by itself"
        )
    seen: dict[object, str] = {}
    for text, kind in zip(texts, kinds, strict=True):
        identity = _identity(kind, text.partition(":")[2])
        if identity in seen:
            raise ParameterError(f"sources {seen[identity]} and {text} are one receiver; name each once")
        seen[identity] = text
    if kinds.count("rtlsdr") > 1:
        from sweep.sources.rtlsdr import check_serials  # noqa: PLC0415 - only where a dongle is used

        check_serials([text.partition(":")[2] for text, kind in zip(texts, kinds, strict=True) if kind == "rtlsdr"])


def _identity(kind: str, address: str) -> tuple[str, object]:
    """What two names of one receiver have in common."""
    if kind == "rtlsdr":
        from sweep.sources.rtlsdr import find_dongle  # noqa: PLC0415

        return kind, find_dongle(address)
    return kind, parse_address(address) if kind == "rtltcp" else address


def _open_all(
    texts: Sequence[str],
    options: Sequence[SourceOptions],
    opener: Callable[[str, SourceOptions], IqSource],
    opened: contextlib.ExitStack,
) -> list[PartSource]:
    """Open all at once, as each measures for seconds how long it takes to settle; simulated ones settle at once.

    Those read their scenes one after another: msgspec, which learns a type at its first use, crashes when two threads
    are the first.
    """
    n_threads = 1 if texts[0].startswith(f"{_SIMULATED}:") else len(texts)
    with ThreadPoolExecutor(n_threads, thread_name_prefix="open") as pool:
        futures = [pool.submit(opener, text, one) for text, one in zip(texts, options, strict=True)]
    errors = [error for future in futures if (error := future.exception()) is not None]
    sources = [cast("PartSource", future.result()) for future in futures if future.exception() is None]
    for source in sources:
        opened.callback(source.close)
    if errors:
        raise errors[0]
    for text, source in zip(texts, sources, strict=True):
        if not hasattr(source, "take_part"):
            raise ParameterError(f"source {text} cannot share a plan with others; sweep with it by itself")
    return sources


def _common_plan(sources: Sequence[PartSource], options: SourceOptions) -> SweepPlan:
    """One plan over all that is asked for, or that any of the receivers tunes."""
    first, gains = sources[0].plan, {source.plan.gain_db for source in sources}
    gain_db = gains.pop() if len(gains) == 1 else None
    for source in sources:
        one = source.plan
        if (one.sample_rate_hz, one.n_fft, one.n_frames) != (first.sample_rate_hz, first.n_fft, first.n_frames):
            raise ParameterError(
                f"the sources sample at {first.sample_rate_hz} and {one.sample_rate_hz} Hz with {first.n_fft} and "
                f"{one.n_fft} points; receivers that share a plan need the same"
            )
    if all(source.plan.hop_centers_hz == first.hop_centers_hz for source in sources):
        return replace(first, gain_db=gain_db)
    return plan_hops(
        options.ranges_hz or tuple(one for source in sources for one in source.tunes_hz),
        sample_rate_hz=first.sample_rate_hz,
        bin_width_hz=first.bin_width_hz,
        n_frames=first.n_frames,
        gain_db=gain_db,
    )


def _parts(sources: Mapping[str, PartSource], plan: SweepPlan) -> list[Part]:
    """Share the plan out by serial, so that the same receivers have the same parts at the next visit.

    What was measured of their settle times differs a little from visit to visit, and must not move the seam: a receiver
    counts as slower in steps of half the time of the quickest.
    """
    named = sorted(((source.instrument.serial or text, source) for text, source in sources.items()), key=itemgetter(0))
    names = [name for name, _ in named]
    if len(set(names)) < len(names):
        raise ParameterError(f"sources {' and '.join(sources)} have one serial; nobody could tell which heard what")
    hops_s = [(source.instrument.settle_s or 0.0) + source.plan.dwell_s for _, source in named]
    reaches = [
        Reach(tunes_hz=source.tunes_hz, hop_s=max(1.0, round(2 * hop_s / min(hops_s)) / 2))
        for (_, source), hop_s in zip(named, hops_s, strict=True)
    ]
    return [
        Part(source=source, name=name, hops=hops)
        for (name, source), hops in zip(named, share_hops(plan, reaches), strict=True)
    ]
