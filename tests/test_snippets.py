"""IQ snippets through the real commands: valid, sealed, and the emitter is found again in each."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sigmf
from seals import IDENTITY
from test_recorded_csv import rtl_line
from virtual_dongle.scene import Emitter, Scene

from sweep.cli.main import main
from sweep.model import HopSamples
from sweep.plan import SweepPlan
from sweep.record import SweepRecord
from sweep.snippets import cutting, spool
from sweep.snippets.places import snippet_folder, snippet_parts, unfinished_folder
from sweep.snippets.spool import SampleSpool
from sweep.units import parse_utc
from sweep.workspace import Workspace

Plug = Callable[[Scene], dict[str, str]]

RATE, CENTER_HZ = 250_000, 433_900_000
DWELL_S = 0.013
SWEEP = ("sweep", "lab", "--source", "sim:meeting-room?bugs=ook-bug&pace=0", "--range", "433M:436M", "--passes", "3")


class Job:
    """A workspace, and commands run on it."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace.create(root)
        self.result = root / "result.json"

    def run(self, *words: str, code: Sequence[int] = (0, 3)) -> Any:
        argv = ["--workspace", str(self.workspace.root), *words, "--json", str(self.result)]
        assert main(argv) in code
        return json.loads(self.result.read_text())

    def replay(self, path: Path, *words: str) -> Any:
        return self.run("replay", "again", str(path), "--baseline", "none", *words)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "ws")


def emissions(document: Any) -> list[dict[str, Any]]:
    return [*document["findings"], *document["unconfirmed"]]


def path_of(document: Any, finding: dict[str, Any]) -> Path:
    return snippet_folder(Path(document["record"])) / finding["iq_snippet"]["file"]


def read(path: Path) -> sigmf.SigMFFile:
    recording = sigmf.sigmffile.fromfile(str(path))
    recording.validate()
    return recording


def assert_found_again(job: Job, document: Any) -> None:
    """Each snippet is valid SigMF, has the hashes that are told, and shows its emitter to the command that replays."""
    assert emissions(document)
    for finding in emissions(document):
        path = path_of(document, finding)
        for name, digest in snippet_parts(finding):
            assert hashlib.sha256((path.parent / name).read_bytes()).hexdigest() == digest
        (annotation,) = read(path).get_annotations()
        middle_hz = (annotation["core:freq_lower_edge"] + annotation["core:freq_upper_edge"]) / 2
        assert (annotation["core:label"], middle_hz) == (finding["id"], finding["center_freq_hz"])
        apart_hz = [abs(one["center_freq_hz"] - middle_hz) for one in emissions(job.replay(path))]
        assert min(apart_hz) <= max(finding["occupied_bw_hz"], 5000), finding


def noise(n_samples: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 0.02 * (rng.normal(size=n_samples) + 1j * rng.normal(size=n_samples))


def tone(n_samples: int, offset_hz: float, amplitude: float = 0.2) -> np.ndarray:
    return amplitude * np.exp(2j * np.pi * offset_hz / RATE * np.arange(n_samples))


def write_raw(path: Path, samples: np.ndarray, sample_format: str) -> Path:
    parts = np.column_stack([samples.real, samples.imag]).ravel()
    if sample_format == "cf32_le":
        stored = parts.astype("<f4")
    elif sample_format == "ci16_le":
        stored = np.rint(parts * 32767).astype("<i2")
    elif sample_format == "ci8":
        stored = np.rint(parts * 127).astype("i1")
    else:
        stored = np.rint(parts * 128 + 127.5).astype("u1")
    stored.tofile(path)
    return path


def recorded(job: Job, path: Path, sample_format: str) -> Any:
    words = ("--rate", str(RATE), "--center", str(CENTER_HZ), "--format", sample_format)
    return job.run("replay", "lab", str(path), *words)


# Sources


@pytest.mark.parametrize("keep", [(), ("--keep-iq",)], ids=["plain", "keep-iq"])
def test_a_dongle_hears_each_kind_of_emitter_again(job: Job, virtual_dongle: Plug, keep: tuple[str, ...]) -> None:
    kinds = (
        Emitter(kind="fm", freq_hz=431.2e6, level_dbfs=-40.0, bandwidth_hz=5e3),
        Emitter(kind="noise", freq_hz=433.3e6, level_dbfs=-35.0, bandwidth_hz=20e3, period_s=0.05, duty=0.1),
        Emitter(kind="noise", freq_hz=435.1e6, level_dbfs=-30.0, bandwidth_hz=600e3),
    )
    virtual_dongle(Scene(emitters=kinds, retune_s=0.0005, stale_samples=4000))
    document = job.run("sweep", "lab", "--source", "rtlsdr:0", "--range", "430M:436M", "--passes", "4", *keep)
    for emitter in kinds:
        assert any(abs(one["center_freq_hz"] - emitter.freq_hz) < 50e3 for one in emissions(document)), emitter
    assert_found_again(job, document)
    endings = {path.suffix for path in snippet_folder(Path(document["record"])).iterdir()}
    assert endings == {".sigmf-meta", ".sigmf-data"}
    if keep:
        again = job.run("replay", "lab", str(Path(document["record"]).with_suffix(".iq")))
        assert [one["iq_snippet"] for one in emissions(again)] == [one["iq_snippet"] for one in emissions(document)]


def test_hops_of_a_hopper_are_in_its_snippet(job: Job) -> None:
    ranges = ("--range", "423M:427M", "--passes", "8")
    document = job.run("sweep", "lab", "--source", "sim:meeting-room?bugs=hopper-bug&pace=0", *ranges)
    hoppers = [one for one in emissions(document) if one["signal_type"].startswith("frequency hopper")]
    assert hoppers
    for finding in hoppers:
        path = path_of(document, finding)
        read(path)
        reach_hz = finding["occupied_bw_hz"] / 2
        found = emissions(job.replay(path))
        assert any(abs(one["center_freq_hz"] - finding["center_freq_hz"]) <= reach_hz for one in found)


def test_the_stays_of_a_camp_give_snippets(job: Job) -> None:
    document = job.run(*SWEEP[:-1], "1", "--camp", "2s")
    heard = [one for one in emissions(document) if one["camp_hits"]]
    assert heard
    assert any(one["iq_snippet"]["duration_s"] > 0.1 for one in heard)
    assert_found_again(job, document)


@pytest.mark.parametrize("sample_format", ["cu8", "ci8", "ci16_le", "cf32_le"])
def test_a_recording_is_cut_in_its_own_format_where_the_burst_is(job: Job, tmp_path: Path, sample_format: str) -> None:
    samples = noise(3 * RATE)
    begin, length = round(1.83 * RATE), round(0.05 * RATE)
    samples[begin : begin + length] += tone(length, 40_000)
    document = recorded(job, write_raw(tmp_path / "a.raw", samples, sample_format), sample_format)
    (finding,) = emissions(document)
    path, told = path_of(document, finding), finding["iq_snippet"]
    recording = read(path)
    assert recording.get_global_info()["core:datatype"] == sample_format
    (annotation,) = recording.get_annotations()
    with SweepRecord.open(Path(document["record"])) as record:
        began_ns = next(iter(record.rows())).utc_ns
    away_ns = parse_utc(recording.get_captures()[0]["core:datetime"]) - began_ns
    half = 50  # of a transform
    assert abs(away_ns * RATE / 1e9 + annotation["core:sample_start"] - begin) <= half + 1
    assert abs(annotation["core:sample_count"] - length) <= 2 * half
    assert told["pre_trigger_s"] == pytest.approx(annotation["core:sample_start"] / RATE, abs=1e-6)
    assert told["pre_trigger_s"] > 0.02
    assert_found_again(job, document)


def test_a_wide_emitter_over_several_hops_has_one_snippet(job: Job, virtual_dongle: Plug) -> None:
    wide = Emitter(kind="noise", freq_hz=434e6, level_dbfs=-20.0, bandwidth_hz=1.8e6)
    virtual_dongle(Scene(emitters=(wide,), retune_s=0.0005, stale_samples=4000))
    document = job.run("sweep", "lab", "--source", "rtlsdr:0", "--range", "430M:438M", "--passes", "3")
    (finding,) = (one for one in emissions(document) if one["occupied_bw_hz"] > 1e6)
    path = path_of(document, finding)
    assert len({capture["core:frequency"] for capture in read(path).get_captures()}) == 1
    assert emissions(job.replay(path))


def test_spectra_of_another_tool_have_no_samples(job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    lines = []
    for second in range(20):
        levels = rng.normal(-60, 0.3, 256)
        levels[100] = -20.0
        lines.append(rtl_line(f"18:45:{second:02d}", 433_000_000, list(levels)))
    (tmp_path / "a.csv").write_text("".join(lines))
    document = job.run("replay", "lab", str(tmp_path / "a.csv"))
    assert document["iq_snippets"] == {"count": 0, "note": "the source gave spectra, no samples"}
    assert [one["iq_snippet"] for one in document["findings"]] == [None]
    assert "IQ snippets: none\n  the source gave spectra, no samples" in capsys.readouterr().out
    assert not snippet_folder(Path(document["record"])).exists()


def test_the_same_recording_gives_the_same_bytes(job: Job, tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.raw", noise(RATE) + tone(RATE, -30_000), "cu8")
    contents = []
    for _ in range(2):
        document = recorded(job, path, "cu8")
        folder = snippet_folder(Path(document["record"]))
        contents.append({one.name: one.read_bytes() for one in folder.iterdir()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 2


# Told, sealed, verified


def test_findings_and_report_name_the_files(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    document = job.run(*SWEEP)
    capsys.readouterr()
    told = job.run("findings", document["record"])
    assert told["findings"] == document["findings"]
    printed = capsys.readouterr().out
    assert "samples in F1.sigmf-meta" in " ".join(printed.split())
    assert f"IQ snippets: 1 in {snippet_folder(Path(document['record']))}" in printed
    assert main(["--workspace", str(job.workspace.root), "report", document["record"], "--html"]) == 0
    (page,) = job.workspace.reports.glob("*.html")
    assert f"F1.sigmf-meta in {Path(document['record']).stem}.snippets" in page.read_text()


@pytest.mark.parametrize("is_sealed", [False, True], ids=["unsealed", "sealed"])
def test_verify_names_a_snippet_that_was_changed_or_is_gone(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_sealed: bool
) -> None:
    if is_sealed:
        monkeypatch.setenv("QUIETROOM_KEYS", str(tmp_path / "keys"))
        assert main(["keys", "make", "--identity", IDENTITY]) == 0
    document = job.run(*SWEEP)
    data = path_of(document, document["findings"][0]).with_suffix(".sigmf-data")

    def claims() -> dict[str, tuple[str, str]]:
        told = job.run("verify", document["record"], code=range(4))
        return {one["claim"]: (one["state"], one["text"]) for one in told["claims"]}

    assert claims()["snippets"] == ("PASS", "2 files, as the judgement names them")
    whole = data.read_bytes()
    data.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert claims()["snippets"] == ("FAIL", "F1.sigmf-data was altered (1 of 2 files)")
    if is_sealed:
        state, text = claims()["samples"]
        assert state == "FAIL"
        assert "F1.sigmf-data was altered" in text
    data.unlink()
    state, text = claims()["snippets"]
    assert state == "NOT CHECKED"
    assert "1 of 2 files are not in" in text
    assert "F1.sigmf-data" in text


# What goes wrong


def test_a_full_disk_costs_the_snippets_and_not_the_sweep(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def refuse(descriptor: int, data: Any) -> int:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "F1.sigmf-data":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", refuse)
    document = job.run(*SWEEP)
    assert document["iq_snippets"] == {"count": 0, "note": "no samples were kept: No space left on device"}
    assert [one["iq_snippet"] for one in emissions(document)] == [None]
    assert [path.suffix for path in job.workspace.sweeps.iterdir()] == [".h5"]


def test_a_disk_with_little_room_is_left_to_the_record(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(job.workspace.root)
    monkeypatch.setattr(cutting, "_SPARE_BYTES", usage.free)
    document = job.run(*SWEEP)
    note = "no samples were kept: the disk has room for the record only"
    assert document["iq_snippets"] == {"count": 0, "note": note}


def test_a_spool_that_fails_costs_the_snippets_and_not_the_sweep(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, data: bytes, offset: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(spool, "write_at", refuse)
    document = job.run(*SWEEP)
    assert document["iq_snippets"]["note"].endswith("until the sweep was judged: No space left on device")
    assert document["findings"]


def test_findings_share_the_dwells_and_the_bytes(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--source", "sim:meeting-room?pace=0", "--range", "86M:92M", "--range", "433M:436M", "--passes", "4")
    monkeypatch.setattr(cutting, "_MAX_DWELLS", 2)
    whole = job.run("sweep", "lab", *words)
    assert {one["iq_snippet"]["duration_s"] for one in emissions(whole)} == {2 * DWELL_S}
    monkeypatch.setattr(cutting, "_MAX_BYTES", round(2 * DWELL_S * 2_400_000))
    few = job.run("sweep", "lab", *words)
    urgent, rest = emissions(few)[:1], emissions(few)[1:]
    assert {one["iq_snippet"]["duration_s"] for one in urgent} == {DWELL_S}
    assert rest
    assert all(one["iq_snippet"] is None for one in rest)
    assert few["iq_snippets"]["count"] == 1
    assert few["iq_snippets"]["note"].startswith(f"{len(rest)} of {len(rest) + 1} have none")


KILLED = """
import os, signal, sys
from sweep.cli.main import main
from sweep.iq_files import IqFiles
from sweep.journal import JournalWriter

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "writing":
    IqFiles.annotate = die
else:
    JournalWriter.append_finding = die
main(sys.argv[2:])
"""


@pytest.mark.parametrize("at", ["writing", "written"])
def test_killed_with_snippets_half_written_or_not_yet_named(job: Job, at: str) -> None:
    words = ["--workspace", str(job.workspace.root), *SWEEP]
    done = subprocess.run([sys.executable, "-c", KILLED, at, *words], check=False, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL
    (journal,) = job.workspace.sweeps.glob("*.journal")
    assert unfinished_folder(journal).exists() == (at == "writing")
    assert snippet_folder(journal).exists() == (at == "written")
    document = job.run("recover", str(journal))
    assert document["findings"]
    assert not unfinished_folder(journal).exists()
    if at == "writing":
        note = "the sweep was interrupted before the samples of its findings were cut"
        assert document["iq_snippets"] == {"count": 0, "note": note}
        assert [one["iq_snippet"] for one in emissions(document)] == [None]
    else:
        assert document["iq_snippets"] == {"count": 1, "note": None}
        assert_found_again(job, document)
    claims = job.run("verify", document["record"], code=range(4))["claims"]
    assert [one["state"] for one in claims if one["claim"] == "snippets"] == ["PASS"]


def test_a_snippet_of_another_finding_is_not_adopted(job: Job) -> None:
    words = ["--workspace", str(job.workspace.root), *SWEEP]
    subprocess.run([sys.executable, "-c", KILLED, "written", *words], check=False, capture_output=True, timeout=60)
    (journal,) = job.workspace.sweeps.glob("*.journal")
    meta = snippet_folder(journal) / "F1.sigmf-meta"
    meta.write_text(meta.read_text().replace('"core:freq_lower_edge": 434', '"core:freq_lower_edge": 433'))
    document = job.run("recover", str(journal))
    assert document["iq_snippets"]["count"] == 0


# Holding samples


PLAN = SweepPlan(
    sample_rate_hz=256_000, n_fft=64, n_frames=8, hop_bins=48, hop_centers_hz=(100_000_000, 100_192_000), gain_db=28.0
)


def hop(number: int, **changes: Any) -> HopSamples:
    fields: dict[str, Any] = {
        "raw": np.full(2 * PLAN.hop_samples, number, np.uint8),
        "sample_format": "cu8",
        "center_freq_hz": 1e8,
        "sample_rate_hz": PLAN.sample_rate_hz,
        "gain_db": None,
        "utc_ns": 10 + number,
        "monotonic_ns": 1000 * number,
        "pass_index": number // 2,
        "hop_index": number % 2,
    }
    return HopSamples(**(fields | changes))


def test_a_spool_holds_the_newest_and_leaves_nothing(tmp_path: Path) -> None:
    held = SampleSpool(tmp_path, PLAN, max_bytes=5 * 2 * PLAN.hop_samples)
    for number in range(12):
        held.add(hop(number))
    assert held.since_ns == 6001
    found = held.fetch({(number % 2, 1000 * number) for number in range(20)})
    assert sorted(one.utc_ns for one in found.values()) == [17, 18, 19, 20, 21]
    for one in found.values():
        assert (one.raw == one.utc_ns - 10).all()
        assert one.raw.size == 2 * PLAN.hop_samples
    assert list(tmp_path.iterdir()) == []
    held.close()
    assert not held.fetch({(1, 11_000)})


def test_a_spool_takes_a_stay_apart_and_no_broken_hop(tmp_path: Path) -> None:
    held = SampleSpool(tmp_path, PLAN)
    held.add(hop(1))
    held.add(hop(3, raw=np.zeros(10, np.uint8)))
    held.add(hop(5, raw=np.repeat(np.arange(3, dtype=np.uint8), 2 * PLAN.hop_samples)))
    dwell_ns = PLAN.hop_samples * 1_000_000_000 // PLAN.sample_rate_hz
    keys = {(1, 1000), (1, 3000), *((1, 5000 + number * dwell_ns) for number in range(3))}
    found = held.fetch(keys)
    assert set(found) == keys - {(1, 3000)}
    assert [int(found[1, 5000 + number * dwell_ns].raw[0]) for number in range(3)] == [0, 1, 2]
    held.close()


def test_a_spool_on_a_disk_that_is_not_there_says_so(tmp_path: Path) -> None:
    held = SampleSpool(tmp_path / "gone", PLAN)
    held.add(hop(1))
    assert held.failure is not None
    held.add(hop(2))
    held.close()
