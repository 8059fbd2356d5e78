"""The simulated room as a source: ``sim:SCENE?visit=V&seed=S&bugs=B&pace=1``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from urllib.parse import parse_qsl

from dsp.errors import DeviceError, ParameterError
from sweep.looks import LookRequest
from sweep.model import HopGap, HopSamples, Instrument
from sweep.plan import SweepPlan, plan_hops
from sweep.scene.loading import TUNER_RANGE_HZ, load_scene, scene_ranges
from sweep.scene.room import Room, choose_bugs
from sweep.scene.schema import Scene
from sweep.sources.options import SourceOptions
from sweep.sources.tuners import tuner_of

__all__ = ["SimSource", "open_sim"]

_DAY_NS = 86_400_000_000_000
_RATES_HZ = (225_000, 3_200_000)
_GAINS_DB = (0.0, 50.0)
_MAX_PPM = 200
_MAX_HOP_SAMPLES = 1 << 21  # half of the noise table
_MAX_VISIT = 36_500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    """What the address says, in values."""

    scene: str
    visit: int = 0
    seed: int | None = None
    bugs: str = "none"
    pace: bool = False


def open_sim(address: str, options: SourceOptions) -> SimSource:
    """Open a simulated room.

    Parameters
    ----------
    address : str
        What follows ``sim:``: a shipped scene or a path ending in ``.toml``, and optionally a query with ``visit``
        (0, 1, 2 ... days after the start of the scene), ``seed``, ``bugs`` (``none``, ``all``, or names with commas)
        and ``pace=1`` (keep real time).
    options : SourceOptions
        Ranges, rate and gain default to the scene's.

    Raises
    ------
    ParameterError
        The address or an option is not one that a simulated room has.
    CaptureError
        The scene file cannot be read or is not valid.

    Examples
    --------
    >>> source = open_sim("meeting-room?bugs=nfm-bug", SourceOptions(ranges_hz=((433_000_000, 434_000_000),)))
    >>> [hop.raw.size for hop in source.blocks(1)]
    [62400]
    """
    parsed = _parse(address)
    _check_options(options)
    scene = load_scene(parsed.scene)
    plan = plan_hops(
        options.ranges_hz or scene_ranges(scene),
        **({} if options.sample_rate_hz is None else {"sample_rate_hz": options.sample_rate_hz}),
        bin_width_hz=options.bin_width_hz,
        n_frames=options.n_frames,
        gain_db=scene.receiver.gain_db if options.gain_db is None else options.gain_db,
    )
    if plan.hop_samples > _MAX_HOP_SAMPLES:
        raise ParameterError(
            f"a hop of {plan.hop_samples} samples is above the simulator's {_MAX_HOP_SAMPLES}; ask for fewer frames"
        )
    return SimSource(parsed, scene, plan, options)


class SimSource:
    """Samples of a simulated room; the same address and options give the same bytes and times."""

    def __init__(self, address: _Address, scene: Scene, plan: SweepPlan, options: SourceOptions) -> None:
        seed = scene.seed if address.seed is None else address.seed
        bugs = choose_bugs(scene, address.bugs)
        self._plan = plan
        self._hops: Sequence[int] = range(plan.n_hops)
        self._next_pass, self._next_ns = 0, 0
        self._pace = address.pace
        self._settle_s = scene.receiver.settle_s
        self._start_ns = round(scene.start.timestamp()) * 1_000_000_000 + address.visit * _DAY_NS
        self._make_room = partial(
            Room,
            scene,
            seed=seed,
            visit=address.visit,
            bugs=bugs,
            sample_rate_hz=plan.sample_rate_hz,
            ppm=options.ppm,
        )
        self._room = self._make_room(gain_db=plan.gain_db)
        self._instrument = Instrument(
            driver="sim",
            serial=f"SIM-{address.scene if not address.scene.endswith('.toml') else scene.title}",
            product="simulated room",
            tuner="R820T, simulated",
            gain_db=plan.gain_db,
            ppm=float(options.ppm),
            antenna=options.antenna or scene.receiver.antenna,
            sample_format="cu8",
            settle_s=self._settle_s,
            settle_measured=False,
            synthetic=True,
            notes=(f"scene {address.scene}, seed {seed}, visit {address.visit}, bugs {','.join(bugs) or 'none'}",),
        )

    @property
    def instrument(self) -> Instrument:
        """The simulated dongle."""
        return self._instrument

    @property
    def plan(self) -> SweepPlan:
        """The plan that ``blocks`` follows."""
        return self._plan

    @property
    def gains_db(self) -> tuple[float, ...]:
        """Those of an R820T; the simulated one takes any between."""
        return tuner_of(5).gains_db

    @property
    def room(self) -> Room:
        """The room behind the samples: what is really there."""
        return self._room

    @property
    def tunes_hz(self) -> tuple[tuple[int, int], ...]:
        """What the simulated tuner covers, in Hz."""
        return (TUNER_RANGE_HZ,)

    def take_part(self, plan: SweepPlan, hops: Sequence[int]) -> None:
        """From now on visit these hops of a plan, at this receiver's own gain; others visit the rest of them."""
        self._plan, self._hops = replace(plan, gain_db=self._plan.gain_db), hops

    def blocks(self, passes: int | None) -> Iterator[HopSamples | HopGap]:
        """Give hop after hop in simulated time; for ever when passes is None."""
        plan = self._plan
        step_ns = round((self._settle_s + plan.dwell_s) * 1e9)
        settle_ns = round(self._settle_s * 1e9)
        begun = time.monotonic()
        for pass_index in range(passes) if passes is not None else count():
            for number, hop_index in enumerate(self._hops):
                center_freq_hz = plan.hop_centers_hz[hop_index]
                elapsed_ns = (pass_index * len(self._hops) + number) * step_ns + settle_ns
                start_ns = self._start_ns + elapsed_ns
                self._next_pass, self._next_ns = pass_index + 1, elapsed_ns + step_ns
                raw = self._room.capture(
                    center_freq_hz, start_ns, plan.hop_samples, pass_index=pass_index, hop_index=hop_index
                )
                if self._pace:
                    ready = begun + (elapsed_ns - settle_ns + step_ns) / 1e9
                    time.sleep(max(0.0, ready - time.monotonic()))
                yield HopSamples(
                    raw=raw,
                    sample_format="cu8",
                    center_freq_hz=float(center_freq_hz),
                    sample_rate_hz=plan.sample_rate_hz,
                    gain_db=plan.gain_db,
                    utc_ns=start_ns,
                    monotonic_ns=elapsed_ns,
                    pass_index=pass_index,
                    hop_index=hop_index,
                )

    def look(self, request: LookRequest) -> HopSamples:
        """Look at another tuning, after the sweep in simulated time.

        A look has fading and noise of its own, as a pass of its own would have.

        Raises
        ------
        DeviceError
            The simulated tuner does not reach that far.
        """
        plan = self._plan
        if not TUNER_RANGE_HZ[0] <= request.center_freq_hz <= TUNER_RANGE_HZ[1]:
            raise DeviceError(f"the simulated tuner does not tune to {request.center_freq_hz} Hz; narrow the range")
        n_samples = min(request.n_dwells * plan.hop_samples, _MAX_HOP_SAMPLES)
        gain_db = min(max((plan.gain_db or 0.0) + request.gain_step_db, _GAINS_DB[0]), _GAINS_DB[1])
        room = self._room if gain_db == plan.gain_db else self._make_room(gain_db=gain_db)
        elapsed_ns, pass_index = self._next_ns, self._next_pass
        raw = room.capture(
            request.center_freq_hz, self._start_ns + elapsed_ns, n_samples, pass_index=pass_index, hop_index=0
        )
        length_ns = round((self._settle_s + n_samples / plan.sample_rate_hz) * 1e9)
        self._next_pass, self._next_ns = pass_index + 1, elapsed_ns + length_ns
        if self._pace:
            time.sleep(length_ns / 1e9)
        return HopSamples(
            raw=raw,
            sample_format="cu8",
            center_freq_hz=float(request.center_freq_hz),
            sample_rate_hz=plan.sample_rate_hz,
            gain_db=gain_db,
            utc_ns=self._start_ns + elapsed_ns,
            monotonic_ns=elapsed_ns,
            pass_index=pass_index,
            hop_index=0,
        )

    def close(self) -> None:
        """Nothing is held open."""


def _parse(address: str) -> _Address:
    scene, mark, query = address.partition("?")
    if not scene:
        raise ParameterError(f"source 'sim:{address}' names no scene; write for example sim:meeting-room")
    try:
        pairs = parse_qsl(query, strict_parsing=True, keep_blank_values=True, max_num_fields=10) if mark else []
    except ValueError as error:
        raise ParameterError(f"query {query!r} of sim:{scene} is not KEY=VALUE with & between") from error
    values = dict(pairs)
    allowed = ("visit", "seed", "bugs", "pace")
    for key in values:
        if key not in allowed:
            raise ParameterError(f"query key {key!r} of sim:{scene} is unknown; use {', '.join(allowed)}")
    if len(values) < len(pairs):
        raise ParameterError(f"query {query!r} of sim:{scene} says a key twice; say it once")
    return _Address(
        scene=scene,
        visit=_whole(values.get("visit", "0"), "visit", _MAX_VISIT),
        seed=_whole(values["seed"], "seed", 2**63 - 1) if "seed" in values else None,
        bugs=values.get("bugs", "none"),
        pace=bool(_whole(values.get("pace", "0"), "pace", 1)),
    )


def _whole(text: str, key: str, largest: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= largest):
        raise ParameterError(f"query {key}={text} is not a whole number from 0 to {largest}")
    return int(text)


def _check_options(options: SourceOptions) -> None:
    low, high = TUNER_RANGE_HZ
    for start, stop in options.ranges_hz:
        if start < low or stop > high:
            raise ParameterError(f"range {start}:{stop} Hz leaves the simulated tuner's 24M:1766M; narrow it")
    for value, bounds, name in (
        (options.sample_rate_hz, _RATES_HZ, "sample rate in Hz"),
        (options.gain_db, _GAINS_DB, "gain in dB"),
        (options.ppm, (-_MAX_PPM, _MAX_PPM), "ppm"),
    ):
        if value is not None and not bounds[0] <= value <= bounds[1]:
            raise ParameterError(f"{name} {value} is not within {bounds[0]} to {bounds[1]} of the simulated dongle")
    if options.sample_format not in (None, "cu8"):
        raise ParameterError(f"sample format {options.sample_format!r} is not cu8, which a dongle gives; leave it out")
    if options.center_freq_hz is not None:
        raise ParameterError(
            f"centre {options.center_freq_hz} Hz cannot be given to a simulated room; use --range START:STOP"
        )
