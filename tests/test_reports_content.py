"""What a report takes from a record, and what it says of coverage."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_records import BUGS_HZ, DISPOSITION, document, finding, make_record

from reports.content import ReportContent, from_record
from reports.content.client import answer
from reports.content.coverage import heard_ranges, pooled, service_states
from reports.content.document import compose, draw
from reports.content.missed import missed
from reports.content.recommendations import to_do
from reports.content.wording import verdict


@pytest.fixture
def content(tmp_path: Path) -> ReportContent:
    with make_record(tmp_path) as record:
        return from_record(record, [DISPOSITION])


def test_evidence_is_that_of_the_file(tmp_path: Path) -> None:
    with make_record(tmp_path) as record:
        content = from_record(record)
        assert content.record_sha256 == hashlib.sha256((tmp_path / "sweep.h5").read_bytes()).hexdigest()
        assert content.last_leaf == record.leaves[-1].hex()
        assert content.n_rows == record.n_rows == 4


def test_tracks_follow_the_strongest_bin(content: ReportContent, tmp_path: Path) -> None:
    track = content.tracks["F1"]
    assert track.time_s.tolist() == pytest.approx([0, 27, 54, 81])
    assert track.mean_dbfs[0] == pytest.approx(-60, abs=3)
    assert track.mean_dbfs[1:] == pytest.approx([-40] * 3, abs=3)
    assert track.max_dbfs - track.mean_dbfs == pytest.approx([9] * 4, abs=1e-6)


def test_a_later_judgement_replaces_that_of_the_record(tmp_path: Path) -> None:
    with make_record(tmp_path) as record:
        later = replace(record.judgement, document=document(verdict="no_anomaly_detected", findings=[]))
        content = from_record(record, judgement=later)
    assert verdict(content.document) == "No anomalous emitter was detected."
    assert content.tracks == {}


def test_latest_decision_counts(content: ReportContent) -> None:
    changed = replace(content, dispositions=(DISPOSITION, {**DISPOSITION, "as": "suspicious"}))
    decided = changed.disposition_of("F1")
    assert decided is not None
    assert decided["as"] == "suspicious"
    assert content.disposition_of("F2") is None


def test_overloaded_ranges_do_not_count_as_heard(content: ReportContent) -> None:
    assert heard_ranges(content) == [(100_000_000, 101_917_500)]
    states = {service.name: state for service, state in service_states(content)}
    assert states["Licence-free 433 MHz"] == "overloaded"
    assert states["FM broadcast band, simple room transmitters"] == "in part"
    said = dict(missed(content))
    assert said["Overloaded range."].startswith("433 to 434.918 MHz. ")
    assert "1.917 MHz in all" in said["Frequencies that were not listened to."]


def test_without_coverage_the_bins_say_what_was_heard(content: ReportContent) -> None:
    bare = replace(content, document=document(coverage=[]))
    assert [round(stop - start) for start, stop in heard_ranges(bare)] == [1_920_000, 1_920_000]
    said = dict(missed(bare))
    assert said["Weak or distant transmitters."] == "The weakest level that would have been noticed was not measured."
    assert "%" not in said["Short transmissions."]


def test_pooled_coverage_keeps_the_worst(content: ReportContent) -> None:
    first = content.document["coverage"][0]
    second = {
        **first,
        "start_hz": first["stop_hz"] + 2500,
        "stop_hz": 103_837_500,
        "min_detectable_dbfs": -50.0,
        "noise_floor_dbfs": -62.0,
        "dwell_s": 0.026,
        "poi": {"100ms": 0.2, "1s": 0.3, "10s": None},
    }
    (line, _) = pooled(replace(content, document=document(coverage=[first, second, content.document["coverage"][1]])))
    assert (line["start_hz"], line["stop_hz"]) == (100_000_000, 103_837_500)
    assert line["min_detectable_dbfs"] == -50.0
    assert (line["lowest_floor_dbfs"], line["highest_floor_dbfs"]) == (-62.0, -60.25)
    assert line["dwell_s"] == 0.026
    assert line["poi"] == {"100ms": 0.11, "1s": 0.3, "10s": None}


def test_the_whole_band_fits_a_table(content: ReportContent) -> None:
    first = content.document["coverage"][0]
    hops = [
        {**first, "start_hz": 24_000_000 + k * 1_920_000, "stop_hz": 25_917_500 + k * 1_920_000} for k in range(908)
    ]
    lines = pooled(replace(content, document=document(coverage=hops)))
    assert len(lines) < 20
    assert lines[-1]["stop_hz"] == hops[-1]["stop_hz"]


def test_what_to_do_names_open_findings_only(tmp_path: Path) -> None:
    judged = document()
    with make_record(tmp_path, judged) as record:
        undecided, decided = from_record(record), from_record(record, [DISPOSITION])
    assert any("F1 (100.600 MHz) has been located" in step for step in to_do(undecided))
    assert not any("F1" in step for step in to_do(decided))


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        (["new"], "1 anomalous emitter was detected."),
        (["new", "raised", "changed"], "3 anomalous emitters were detected."),
        (["new", "missing"], "1 anomalous emitter was detected. 1 emitter of the baseline was not heard."),
        (["missing", "missing"], "2 emitters of the baseline were not heard."),
    ],
)
def test_verdict_counts_what_was_heard(kinds: list[str], sentence: str) -> None:
    findings = [{"kind": kind} for kind in kinds]
    assert verdict({"verdict": "anomalies", "baseline": "B1", "findings": findings}) == sentence


def test_without_a_baseline_nothing_is_called_anomalous() -> None:
    judged = {"verdict": "anomalies", "baseline": None, "findings": [{"kind": "new"}, {"kind": "new"}]}
    assert verdict(judged) == "2 emitters were heard. Without a baseline none can be called anomalous."


def test_remarks_of_the_judgement_are_shown(content: ReportContent) -> None:
    remarked = replace(content, document=document(reasons=["20 % of the hops were overloaded"]))
    assert answer(remarked)["remarks"] == ["20 % of the hops were overloaded."]


def test_nothing_of_the_record_is_changed(content: ReportContent) -> None:
    before = content.mean_dbfs.copy()
    k = int(np.searchsorted(content.layout.freq_hz, BUGS_HZ[0]))
    assert content.mean_dbfs[k] > content.mean_dbfs[k + 5] + 10
    missed(content)
    assert np.array_equal(before, content.mean_dbfs)


def test_spectra_of_another_program_are_not_called_dbfs(content: ReportContent) -> None:
    assert content.level_unit == "dBFS"
    foreign = replace(content, plan=None)
    report = json.dumps(compose(foreign)) + json.dumps(draw(foreign))
    assert "dBFS" not in report
    assert "-42.2 dB" in report
    assert "dB on the scale of the program that made the spectra" in report


BARE = "no baseline: every emitter heard is listed, whether it belongs to the room is not known"


def test_without_a_baseline_nobody_is_told_that_a_device_was_found(content: ReportContent) -> None:
    bare = replace(content, dispositions=(), document=document(baseline=None, reasons=[BARE]))
    steps = " ".join(to_do(bare))
    assert "Find out first whether F1 (100.600 MHz) belongs to the surroundings" in steps
    assert "confidential talk in the room until" not in steps
    assert answer(bare)["remarks"] == []


def test_that_there_is_no_baseline_is_no_cause_of_an_inconclusive_sweep() -> None:
    judged = {"verdict": "inconclusive", "baseline": None, "reasons": [BARE, "52 % of the hops were never measured"]}
    assert verdict(judged) == "Inconclusive: 52 % of the hops were never measured."
    nothing = {"verdict": "no_anomaly_detected", "baseline": None, "reasons": [BARE], "findings": []}
    assert verdict(nothing) == "No anomalous emitter was detected; none was heard, and no baseline was compared with."


def test_nothing_was_heard_where_no_pass_was_recorded(tmp_path: Path) -> None:
    with make_record(tmp_path, document(coverage=[], findings=[]), n_rows=0) as record:
        content = from_record(record)
    assert heard_ranges(content) == []
    assert dict(missed(content))["Frequencies that were not listened to."].startswith("Heard was nothing")
    json.dumps(compose(content))


def test_lacking_passes_and_gaps_are_counted_as_people_count(content: ReportContent) -> None:
    short = replace(content, start={**content.start, "passes_planned": 9})
    text = json.dumps(compose(short))
    assert "4 of 9 that were planned" in text
    assert f'"pass {content.gaps[0].pass_index + 1}"' in text


def test_findings_without_a_page_of_their_own_stand_in_a_table(content: ReportContent) -> None:
    many = [finding(f"F{n}", 100_100_000 + 1000 * n, "low") for n in range(1, 301)]
    report = compose(replace(content, document=document(findings=many, baseline=None)))
    text = json.dumps(report)
    assert "F24: 100.124 MHz" in text
    assert "F25: " not in text
    assert '"F300", "100.400 MHz", "12.5 kHz"' in text
    assert "All 300 findings, in short" in text
    assert '"Excess over the baseline", "16.8 dB"' in text


def test_what_was_not_measured_is_a_dash_in_the_table_of_coverage(content: ReportContent) -> None:
    entry = {**content.document["coverage"][0], "dwell_s": None, "noise_floor_dbfs": None, "min_detectable_dbfs": None}
    entry["poi"] = {"100ms": None, "1s": None, "10s": None}
    report = compose(replace(content, document=document(coverage=[entry])))
    assert json.dumps(["measured", *["\u2013"] * 6])[1:-1] in json.dumps(report)
