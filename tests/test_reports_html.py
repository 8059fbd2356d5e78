"""The HTML page: one file, nothing fetched, nothing of the data taken for markup."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_records import DISPOSITION, document, make_record

from dsp.errors import ParameterError
from reports.content import ReportContent, from_record
from reports.html import html_bytes, write_html

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

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data


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


def test_nothing_is_fetched_and_nothing_runs(content: ReportContent) -> None:
    raw = html_bytes(content)
    page = Page(raw)
    assert not {"script", "iframe", "object", "embed", "link", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        if name in {"src", "href", "xlink:href", "action", "srcset", "poster", "data"}:
            assert value.startswith(("#", "data:image/png;base64,"))
    style = raw[raw.index(b"<style>") : raw.index(b"</style>")]
    assert b"@import" not in style
    assert b"url(" not in style
    assert b"default-src 'none'" in raw


def test_hostile_texts_stay_text(content: ReportContent) -> None:
    start = {**content.start, "room": HOSTILE, "site": HOSTILE, "operator": HOSTILE, "people": [HOSTILE]}
    judged = document(reasons=[HOSTILE])
    judged["findings"][0] |= {"id": HOSTILE, "signal_type": HOSTILE, "allocation": HOSTILE, "known_as": HOSTILE}
    judged["findings"][0]["threat"] = {"level": '"><script>', "score": None, "reasons": [HOSTILE]}
    marked = ({**DISPOSITION, "finding": HOSTILE, "reason": HOSTILE},)
    page = Page(html_bytes(replace(content, start=start, document=judged, dispositions=marked)))
    assert "script" not in page.tags
    assert "img" not in page.tags
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
