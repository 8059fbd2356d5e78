"""The hash of a row: what it covers, and that it can be made again from what is stored."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import fields, replace

import numpy as np
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import OPTIONAL, make_layout, make_row, same_rows

from dsp.errors import ParameterError, RecordError
from sweep.leaf import NO_LEAF, ROW_ARRAYS, decode_row, encode_row, leaf, read_header, row_arrays, row_header
from sweep.model import SweepRow
from sweep.row_blocks import block_of
from sweep.units import iso_utc

ROW = make_row(0, make_layout())


def leaf_of(row: SweepRow, previous: bytes = NO_LEAF) -> bytes:
    return leaf(*encode_row(row, previous))


def test_every_array_of_a_row_is_hashed() -> None:
    scalars = {"sequence", "utc_ns", "monotonic_ns"}
    assert {name for name, _ in ROW_ARRAYS} == {field.name for field in fields(SweepRow)} - scalars


@settings(deadline=None, max_examples=60)
@given(
    n_hops=st.integers(1, 5),
    hop_bins=st.integers(1, 40),
    absent=st.sets(st.sampled_from(OPTIONAL)),
    sequence=st.integers(0, 2**40),
    previous=st.binary(min_size=32, max_size=32),
)
def test_a_row_comes_back_bit_for_bit(
    n_hops: int, hop_bins: int, absent: set[str], sequence: int, previous: bytes
) -> None:
    row = replace(make_row(3, make_layout(n_hops, hop_bins), absent=tuple(absent)), sequence=sequence)
    header, payload = encode_row(row, previous)
    again = decode_row(header, payload)
    assert same_rows(row, again)
    assert encode_row(again, previous) == (header, payload)
    sizes = tuple((name, values.size) for name, values in row_arrays(row).items())
    assert read_header(header) == (sequence, previous, sizes)


@settings(deadline=None, max_examples=60)
@given(
    absent=st.sets(st.sampled_from(OPTIONAL)),
    sequence=st.integers(0, 2**53 - 1),
    utc_ns=st.integers(-(2**62), 2**63 - 1),
    monotonic_ns=st.integers(-(2**63), 2**63 - 1),
    previous=st.binary(min_size=32, max_size=32),
)
def test_the_header_is_canonical_json(
    absent: set[str], sequence: int, utc_ns: int, monotonic_ns: int, previous: bytes
) -> None:
    row = replace(make_row(1, make_layout(), absent=tuple(absent)), sequence=sequence)
    row = replace(row, utc_ns=utc_ns, monotonic_ns=monotonic_ns)
    arrays = [
        {"dtype": dtype.str, "name": name, "shape": [getattr(row, name).size]}
        for name, dtype in ROW_ARRAYS
        if name not in absent
    ]
    facts = {"previous_leaf": previous.hex(), "sequence": sequence, "utc": iso_utc(utc_ns)}
    times = {"utc_ns": str(utc_ns), "monotonic_ns": str(monotonic_ns)}
    assert row_header(row, previous) == rfc8785.dumps({"arrays": arrays, **facts, **times})


def test_rows_of_a_block_have_their_leaves() -> None:
    rows = [make_row(number, make_layout()) for number in range(5)]
    encoded = [encode_row(row, NO_LEAF) for row in rows]
    block = block_of(0, [(header, memoryview(payload)) for header, payload in encoded])
    assert all(same_rows(row, again) for row, again in zip(rows, block.rows(), strict=True))
    assert block.leaves([NO_LEAF] * 5) == [leaf(*each) for each in encoded]


def test_the_leaf_is_what_the_format_page_says() -> None:
    header, payload = encode_row(ROW, NO_LEAF)
    expected = hashlib.sha256(b"\x00" + struct.pack("<Q", len(header)) + header + payload).digest()
    assert leaf(header, payload) == expected


def test_the_leaf_of_a_known_row_never_changes() -> None:
    row = SweepRow(
        sequence=0,
        utc_ns=1_590_961_224_000_000_000,
        monotonic_ns=1,
        mean=np.array([-6000, -32768], np.int16),
        hop_utc_ns=np.array([1_590_961_224_000_000_000]),
        hop_monotonic_ns=np.array([1]),
        hop_center_freq_hz=np.array([433_920_000.0]),
        hop_gain_db=np.array([29.7], np.float32),
        hop_clip_fraction=np.array([0], np.float32),
        hop_rms_dbfs=np.array([-20], np.float32),
        hop_dc_dbfs=np.array([-40], np.float32),
        hop_fluctuation_db=np.array([0.5], np.float32),
        hop_dropped_samples=np.array([0], np.int32),
        hop_flags=np.array([1], np.uint8),
    )
    assert leaf_of(row).hex() == "1cbe5cd722784a18df97a09c12b133b33c389f425c5e5ff4dba9377badbdee9b"


@pytest.mark.parametrize("name", [name for name, _ in ROW_ARRAYS])
def test_any_changed_value_changes_the_leaf(name: str) -> None:
    values = getattr(ROW, name).copy()
    values.view(np.uint8)[-1] ^= 1
    assert leaf_of(replace(ROW, **{name: values})) != leaf_of(ROW)


@pytest.mark.parametrize(
    "change", [{"sequence": 1}, {"utc_ns": ROW.utc_ns + 1}, {"monotonic_ns": 0}, {"min_hold": None}]
)
def test_any_changed_fact_changes_the_leaf(change: dict[str, int | None]) -> None:
    assert leaf_of(replace(ROW, **change)) != leaf_of(ROW)
    assert leaf_of(ROW, bytes([1]) + NO_LEAF[1:]) != leaf_of(ROW)


def test_swapping_two_equally_long_arrays_changes_the_leaf() -> None:
    swapped = replace(ROW, mean=ROW.max_hold, max_hold=ROW.mean)
    assert leaf_of(swapped) != leaf_of(ROW)
    assert leaf_of(replace(ROW, max_hold=None)) != leaf_of(
        replace(ROW, max_hold=None, min_hold=None, mean=ROW.min_hold)
    )


def test_values_of_another_type_are_refused() -> None:
    with pytest.raises(ParameterError, match="mean is <f8"):
        row_header(replace(ROW, mean=ROW.mean.astype(float)), NO_LEAF)
    with pytest.raises(ParameterError, match="shape"):
        row_header(replace(ROW, mean=ROW.mean.reshape(2, -1)), NO_LEAF)
    with pytest.raises(ParameterError, match="31 bytes"):
        row_header(ROW, bytes(31))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"mean"', b'"meat"'),
        (b'"<i2"', b'">i2"'),
        (b'"shape":[32]', b'"shape":[-2]'),
        (b'"shape":[32]', b'"shape":[33]'),
        (b'"shape":[32]', b'"shape":[4,8]'),
        (b'"shape":[32]', b'"shape":[1099511627776]'),
        (b'"utc_ns":"1', b'"utc_ns":"x'),
        (b'"sequence":0', b'"sequence":"0"'),
        (b'"sequence":0', b'"sequence":0,"source":"a"'),
        (b"hop_flags", b"hop_stars"),
    ],
)
def test_a_header_that_was_not_written_here_is_refused(old: bytes, new: bytes) -> None:
    header, payload = encode_row(ROW, NO_LEAF)
    assert old in header
    with pytest.raises(RecordError):
        decode_row(header.replace(old, new, 1), payload)


def test_a_payload_of_another_length_is_refused() -> None:
    header, payload = encode_row(ROW, NO_LEAF)
    for changed in (payload[:-1], payload + b"\0", b""):
        with pytest.raises(RecordError):
            decode_row(header, changed)


@settings(deadline=None, max_examples=50)
@given(header=st.binary(max_size=80), payload=st.binary(max_size=80))
def test_junk_is_refused(header: bytes, payload: bytes) -> None:
    with pytest.raises(RecordError):
        decode_row(header, payload)


def test_rows_read_back_cannot_be_written_to() -> None:
    assert not decode_row(*encode_row(ROW, NO_LEAF)).mean.flags.writeable
