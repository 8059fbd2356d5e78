"""The HTML page: one file, nothing fetched, nothing of the data taken for markup. What runs: test_html_browser.py."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from report_records import DISPOSITION, document, finding, make_record

from dsp.errors import ParameterError
from reports.content import ReportContent, from_record
from reports.html import html_bytes, write_html
from sweep.plan import plan_hops
from sweep.record import Waterfall

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }} {% raw %} \" ' & --> ]]> \x00"
VOID = {"col", "meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Elements, ids and attributes of a page; fails on tags that do not match."""

    def __init__(self, page: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self._open: list[str] = []
        self.feed(page.decode("utf-8"))
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self._open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self._open and self._open[-1] != "style":
            self.text += data

    @property
    def figures(self) -> dict[str, Any]:
        """What the live figures are drawn from."""
        (data,) = [text for attributes, text in self.scripts if attributes.get("id") == "figures"]
        return dict(json.loads(data))


@pytest.fixture
def content(tmp_path: Path) -> ReportContent:
    with make_record(tmp_path) as record:
        return from_record(record, [DISPOSITION])


def test_page_holds_answer_findings_and_figures(content: ReportContent) -> None:
    page = Page(html_bytes(content))
    text = " ".join(page.text.split())
    assert "2 anomalous emitters were detected." in text
    assert "F1: 100.600 MHz" in text
    assert "F2: 433.920 MHz" in text
    assert "What could have been missed" in text
    assert "door opener" in text
    assert "EXERCISE" not in text
    assert "clean" not in text.lower()
    assert page.tags.count("svg") == 7  # spectrum, difference, waterfall, occupancy, timeline and two findings
    assert len(page.ids) == len(set(page.ids))


def test_nothing_is_fetched_and_only_its_own_scripts_run(content: ReportContent) -> None:
    raw = html_bytes(content)
    page = Page(raw)
    assert not {"iframe", "object", "embed", "link", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in {"src", "href", "xlink:href", "action", "srcset", "poster", "data"}:
            assert value.startswith(("#", "data:image/png;base64,"))
    style = raw[raw.index(b"<style>") : raw.index(b"</style>")]
    assert b"@import" not in style
    assert b"url(" not in style
    (policy,) = [value for name, value in page.attributes if name == "content" and "default-src" in value]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    run = [text for attributes, text in page.scripts if attributes.get("type") != "application/json"]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    assert re.findall(r"'sha256-([^']+)'", policy) == digests
    assert "unsafe-eval" not in policy


def unpack(packed: str) -> NDArray[np.float64]:
    """What the page's script makes of packed levels."""
    plain = np.frombuffer(zlib.decompress(base64.b64decode(packed, validate=True)), np.uint8)
    stored = np.ascontiguousarray(plain.reshape(2, -1).T).view("<i2").ravel()
    return np.where(stored == -32768, np.nan, stored / 10.0)


def test_the_figures_hold_every_bin_to_a_tenth_of_a_decibel(content: ReportContent) -> None:
    mean = content.mean_dbfs.copy()
    mean[7:9] = np.nan
    figures = Page(html_bytes(replace(content, mean_dbfs=mean))).figures
    freq_hz = np.concatenate([np.linspace(*segment) for segment in figures["segments"]])
    np.testing.assert_allclose(freq_hz, content.layout.freq_hz)
    np.testing.assert_allclose(unpack(figures["levels"]["mean"]), mean, atol=0.0501)
    assert content.max_dbfs is not None
    np.testing.assert_allclose(unpack(figures["levels"]["highest"]), content.max_dbfs, atol=0.0501)
    assert [mark["id"] for mark in figures["marks"]] == ["F1", "F2"]
    assert set(figures["charts"]) == {"spectrum", "difference", "waterfall", "finding-0", "finding-1"}


def test_bins_that_are_not_evenly_spaced_keep_their_frequencies(content: ReportContent) -> None:
    layout = content.layout
    freq_hz = layout.freq_hz + np.repeat(np.arange(layout.n_hops) * 400.0, layout.hop_bins)
    figures = Page(html_bytes(replace(content, layout=replace(layout, freq_hz=freq_hz)))).figures
    np.testing.assert_allclose(np.concatenate([np.linspace(*part) for part in figures["segments"]]), freq_hz)


def test_a_whole_band_stays_below_8_mb(content: ReportContent) -> None:
    plan = plan_hops(((24_000_000, 1_766_000_000),), gain_db=29.7)
    layout = plan.layout()
    rng = np.random.default_rng(3)
    mean = rng.normal(-90, 0.6, layout.n_bins).astype(np.float32)
    fall = Waterfall(rng.normal(-80, 2, (300, 2000)).astype(np.float32), np.arange(300.0), layout.freq_hz[::348][:2000])
    findings = [finding(f"F{k}", 100_000_000 + 40_000_000 * k, "high") for k in range(30)]
    whole = replace(
        content,
        layout=layout,
        plan=plan,
        mean_dbfs=mean,
        max_dbfs=mean + rng.gamma(9, 0.7, layout.n_bins).astype(np.float32),
        baseline_dbfs=mean + rng.normal(0, 0.3, layout.n_bins).astype(np.float32),
        noise_floor_dbfs=np.full(layout.n_bins, -90, np.float32),
        waterfall=fall,
        passes=replace(content.passes, tracks={}, occupancy=None),
        document=document(findings=findings),
    )
    page = html_bytes(whole)
    assert layout.n_bins > 690_000
    assert len(page) < 8_000_000


def test_hostile_texts_stay_text(content: ReportContent) -> None:
    start = {**content.start, "room": HOSTILE, "site": HOSTILE, "operator": HOSTILE, "people": [HOSTILE]}
    judged = document(reasons=[HOSTILE])
    judged["findings"][0] |= {"id": HOSTILE, "signal_type": HOSTILE, "allocation": HOSTILE, "known_as": HOSTILE}
    judged["findings"][0]["threat"] = {"level": '"><script>', "score": None, "reasons": [HOSTILE]}
    marked = ({**DISPOSITION, "finding": HOSTILE, "reason": HOSTILE},)
    page = Page(html_bytes(replace(content, start=start, document=judged, dispositions=marked)))
    assert page.tags.count("script") == 4  # the data, two of the library, and ours
    assert "img" not in page.tags
    assert page.figures["marks"][0]["id"] == HOSTILE.replace("\x00", "□")
    assert HOSTILE.replace("\x00", "□") in page.text
    assert "49" not in page.text.partition("{{ 7*7 }}")[0]


def test_an_exercise_says_so(content: ReportContent) -> None:
    exercise = replace(content, instrument=replace(content.instrument, synthetic=True))
    assert "EXERCISE. The signals in this record are synthetic" in Page(html_bytes(exercise)).text


def test_light_dark_and_print(content: ReportContent) -> None:
    page = html_bytes(content)
    assert b"prefers-color-scheme: dark" in page
    assert b"@media print" in page
    assert b"var(--fig-sweep)" in page  # drawings follow the page


def test_the_same_record_gives_the_same_bytes(content: ReportContent) -> None:
    assert html_bytes(content) == html_bytes(content)


def test_a_record_without_rows_is_reported_as_such(tmp_path: Path) -> None:
    empty = document(verdict="inconclusive", reasons=["nothing was measured"], findings=[], coverage=[])
    with make_record(tmp_path, empty, n_rows=0) as record:
        text = " ".join(Page(html_bytes(from_record(record))).text.split())
    assert "Inconclusive: nothing was measured." in text
    assert "The record holds no pass." in text


def test_the_file_appears_whole_or_not_at_all(content: ReportContent, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="does not exist"):
        write_html(content, tmp_path / "no" / "report.html")
    (tmp_path / "taken").mkdir()
    with pytest.raises(ParameterError, match="is a folder"):
        write_html(content, tmp_path / "taken")
    write_html(content, tmp_path / "report.html")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "sweep.h5", "taken"]
