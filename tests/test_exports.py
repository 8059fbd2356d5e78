"""Records in the formats of other tools, each held against the validator of its own ecosystem."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import sigmf
from cefevent.extensions import extension_dictionary
from findings_schema import findings_validator
from hypothesis import given, settings
from hypothesis import strategies as st
from ocsf_schema import SCHEMA, OcsfSchema
from report_records import BUGS_HZ, document, finding, make_record, unmeasured

from baselines.disposition import mark
from dsp.errors import ParameterError, RecordError
from reports.exports.cef import cef_lines
from reports.exports.formats import FORMATS, SUFFIXES, exported
from reports.exports.rtl_power import rtl_power_csv
from reports.exports.source import ExportSource
from reports.exports.writing import write_exports
from sweep.cli.main import main
from sweep.model import HOP_MEASURED, HOP_OVERLOADED
from sweep.record import SweepRecord
from sweep.sources.options import SourceOptions
from sweep.sources.recorded.csv_spectra import CsvSource, open_csv
from sweep.workspace import Workspace

HOSTILE = "a|b=c\\d\n\r=cmd, 'x' \"y\" Zürich 会議 </script>"
TIME = "2026-11-19T06:00:00Z"


def decided(name: str, word: str, time: str = TIME) -> dict[str, Any]:
    return {"finding": name, "as": word, "reason": f"because | = {word}", "by": "A. Technician", "time": time}


def rich() -> dict[str, Any]:
    """A judgement with everything that a format must tell apart."""
    return document(
        findings=[
            finding("F1", BUGS_HZ[0], "high", signal_type="continuous narrowband"),
            unmeasured("F2", BUGS_HZ[1]),
            finding("F3", 100_700_000, "medium", signal_type="intermittent wideband"),
            finding("F4", 100_800_000, "low", kind="missing", hits=0, first_seen=None, last_seen=None, power_dbfs=None),
            finding("F5", 100_900_000, "high", kind="raised", signal_type=HOSTILE, allocation=HOSTILE),
            finding("F6", 433_100_000, "info", known_as="door opener"),
        ],
        unconfirmed=[finding("U1", 433_200_000, "low", hits=1)],
        reasons=["hop 2 was overloaded | = "],
        not_heard=["above 1766 MHz"],
    )


DECISIONS = [
    decided("F1", "suspicious", "2026-11-19T05:00:00Z"),
    decided("F1", "device"),
    decided("F3", "explained"),
    decided("F5", "suspicious"),
]
CASES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]] = {
    "rich": (rich(), DECISIONS, {"flags": (HOP_MEASURED, HOP_MEASURED | HOP_OVERLOADED)}),
    "exercise": (rich(), DECISIONS, {"synthetic": True}),
    "hostile": (rich(), [], {"room": HOSTILE, "position": None}),
    "alone": (rich() | {"baseline": None}, [decided("F5", "suspicious")], {}),
    "quiet": (document(verdict="no_anomaly_detected", findings=[]), [], {}),
    "inconclusive": (document(verdict="inconclusive", findings=[], baseline=None, coverage=[]), [], {}),
}


@pytest.fixture(scope="module")
def source_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ExportSource]]:
    """A record of each case, open."""
    made: dict[str, tuple[SweepRecord, ExportSource]] = {}

    def give(case: str) -> ExportSource:
        if case not in made:
            judged, decisions, start = CASES[case]
            record = make_record(tmp_path_factory.mktemp(case), judged, **start)
            made[case] = record, ExportSource(record, decisions)
        return made[case][1]

    yield give
    for record, _ in made.values():
        record.close()


Sources = Callable[[str], ExportSource]


def text(source: ExportSource, name: str) -> str:
    return b"".join(exported(name, source)).decode("utf-8")


def read(source: ExportSource, name: str) -> Any:
    return json.loads(text(source, name))


# All formats


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", FORMATS)
def test_the_same_record_gives_the_same_bytes(source_of: Sources, case: str, name: str) -> None:
    one = source_of(case)
    again = ExportSource(one.record, CASES[case][1])
    assert b"".join(exported(name, one)) == b"".join(exported(name, again))


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("json", "csv", "rtl_power")])
def test_an_exercise_is_marked_and_a_real_sweep_is_not(source_of: Sources, name: str) -> None:
    is_marked = {
        case: b"exercise" in b"".join(exported(name, source_of(case))).lower() for case in ("quiet", "exercise")
    }
    if name in ("ocsf", "sigmf", "stix"):  # these say whether, in a field of that name
        assert is_marked["exercise"]
        assert "EXERCISE" not in b"".join(exported(name, source_of("quiet"))).decode("utf-8", errors="replace")
    else:
        assert is_marked == {"quiet": False, "exercise": True}


def test_findings_and_csv_mark_an_exercise(source_of: Sources) -> None:
    assert read(source_of("exercise"), "json")["exercise"] is True
    assert read(source_of("rich"), "json")["exercise"] is False
    for case, word in (("exercise", "yes"), ("rich", "no")):
        lines = list(csv.DictReader(io.StringIO(text(source_of(case), "csv"), newline=""), strict=True))
        assert [line["exercise"] for line in lines] == 7 * [word]


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("rtl_power", "sigmf")])
def test_no_format_claims_more_than_was_measured(source_of: Sources, name: str) -> None:
    for case in CASES:
        told = text(source_of(case), name)
        assert "dBm" not in told.replace("not dBm", "").replace("power_dbm", "")
        assert not re.search(r"\b(is|was) (clean|secure)\b|NaN|Infinity", told)


@pytest.mark.parametrize("name", ["ocsf", "cef", "stix", "oscal", "sigmf", "json"])
def test_frequencies_are_whole_hertz(source_of: Sources, name: str) -> None:
    data = b"".join(exported(name, source_of("rich"))).decode("utf-8", errors="replace")
    assert "100600000" in data
    assert not re.search(r"\d{8,}\.\d", data)


# JSON


@pytest.mark.parametrize("case", CASES)
def test_findings_follow_the_published_schema(source_of: Sources, case: str) -> None:
    findings_validator().validate(read(source_of(case), "json"))


@pytest.mark.parametrize(
    "harm",
    [
        {"schema": "quietroom.findings/2"},
        {"verdict": "clean"},
        {"findings": [{"id": "F1"}]},
        {"findings": [finding("F1", 1, "high") | {"center_freq_hz": 433.92e6 + 0.5}]},
        {"findings": [finding("F1", 1, "high", hits=-1)]},
        {"coverage": [{"state": "measured"}]},
    ],
)
def test_the_schema_refuses_what_is_none(source_of: Sources, harm: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        findings_validator().validate(read(source_of("rich"), "json") | harm)


# OCSF


@pytest.fixture(scope="module")
def ocsf() -> OcsfSchema:
    if not SCHEMA.is_file():
        pytest.skip(f"{SCHEMA.name} is not beside the repository")
    return OcsfSchema(SCHEMA)


@pytest.mark.parametrize("case", CASES)
def test_ocsf_events_are_of_their_classes(source_of: Sources, ocsf: OcsfSchema, case: str) -> None:
    for event in read(source_of(case), "ocsf"):
        assert ocsf.faults(event) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda event: event.pop("finding_info"), ".finding_info: required"),
        (lambda event: event.update(severity_id=7), ".severity_id: 7 is not one of"),
        (lambda event: event.update(severity="Low"), "beside"),
        (lambda event: event.update(time="now"), ".time: 'now' is no timestamp_t"),
        (lambda event: event.update(colour="red"), ".colour: not an attribute"),
        (lambda event: event["metadata"].pop("product"), ".metadata.product: required"),
        (lambda event: event["anomaly_analyses"][0].pop("anomalies"), ".anomaly_analyses.anomalies: required"),
        (
            lambda event: event["anomaly_analyses"][0]["anomalies"][0]["observations"][0].update(value=1),
            "is no string_t",
        ),
        (lambda event: event.update(evidences=[{"name": "x"}]), "at_least_one"),
        (lambda event: event["metadata"].update(profiles=[]), ".verdict_id: not an attribute"),
    ],
)
def test_the_validator_of_ocsf_sees_faults(
    source_of: Sources, ocsf: OcsfSchema, change: Callable[[dict[str, Any]], object], fault: str
) -> None:
    event = next(event for event in read(source_of("rich"), "ocsf") if event["class_uid"] == 2004)
    change(event)
    assert any(fault in told for told in ocsf.faults(event)), ocsf.faults(event)


def test_ocsf_carries_decisions_and_alerts_only_what_is_open(source_of: Sources) -> None:
    sweep, *events = read(source_of("rich"), "ocsf")
    told = {event["unmapped"]["quietroom"]["finding"]: event for event in events}
    assert sweep["class_uid"] == 6007
    assert {name: (event["status"], event["verdict"], event["is_alert"]) for name, event in told.items()} == {
        "F1": ("In Progress", "True Positive", True),
        "F2": ("New", "Unknown", True),
        "F3": ("Suppressed", "Benign", False),
        "F4": ("New", "Unknown", False),
        "F5": ("In Progress", "Suspicious", True),
        "F6": ("Suppressed", "Benign", False),
        "U1": ("New", "Insufficient Data", False),
    }
    assert told["F1"]["comment"] == "because | = device"
    assert "Overloaded: 433 to 434.918 MHz" in sweep["unmapped"]["quietroom"]["could_have_missed"]
    exercise = read(source_of("exercise"), "ocsf")
    assert {(one["status"], one["severity"]) for one in exercise} == {("Exercise", "Informational")}
    assert {one["verdict"] for one in exercise[1:]} == {"Test"}
    assert not any(one["is_alert"] for one in exercise[1:])
    assert all(one["metadata"]["labels"] == ["EXERCISE"] for one in exercise)
    (inconclusive,) = read(source_of("inconclusive"), "ocsf")
    assert (inconclusive["status"], inconclusive["status_code"]) == ("Failure", "inconclusive")


def test_without_a_baseline_nothing_is_an_alert_but_what_was_decided(source_of: Sources) -> None:
    _, *events = read(source_of("alone"), "ocsf")
    told = {event["unmapped"]["quietroom"]["finding"]: event for event in events}
    assert {name for name, event in told.items() if event["is_alert"]} == {"F5"}
    assert {name for name, one in told.items() if one["unmapped"]["quietroom"]["attack_hypotheses"]} <= {"F5"}
    assert "without a baseline to compare with" in told["F1"]["finding_info"]["title"]
    assert "baselines" not in told["F1"]["anomaly_analyses"][0]


def test_a_decision_changes_the_event_and_not_the_finding(source_of: Sources) -> None:
    record = source_of("rich").record
    before, after = (read(ExportSource(record, told), "ocsf")[1] for told in ([], DECISIONS))
    assert before["finding_info"]["uid"] == after["finding_info"]["uid"]
    assert before["metadata"]["uid"] != after["metadata"]["uid"]
    assert (before["activity_name"], after["activity_name"]) == ("Create", "Update")


def test_techniques_are_hypotheses_and_only_of_what_is_not_explained(source_of: Sources) -> None:
    held = {
        event["unmapped"]["quietroom"]["finding"]: event["unmapped"]["quietroom"]["attack_hypotheses"]
        for event in read(source_of("rich"), "ocsf")[1:]
    }
    assert [line.split()[0] for line in held["F1"]] == ["T1200", "T1123"]
    assert "confidence medium" in held["F1"][0]
    assert "confidence low" in held["F1"][1]
    assert all("hypothesis, confidence" in line for lines in held.values() for line in lines)
    assert all(held[name] == [] for name in ("F3", "F4", "F6", "U1"))
    assert "attacks" not in text(source_of("rich"), "ocsf")
    assert "T1200" not in text(source_of("exercise"), "ocsf")


# CEF

_PAIR = re.compile(r"(\w+)=((?:[^=\\]|\\[=\\nr])*?)(?= \w+=|$)")


def parse_cef(line: str) -> tuple[list[str], dict[str, str]]:
    """Read an event as the standard says, and refuse all else."""
    fields = re.findall(r"((?:[^|\\]|\\[|\\])*)\|", line)[:7]
    assert len(fields) == 7
    extension = line[sum(len(field) + 1 for field in fields) :]
    pairs = _PAIR.findall(extension)
    assert " ".join(f"{key}={value}" for key, value in pairs) == extension
    plain = [re.sub(r"\\([|\\])", r"\1", field) for field in fields]
    unescaped = {"\\n": "\n", "\\r": "\r", "\\=": "=", "\\\\": "\\"}
    return plain, {key: re.sub(r"\\[nr=\\]", lambda match: unescaped[match[0]], value) for key, value in pairs}


@pytest.mark.parametrize("case", CASES)
def test_cef_events_have_known_keys_of_their_types(source_of: Sources, case: str) -> None:
    for line in text(source_of(case), "cef").splitlines():
        (version, vendor, _, _, kind, name, severity), values = parse_cef(line)
        assert (version, vendor) == ("CEF:0", "Quietroom")
        assert kind
        assert name
        assert 0 <= int(severity) <= 10
        for key, value in values.items():
            told = extension_dictionary[key]  # the dictionary of ArcSight, with types and lengths
            assert len(value) <= (told["length"] or len(value)), key
            if told["data_type"] != ["String"]:
                float(value)
        assert {key.removesuffix("Label") for key in values if key.endswith("Label")} <= values.keys()


def test_cef_carries_decisions_and_an_exercise_has_no_severity(source_of: Sources) -> None:
    events = [parse_cef(line) for line in text(source_of("rich"), "cef").splitlines()]
    told = {values["flexString1"]: (int(head[6]), values) for head, values in events[1:]}
    assert {name: values["act"] for name, (_, values) in told.items()} == {
        "F1": "device",
        "F2": "open",
        "F3": "explained",
        "F4": "open",
        "F5": "suspicious",
        "F6": "known",
        "U1": "open",
    }
    assert told["F1"][0] == 8
    assert told["F3"][0] == 1
    assert told["F5"][1]["cs3"] == HOSTILE.replace("\n\r", "\n\n").replace("\r", "\n")
    assert "because | = device" in told["F1"][1]["reason"]
    assert "Overloaded: 433 to 434.918 MHz" in events[0][1]["cs6"]
    exercise = [parse_cef(line) for line in text(source_of("exercise"), "cef").splitlines()]
    assert {(head[6], values["cat"]) for head, values in exercise} == {("0", "EXERCISE")}
    assert all(head[5].startswith("EXERCISE: ") for head, _ in exercise)


@settings(deadline=None, max_examples=40)
@given(room=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_no_room_name_breaks_a_line_of_cef(source_of: Sources, room: str) -> None:
    source = source_of("quiet")
    hostile = ExportSource(source.record)
    hostile.document = {**hostile.document, "room": room}
    (line,) = (piece.decode() for piece in cef_lines(hostile))
    assert line.count("\n") == 1
    _, values = parse_cef(line.removesuffix("\n"))
    assert "".join(values["cs1"].split()) == "".join(room.split())


# STIX


@pytest.mark.parametrize("case", CASES)
def test_stix_bundles_are_valid(source_of: Sources, case: str) -> None:
    stix2validator = pytest.importorskip("stix2validator")
    # 103 asks for random identifiers: ours must be the same at every export.
    options = stix2validator.ValidationOptions(version="2.1", enforce_refs=True, disabled=["103"])
    results = stix2validator.validate_string(text(source_of(case), "stix"), options)
    assert results.is_valid, results.errors
    assert [str(warning) for warning in results.warnings] == []


def test_stix_has_an_indicator_only_of_what_was_decided_to_be_a_device(source_of: Sources) -> None:
    kinds: dict[str, list[str]] = {}
    for case in CASES:
        kinds[case] = [one["type"] for one in read(source_of(case), "stix")["objects"]]
    assert kinds["rich"].count("indicator") == kinds["rich"].count("sighting") == 1
    for case in ("exercise", "hostile", "alone", "quiet", "inconclusive"):
        assert not {"indicator", "sighting", "malware", "attack-pattern"} & set(kinds[case])
    assert kinds["rich"].count("radio-emission") == 7
    assert kinds["rich"].count("observed-data") == 6  # what was missing was not observed
    for one in read(source_of("exercise"), "stix")["objects"]:
        assert (
            one.get("labels") == ["exercise"]
            or one.get("is_exercise")
            or one["type"] in ("identity", "extension-definition")
        )


def test_stix_keeps_identifiers_when_somebody_decides(source_of: Sources) -> None:
    record = source_of("rich").record
    before, after = (
        {one["id"]: one for one in read(ExportSource(record, told), "stix")["objects"]} for told in ([], DECISIONS)
    )
    gone = [before[name]["abstract"] for name in before.keys() - after.keys()]
    assert all(abstract.startswith("Hypothesis") for abstract in gone)  # of what turned out to be explained
    report = next(one for one in after.values() if one["type"] == "report")
    assert report["modified"] > before[report["id"]]["modified"]
    notes = [one for one in after.values() if one["type"] == "note" and one["abstract"].startswith("Disposition of F1")]
    assert [one["content"] for one in notes] == ["because | = suspicious", "because | = device"]


# OSCAL


@pytest.mark.parametrize("case", CASES)
def test_oscal_results_are_read_by_trestle(source_of: Sources, case: str) -> None:
    results = pytest.importorskip("trestle.oscal.assessment_results")
    told = read(source_of(case), "oscal")["assessment-results"]
    model = results.AssessmentResults(**told)
    (result,) = model.results
    (selection,) = result.reviewed_controls.control_selections
    assert [control.control_id for control in selection.include_controls] == ["ra-6"]
    uuids = re.findall(r'"uuid": "([^"]+)"', text(source_of(case), "oscal"))
    assert len(set(uuids)) == len(uuids)
    assert told["import-ap"]["href"] == f"#{told['back-matter']['resources'][0]['uuid']}"


def test_oscal_leaves_the_finding_to_the_assessor(source_of: Sources) -> None:
    results = {case: read(source_of(case), "oscal")["assessment-results"]["results"][0] for case in CASES}
    assert all("findings" not in result for result in results.values())
    assert [risk["status"] for risk in results["rich"]["risks"]] == ["open", "investigating"]
    assert "risks" not in results["exercise"]
    assert {"name": "marking", "ns": "urn:quietroom:oscal", "value": "EXERCISE"} in results["exercise"]["props"]


# SigMF


def unpack(source: ExportSource, folder: Path) -> Path:
    data = b"".join(exported("sigmf", source))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert all(member.mtime == 0 and member.isfile() for member in archive.getmembers())
        archive.extractall(folder, filter="data")
    return folder / source.record.path.stem


def test_sigmf_annotations_are_read_back(source_of: Sources, tmp_path: Path) -> None:
    source = source_of("rich")
    folder = unpack(source, tmp_path)
    sweep = sigmf.fromfile(folder / "sweep.sigmf-meta")
    sweep.validate()
    told = {one["core:label"]: one for one in sweep.get_annotations()}
    assert set(told) == {"F1", "F2", "F3", "F4", "F5", "F6", "U1"}
    assert told["F1"]["core:freq_lower_edge"] == BUGS_HZ[0] - 6_250
    assert told["F1"]["quietroom:disposition"] == "device"
    assert "because | = device" in told["F1"]["core:comment"]
    captures, layout = sweep.get_captures(), source.record.layout
    assert [one["core:sample_start"] for one in captures] == list(range(0, 4 * layout.n_bins, layout.hop_bins))
    assert [one["ntia-sensor:overload"] for one in captures] == 4 * [False, True]
    (product,) = sweep.get_global_info()["ntia-algorithm:data_products"]
    for capture, start_hz in zip(captures, product["x_start"], strict=True):
        assert layout.freq_hz[capture["core:sample_start"] % layout.n_bins] == start_hz
    collection = json.loads((folder / f"{folder.name}.sigmf-collection").read_text(encoding="utf-8"))
    read_back = sigmf.SigMFCollection(metadata=collection, base_path=folder)
    read_back.verify_stream_hashes()
    assert read_back.get_stream_names() == ["sweep"]


def test_sigmf_hands_on_snippets_and_refuses_altered_ones(tmp_path: Path) -> None:
    samples = bytes(range(256)) * 8
    meta = sigmf.SigMFFile(
        metadata={
            "global": {
                "core:datatype": "cu8",
                "core:sample_rate": 2_400_000,
                "core:sha512": hashlib.sha512(samples).hexdigest(),
                "core:version": "1.2.6",
            },
            "captures": [{"core:sample_start": 0, "core:frequency": 100_600_000.0}],
            "annotations": [{"core:sample_start": 8, "core:sample_count": 100, "core:label": "F1"}],
        }
    )
    (folder := tmp_path / "sweep.snippets").mkdir()
    (folder / "F1.sigmf-data").write_bytes(samples)
    (folder / "F1.sigmf-meta").write_text(meta.dumps(), encoding="utf-8")
    named = {
        "file": "F1.sigmf-meta",
        "sha256": hashlib.sha256((folder / "F1.sigmf-meta").read_bytes()).hexdigest(),
        "data_sha256": hashlib.sha256(samples).hexdigest(),
    }
    with make_record(tmp_path, document(findings=[finding("F1", BUGS_HZ[0], "high", iq_snippet=named)])) as record:
        source = ExportSource(record, [decided("F1", "suspicious")])
        snippet = sigmf.fromfile(unpack(source, tmp_path / "out") / "F1.sigmf-meta")
        (annotation,) = snippet.get_annotations()
        assert (annotation["core:sample_start"], annotation["core:freq_lower_edge"]) == (8, BUGS_HZ[0] - 6_250)
        assert annotation["quietroom:disposition"] == "suspicious"
        assert (tmp_path / "out" / "sweep" / "F1.sigmf-data").read_bytes() == samples
        (folder / "F1.sigmf-data").write_bytes(samples[:-1] + b"\0")
        with pytest.raises(RecordError, match=r"F1\.sigmf-data: does not match its hash"):
            list(exported("sigmf", source))
        (folder / "F1.sigmf-data").unlink()
        assert [path.name for path in unpack(source, tmp_path / "none").glob("*.sigmf-meta")] == ["sweep.sigmf-meta"]


# rtl_power


def test_rtl_power_csv_is_read_back_within_a_hundredth_of_a_db(source_of: Sources, tmp_path: Path) -> None:
    record = source_of("rich").record
    (path := tmp_path / "a.csv").write_bytes(b"".join(rtl_power_csv(source_of("rich"))))
    back = CsvSource(open_csv(path, SourceOptions()))
    np.testing.assert_allclose(back.layout.freq_hz, record.layout.freq_hz, atol=0.5)
    rows, again = list(record.rows()), list(back.rows())
    assert len(again) == len(rows)
    for row, one in zip(rows, again, strict=True):
        np.testing.assert_array_equal(one.mean, row.mean)  # both in hundredths of a dB
        assert abs(one.utc_ns - max(row.utc_ns, int(row.hop_utc_ns.max()))) < 1_000_000_000


def test_rtl_power_csv_looks_as_heatmap_programs_take_it(source_of: Sources) -> None:
    """The reading of heatmap.py (github.com/keenerd/rtl-sdr-misc): whole edges, a step, bins from low up."""
    for line in text(source_of("rich"), "rtl_power").splitlines():
        date, time, low, high, step, samples, *levels = line.split(", ")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", f"{date} {time}")
        assert (int(high) - int(low)) / float(step) == len(levels) - 1
        assert int(samples) == 64
        assert all(-150 < float(level) < 20 for level in levels)


# Writing


def test_exports_are_never_written_over_unasked(tmp_path: Path) -> None:
    one, two = tmp_path / "a.json", tmp_path / "b.csv"
    two.write_bytes(b"old")
    with pytest.raises(ParameterError, match=r"b\.csv: is there already and says something else; give --overwrite"):
        write_exports({one: [b"1"], two: [b"2"]})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"b.csv": b"old"}
    write_exports({one: [b"1"], two: [b"old"]})  # the same again is no change
    write_exports({one: [b"1"], two: [b"2"]}, overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.json": b"1", "b.csv": b"2"}


def test_an_export_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"half"
        raise RecordError("sweep.h5: a chunk is damaged")

    with pytest.raises(RecordError):
        write_exports({tmp_path / "a.json": [b"1"], tmp_path / "b.csv": breaks()})
    assert list(tmp_path.iterdir()) == []


def test_every_format_has_an_ending_of_its_own() -> None:
    assert SUFFIXES.keys() == FORMATS.keys()
    assert len(set(SUFFIXES.values())) == len(SUFFIXES)


# The command


def test_export_names_what_it_wrote_and_comes_back_through_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ocsf: OcsfSchema
) -> None:
    """All formats of a record; its spectra replayed as those of another program, and all formats of that."""
    workspace = Workspace.create(tmp_path / "ws")
    with make_record(workspace.sweeps, rich()) as record:
        path = record.path
    (out := tmp_path / "out").mkdir()
    given = ["--workspace", str(workspace.root), "export", "sweep", "--format", ",".join(FORMATS), "--output", str(out)]
    assert main(given) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [str(out / f"sweep{SUFFIXES[name]}") for name in FORMATS]
    before = {item.name: item.read_bytes() for item in out.iterdir()}
    assert main(given) == 0  # the same again
    mark(path, "F1", as_="known", reason="projector", by="A. Smith")
    assert main(given) == 2
    assert "sweep.json: is there already and says something else" in capsys.readouterr().err
    assert {item.name: item.read_bytes() for item in out.iterdir()} == before
    assert main([*given, "--overwrite"]) == 0
    assert json.loads((out / "sweep.json").read_bytes())["dispositions"][0]["as"] == "known"
    assert main([*given[:-1], str(out / "one.json")]) == 2

    spectra = str(out / "sweep.rtl_power.csv")
    code = main(["--workspace", str(workspace.root), "replay", "other", spectra, "--json", str(tmp_path / "told.json")])
    assert code in (0, 3)
    told = json.loads((tmp_path / "told.json").read_bytes())
    with SweepRecord.open(Path(told["record"])) as replayed:
        source = ExportSource(replayed)
        assert source.level_unit == "dB"
        assert [fault for event in read(source, "ocsf") for fault in ocsf.faults(event)] == []
        for name in FORMATS:
            assert "dBFS" not in text(source, name), name
