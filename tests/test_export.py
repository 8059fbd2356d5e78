"""Findings as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_records import DISPOSITION, document, finding, make_record

from baselines.uncertainty import expanded_uncertainty
from dsp.errors import ParameterError
from reports.content import from_record
from reports.exports.document import findings_document, json_bytes
from reports.exports.table import CSV_COLUMNS, csv_bytes
from reports.files import write_bytes

TOP = {
    "schema",
    "record",
    "room",
    "position",
    "baseline",
    "verdict",
    "reasons",
    "false_alarms_per_sweep",
    "coverage",
    "findings",
}


def read_csv(document: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_bytes(document).decode(), newline=""), strict=True))


def test_document_follows_the_contract(tmp_path: Path) -> None:
    with make_record(tmp_path) as record:
        plain = findings_document(record)
        content = from_record(record)
    assert set(plain) == TOP | {
        "unconfirmed",
        "known_emitters",
        "outside_record",
        "not_heard",
        "iq_snippets",
        "checks",
        "exercise",
        "witnesses",
        "rejected_candidates",
    }
    assert plain["known_emitters"] is None  # a record of before there was such a list
    assert plain["schema"] == "quietroom.findings/1"
    assert plain["record"] == "sweep.h5"
    assert plain["room"] == "board room"
    assert plain["findings"] == [{**item, "power_dbm": None} for item in document()["findings"]]
    assert plain["coverage"] == document()["coverage"]
    assert findings_document(content) == plain
    assert findings_document(replace(content, dispositions=(DISPOSITION,)))["dispositions"] == [DISPOSITION]
    assert findings_document(content, [DISPOSITION])["dispositions"] == [DISPOSITION]


def test_what_json_cannot_say_becomes_null() -> None:
    odd: dict[str, Any] = finding("F1", 0, "high") | {
        "center_freq_hz": np.float64(433_920_000.4),
        "power_dbfs": np.float32(-42.5),
        "snr_db": float("nan"),
        "excess_db": np.float64("-inf"),
        "hits": np.int64(3),
    }
    text = json_bytes({"findings": [odd]}).decode()
    assert "NaN" not in text
    assert "Infinity" not in text
    (read,) = json.loads(text)["findings"]
    assert read["center_freq_hz"] == 433_920_000
    assert isinstance(read["center_freq_hz"], int)
    assert read["power_dbfs"] == -42.5
    assert read["snr_db"] is None
    assert read["excess_db"] is None
    assert read["hits"] == 3


def test_json_keeps_every_letter_and_is_reproducible(tmp_path: Path) -> None:
    room = 'Zürich 会議 "\\ \x00 </script>'
    with make_record(tmp_path, room=room) as record:
        plain = findings_document(record)
    assert json.loads(json_bytes(plain))["room"] == room
    assert json_bytes(plain) == json_bytes(plain)


def test_csv_keeps_numbers_and_leaves_unmeasured_empty(tmp_path: Path) -> None:
    with make_record(tmp_path) as record:
        first, second = read_csv(findings_document(record, [DISPOSITION]))
    assert tuple(first) == CSV_COLUMNS
    assert first["center_freq_hz"] == "100600000"
    assert float(first["power_dbfs"]) == -42.25
    assert float(first["p_value"]) == 3.2e-11
    assert first["disposition"] == "known"
    assert first["artefact_tests"] == "crystal_spur: passed; lo_shift: not carried out"
    assert first["threat_reasons"] == "'+1.5 not in the baseline"
    for column in ("power_dbfs", "snr_db", "excess_db", "p_value", "hits", "duty_cycle", "first_seen", "disposition"):
        assert second[column] == ""


def test_csv_tells_how_well_levels_are_known() -> None:
    known = expanded_uncertainty(statistical=0.3, gain=0.4)
    outside = {"outside_dbfs": -55.0, "outside_uncertainty_db": expanded_uncertainty(statistical=0.6)}
    (line,) = read_csv({"findings": [finding("F1", 434_000_000, "high", power_uncertainty_db=known, **outside)]})
    assert (line["power_expanded_uncertainty_db"], line["outside_expanded_uncertainty_db"]) == ("1.0", "1.2")


def test_csv_without_findings_has_its_head() -> None:
    assert csv_bytes({"findings": []}) == ",".join(CSV_COLUMNS).encode() + b"\r\n"


FORMULA = st.sampled_from(["=", "+", "-", "@", "\t=", " =", "\r+", "\n-", "''", '"', ",", ""])


@settings(deadline=None, max_examples=60)
@given(start=FORMULA, rest=st.text(max_size=30), power_dbfs=st.floats(-150, 150))
def test_no_text_cell_is_a_formula_and_nothing_is_lost(start: str, rest: str, power_dbfs: float) -> None:
    text = start + rest
    hostile = finding("F1", 1, "high", signal_type=text, allocation=text, known_as=text, power_dbfs=power_dbfs)
    (line,) = read_csv({"room": text, "findings": [hostile]})
    assert float(line["power_dbfs"]) == power_dbfs
    for column in ("room", "signal_type", "allocation", "known_as"):
        assert not line[column].lstrip().startswith(("=", "+", "-", "@"))
        assert line[column] in (text, "'" + text)


def test_files_appear_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ParameterError, match=r"a\.json: the folder .* does not exist"):
        write_bytes(b"", tmp_path / "no" / "a.json")
    target = tmp_path / "a.csv"
    target.write_bytes(b"old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(ParameterError, match="No space left on device"):
        write_bytes(b"new", target)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
