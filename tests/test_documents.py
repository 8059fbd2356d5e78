"""The JSON of a journal and a record: whatever it says, it is used or refused in one line."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import make_finding, make_gap, make_judgement, make_layout, make_row, make_start, write_journal

from dsp.errors import RecordError
from sweep.journal import JournalDamageError, JournalReader, JournalWriter
from sweep.journal.documents import JudgementDocument, parse_document
from sweep.journal.framing import HEADER_BYTES, Kind, framed, split_text, unframed, with_text
from sweep.leaf import encode_row
from sweep.model import Judgement
from sweep.packing import pack
from sweep.record import SweepRecord
from sweep.recovery import recover

Place = tuple[str | int, ...]
HUGE = 10**400
MISSING = object()


@pytest.fixture(scope="module")
def journal_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("documents") / "a.journal"
    write_journal(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def record_bytes(journal_bytes: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "a.journal").write_bytes(journal_bytes)
    pack(folder / "a.journal", folder / "a.h5")
    return (folder / "a.h5").read_bytes()


def payloads(data: bytes) -> list[tuple[Kind, bytes]]:
    """Kind and payload of every record of a journal."""
    found, offset = [], 0
    while offset < len(data):
        frame = unframed(data[offset : offset + HEADER_BYTES], offset)
        assert frame is not None
        found.append((Kind(frame.kind), data[frame.payload_offset : frame.end]))
        offset = frame.end
    return found


def rewrite(data: bytes, kind: Kind, change: Callable[[bytes], bytes]) -> bytes:
    """Change the text of the first record of a kind, and give every record right checksums."""
    records, changed = payloads(data), [known for known, _ in payloads(data)].index(kind)
    has_data = kind in (Kind.START, Kind.ROW, Kind.CLOSE)
    text, rest = split_text(records[changed][1]) if has_data else (records[changed][1], memoryview(b""))
    new = change(text)
    records[changed] = (kind, b"".join(with_text(new, bytes(rest))) if has_data else new)
    return b"".join(framed(known, number, (payload,)) for number, (known, payload) in enumerate(records))


def put(document: Any, path: Place, value: Any) -> Any:
    """Copy a document with another value, or none, at one place."""
    if not path:
        return value
    document = copy.deepcopy(document)
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if value is MISSING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


def places(document: Any, path: Place = ()) -> Iterator[Place]:
    """Every place in a document, the document itself among them."""
    yield path
    items = document.items() if isinstance(document, dict) else enumerate(document) if type(document) is list else ()
    for step, inner in items:
        yield from places(inner, (*path, step))


def with_value(path: Place, value: Any) -> Callable[[bytes], bytes]:
    return lambda text: json.dumps(put(json.loads(text), path, value)).encode()


def read_journal(path: Path) -> None:
    """Read everything that a journal says."""
    with JournalReader(path) as journal:
        assert len(list(journal.rows())) == len(journal.leaves)


def read_record(path: Path) -> list[object]:
    """Read everything that a record says."""
    with SweepRecord.open(path) as record:
        assert all(unaltered for _, unaltered in record.verify_rows())
        return [record.gaps, record.notes, record.judgement, record.plan, record.instrument, record.waterfall]


def write_processing(path: Path, text: bytes) -> None:
    """Put another text in the place of the processing note."""
    with h5py.File(path, "r+", libver=("v108", "v110")) as file:
        del file["entry/processing/data"]
        file.create_dataset("entry/processing/data", data=np.array([text]), chunks=(1,), fletcher32=True)


WRONG_START: list[tuple[Place, Any]] = [
    ((), [1]),
    (("start",), []),
    (("start",), MISSING),
    (("start", "plan"), "wide"),
    (("start", "plan", "n_fft"), "960"),
    (("start", "plan", "hop_centers_hz"), 100),
    (("start", "instrument"), ["rtlsdr"]),
    (("start", "instrument", "gain_db"), "29.7"),
    (("start", "instrument", "driver"), MISSING),
    (("start", "room"), 5),
    (("start", "people"), "A. Technician"),
    (("start", "synthetic"), "no"),
    (("start", "passes_planned"), 2**70),
    (("start", "false_alarms_per_sweep"), HUGE),
    (("layout",), None),
    (("layout", "n_hops"), "2"),
    (("layout", "bin_width_hz"), "2500"),
    (("layout", "notes"), {"a": 1}),
]
WRONG_JUDGEMENT: list[tuple[Place, Any]] = [
    ((), []),
    (("verdict",), "fine"),
    (("verdict",), MISSING),
    (("reasons",), "none"),
    (("false_alarms_per_sweep",), "0.1"),
    (("coverage",), {}),
    (("coverage", 0), 7),
    (("coverage", 0, "start_hz"), "100 MHz"),
    (("coverage", 0, "poi"), []),
    (("coverage", 0, "poi", "1s"), "often"),
    (("coverage", 0, "poi", "x" * 1000), 0.5),
    (("findings",), {"F1": 1}),
    (("findings", 0), "F1"),
    (("findings", 0, "id"), 1),
    (("findings", 0, "center_freq_hz"), "100010000"),
    (("findings", 0, "center_freq_hz"), None),
    (("findings", 0, "hits"), HUGE),
    (("findings", 0, "threat"), MISSING),
    (("findings", 0, "threat"), "high"),
    (("findings", 0, "threat", "score"), "0.9"),
    (("rejected_candidates",), [1]),
    (("unconfirmed",), {"U1": 1}),
    (("unconfirmed",), ["U1"]),
]
WRONG: list[tuple[Kind, Place, Any]] = [
    *((Kind.START, path, value) for path, value in WRONG_START),
    *((Kind.CLOSE, ("judgement", *path), value) for path, value in WRONG_JUDGEMENT),
    (Kind.CLOSE, ("end_time",), 5),
    (Kind.CLOSE, ("has_baseline",), "no"),
    (Kind.FINDING, (), [1]),
    (Kind.FINDING, ("power_dbfs",), "-41.5"),
    (Kind.FINDING, ("artefact_tests",), ["spur"]),
    (Kind.GAP, ("reason",), None),
    (Kind.GAP, ("utc_ns",), "0"),
    (Kind.GAP, ("pass_index",), 2**63),
    (Kind.NOTE, ("utc_ns",), -(2**70)),
    (Kind.NOTE, ("text",), ["a"]),
    (Kind.NOTE, ("kind",), MISSING),
]


def assert_one_line(error: RecordError, path: Path) -> None:
    assert str(error).startswith(f"{path}: ")
    assert str(error).isprintable()
    assert len(str(error)) < len(str(path)) + 600


@pytest.mark.parametrize(("kind", "path", "value"), WRONG)
def test_a_journal_with_a_wrong_type_is_refused(
    journal_bytes: bytes, tmp_path: Path, kind: Kind, path: Place, value: Any
) -> None:
    journal = tmp_path / "a.journal"
    data = rewrite(journal_bytes, kind, with_value(path, value))
    journal.write_bytes(data)
    number = [known for known, _ in payloads(journal_bytes)].index(kind)
    for use in (read_journal, recover):
        with pytest.raises(JournalDamageError, match=f"record {number} ") as caught:
            use(journal)
        assert_one_line(caught.value, journal)
        assert caught.value.record == number
    assert journal.read_bytes() == data
    assert list(tmp_path.iterdir()) == [journal]


def nested(_: bytes) -> bytes:
    return b'{"start":' + b"[" * 100_000


def infinite(text: bytes) -> bytes:
    return text.replace(b"29.7", b"1e999")


def not_a_number(text: bytes) -> bytes:
    return text.replace(b"29.7", b"NaN")


def many_digits(text: bytes) -> bytes:
    return text.replace(b"29.7", b"1" * 10_000)


def not_utf8(text: bytes) -> bytes:
    return text.replace(b"board", b"\xff\xff")


ODD = [nested, infinite, not_a_number, many_digits, not_utf8]


@pytest.mark.parametrize("change", ODD)
def test_odd_json_is_refused(
    journal_bytes: bytes, record_bytes: bytes, tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    journal, record = tmp_path / "a.journal", tmp_path / "b.h5"
    journal.write_bytes(rewrite(journal_bytes, Kind.START, change))
    with pytest.raises(JournalDamageError) as caught:
        read_journal(journal)
    assert_one_line(caught.value, journal)
    record.write_bytes(record_bytes)
    with h5py.File(record) as file:
        text = change(file["entry/processing/data"][0])
    write_processing(record, text)
    with pytest.raises(RecordError) as refused:
        read_record(record)
    assert_one_line(refused.value, record)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *WRONG_START,
        *((("judgement", *path), value) for path, value in WRONG_JUDGEMENT),
        (("end_time",), None),
        (("recovered",), "no"),
        (("torn_tail_bytes",), "0"),
    ],
)
def test_a_record_with_a_wrong_type_is_refused(record_bytes: bytes, tmp_path: Path, path: Place, value: Any) -> None:
    record = tmp_path / "a.h5"
    record.write_bytes(record_bytes)
    with h5py.File(record) as file:
        text = with_value(path, value)(file["entry/processing/data"][0])
    write_processing(record, text)
    with pytest.raises(RecordError, match="processing note") as caught:
        SweepRecord.open(record)
    assert_one_line(caught.value, record)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_whatever_a_journal_says_is_packed_or_refused(
    journal_bytes: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("any")
    kind = data.draw(st.sampled_from([Kind.START, Kind.ROW, Kind.FINDING, Kind.GAP, Kind.NOTE, Kind.CLOSE]))

    def change(text: bytes) -> bytes:
        document = json.loads(text)
        path = data.draw(st.sampled_from(list(places(document))))
        return json.dumps(put(document, path, data.draw(JSON))).encode()

    journal = folder / "a.journal"
    journal.write_bytes(rewrite(journal_bytes, kind, change))
    try:
        read_record(recover(journal))
    except RecordError as error:
        assert_one_line(error, journal if str(error).startswith(f"{journal}") else folder / "a.h5")


@pytest.mark.parametrize("field", ["utc_ns", "monotonic_ns"])
def test_a_row_at_no_time_is_refused(journal_bytes: bytes, tmp_path: Path, field: str) -> None:
    journal = tmp_path / "a.journal"
    for value in (str(2**70), "1.5", "", "soon"):
        journal.write_bytes(rewrite(journal_bytes, Kind.ROW, with_value((field,), value)))
        with pytest.raises(JournalDamageError, match="record 1 ") as caught:
            recover(journal)
        assert_one_line(caught.value, journal)


def test_a_row_of_another_width_is_refused(journal_bytes: bytes, tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    records = payloads(journal_bytes)
    records[1] = (Kind.ROW, b"".join(with_text(*encode_row(make_row(0, make_layout(2, 8)), bytes(32)))))
    journal.write_bytes(b"".join(framed(kind, number, (part,)) for number, (kind, part) in enumerate(records)))
    with pytest.raises(JournalDamageError, match="16 values of mean, its layout 32") as caught:
        recover(journal)
    assert caught.value.record == 1


@pytest.mark.parametrize(
    ("append", "word"),
    [
        (lambda journal: journal.append_finding({**make_finding(), "threat": "high"}), "threat"),
        (lambda journal: journal.append_finding({"id": "F1"}), "kind"),
        (lambda journal: journal.append_gap(make_gap(utc_ns=2**70)), "utc_ns"),
        (lambda journal: journal.append_note("x", utc_ns=2**70), "utc_ns"),
        (lambda journal: journal.finish_with(judged(verdict="fine")), "verdict"),
    ],
)
def test_the_writer_writes_nothing_that_cannot_be_read(
    tmp_path: Path, append: Callable[[JournalWriter], None], word: str
) -> None:
    path, layout = tmp_path / "a.journal", make_layout()
    with JournalWriter.create(path, make_start(), layout) as journal:
        before = path.read_bytes()
        with pytest.raises(RecordError, match=word) as caught:
            append(journal)
        assert_one_line(caught.value, path)
        assert path.read_bytes() == before
        journal.append_row(make_row(0, layout))
        journal.finish_with(judged())
    read_journal(path)


def judged(**more: Any) -> Judgement:
    whole = make_judgement(make_layout())
    return Judgement(document={**whole.document, **more}, noise_floor_dbfs=whole.noise_floor_dbfs)


def test_a_start_that_cannot_be_read_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"\$\.start\.plan"):
        JournalWriter.create(tmp_path / "a.journal", {"plan": "wide"}, make_layout())
    assert list(tmp_path.iterdir()) == []


def test_a_judgement_that_cannot_be_kept_leaves_the_journal(tmp_path: Path) -> None:
    write_journal(tmp_path / "a.journal", closed=False)
    with pytest.raises(RecordError, match="verdict") as caught:
        pack(tmp_path / "a.journal", tmp_path / "a.h5", judgement=judged(verdict="fine"))
    assert_one_line(caught.value, tmp_path / "a.journal")
    assert [path.name for path in tmp_path.iterdir()] == ["a.journal"]
    with SweepRecord.open(recover(tmp_path / "a.journal", lambda *_: judged(verdict="fine"))) as record:
        assert record.n_rows == 3
        assert "cannot be kept" in record.judgement.document["reasons"][1]


def test_fields_that_nobody_knows_are_kept(tmp_path: Path) -> None:
    document = {**make_judgement(make_layout()).document, "from_the_future": {"a": [1, None]}}
    raw, told = parse_document(json.dumps(document).encode(), JudgementDocument)
    assert raw == document
    assert told.findings[0].id == "F1"
    write_journal(tmp_path / "a.journal", start=make_start(from_the_future=[2**70]))
    pack(tmp_path / "a.journal", tmp_path / "a.h5")
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert record.start["from_the_future"] == [2**70]


def test_a_hostile_name_reaches_no_terminal(journal_bytes: bytes, tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    for value in ("\x1b[2J\n", "x" * 70_000):
        journal.write_bytes(rewrite(journal_bytes, Kind.ROW, with_value(("arrays", 0, "name"), value)))
        with pytest.raises(JournalDamageError) as caught:
            read_journal(journal)
        assert_one_line(caught.value, journal)


@pytest.mark.parametrize("text", ["a\0b\0", "\udcff"])
def test_words_that_hdf5_takes_in_no_text_are_written_out(tmp_path: Path, text: str) -> None:
    path, layout = tmp_path / "a.journal", make_layout()
    with JournalWriter.create(path, make_start(), layout) as journal:
        journal.append_row(make_row(0, layout))
        journal.append_gap(make_gap(reason=text))
        journal.append_note(text, utc_ns=0, kind=text)
        journal.append_finding({**make_finding(), "signal_type": text})
        journal.finish_with(judged())
    pack(path, tmp_path / "a.h5")
    written = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    with SweepRecord.open(tmp_path / "a.h5") as record:
        assert (record.gaps[0].reason, record.notes[0].text, record.notes[0].kind) == (written,) * 3


def test_a_name_that_no_attribute_can_have_stays_in_the_note(journal_bytes: bytes, tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    for name in ("", "a\0b", "x" * 70_000):
        for group in ("plan", "instrument"):
            journal.write_bytes(rewrite(journal_bytes, Kind.START, with_value(("start", group, name), 1)))
            with SweepRecord.open(recover(journal)) as record:
                assert record.start[group][name] == 1
            (tmp_path / "a.h5").unlink()
