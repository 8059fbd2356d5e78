"""The HTML report in a real browser: what is drawn, read, sorted and filtered, by mouse and by keyboard."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_records import DISPOSITION, document, finding, make_record, unmeasured

from reports.content import LevelTrack, ReportContent, from_record
from reports.html import html_bytes
from sweep.plan import plan_hops
from sweep.record import Waterfall

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'quietroom[test]'")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 240_000
"""Nothing here is timed: this is when a condition that never comes is given up."""
HOSTILE = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'> \" ' & --> ]]>"
EMITTERS = {"F1": (100.6e6, "low"), "F2": (433.92e6, "info"), "F3": (104.0e6, "high"), "F4": (433.3e6, "medium")}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> ReportContent:
    """A sweep of two ranges with bins enough for columns of several."""
    with make_record(tmp_path_factory.mktemp("record")) as record:
        small = from_record(record, [DISPOSITION])
    plan = plan_hops(((88_000_000, 108_000_000), (430_000_000, 440_000_000)), gain_db=29.7)
    layout = plan.layout()
    rng = np.random.default_rng(4)
    mean = rng.normal(-60, 0.6, layout.n_bins).astype(np.float32)
    for hz, _ in EMITTERS.values():
        mean[np.argmin(np.abs(layout.freq_hz - hz))] = -30 - hz % 7
    time_s = np.arange(4.0)
    fall = Waterfall(rng.normal(-50, 2, (4, 1000)).astype(np.float32), time_s, np.linspace(88e6, 440e6, 1000))
    track = LevelTrack(time_s=time_s, mean_dbfs=np.array([np.nan, -40, -42, -41]), max_dbfs=np.full(4, -35.0))
    findings = [
        finding("F1", 100_600_000, "low", power_dbfs=-42.2, occupied_bw_hz=12_500),
        unmeasured("F2", 433_920_000),
        finding("F3", 104_000_000, "high", power_dbfs=-55.0, occupied_bw_hz=100_000),
        finding("F4", 433_300_000, "medium", power_dbfs=-9.9, occupied_bw_hz=5_000),
    ]
    return replace(
        small,
        plan=plan,
        layout=layout,
        mean_dbfs=mean,
        max_dbfs=mean + rng.gamma(9, 0.7, layout.n_bins).astype(np.float32),
        baseline_dbfs=np.full(layout.n_bins, -60, np.float32),
        noise_floor_dbfs=np.full(layout.n_bins, -60.5, np.float32),
        waterfall=fall,
        passes=replace(small.passes, tracks=dict.fromkeys(EMITTERS, track), occupancy=None),
        document=document(findings=findings),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS), timeout=PATIENCE_MS)
        yield browser
        browser.close()


class Visit:
    """A page that was opened, and all that it said and asked for."""

    def __init__(self, page: Page, content: ReportContent, folder: Path) -> None:
        path = folder / "report.html"
        path.write_bytes(html_bytes(content))
        self.address = path.as_uri()
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(self.address)

    @property
    def complaints(self) -> list[str]:
        return [line for line in self.said if not line.startswith(("log:", "info:", "debug:"))]

    def figure(self, name: str = "spectrum") -> Locator:
        """A figure, in view and live."""
        figure = self.page.locator(f"figure[data-figure={name}]")
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_class(re.compile("live"))
        return figure

    def all_live(self) -> None:
        for figure in self.page.locator("figure[data-figure]").all():
            self.figure(str(figure.get_attribute("data-figure")))


@pytest.fixture(scope="module")
def opened(browser: Browser, content: ReportContent, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    page = browser.new_page()
    yield Visit(page, content, tmp_path_factory.mktemp("page"))
    page.close()


@pytest.fixture
def visit(opened: Visit) -> Visit:
    """The page that most tests share, on a wide light screen."""
    opened.page.emulate_media(media="screen", color_scheme="light")
    opened.page.set_viewport_size({"width": 1300, "height": 1000})
    return opened


def cell(figure: Locator, name: str) -> Locator:
    return figure.locator(".readout div", has_text=name).locator("dd")


def first_number(locator: Locator) -> float:
    return float(locator.inner_text().split()[0])


def test_it_renders_without_a_complaint_and_fetches_nothing(visit: Visit) -> None:
    visit.all_live()
    assert visit.complaints == []
    assert visit.asked == [visit.address]
    page = visit.page
    assert page.locator("figure.live").count() == page.locator("figure[data-figure]").count() == 7
    assert page.locator("figure.live .drawing:visible").count() == 0


def test_its_policy_lets_nothing_be_fetched_and_nothing_else_run(
    browser: Browser, content: ReportContent, tmp_path: Path
) -> None:
    page = browser.new_page()
    Visit(page, content, tmp_path)
    refused = page.evaluate("""async () => {
        const refused = [];
        document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
        const fetched = await fetch("https://example.org/").then(() => "fetched", () => "refused");
        const script = document.createElement("script");
        script.textContent = "window.ran = 1";
        document.body.append(script);
        const image = new Image();
        await new Promise((done) => {
            image.onload = image.onerror = done;
            image.src = "https://example.org/x.png";
        });
        return [fetched, window.ran ?? "not run", ...refused.sort()];
    }""")
    assert refused == ["refused", "not run", "connect-src", "img-src", "script-src-elem"]
    page.close()


def test_texts_of_the_record_stay_texts(browser: Browser, content: ReportContent, tmp_path: Path) -> None:
    start = {**content.start, "room": HOSTILE, "operator": HOSTILE}
    judged = document(findings=[finding(HOSTILE, 100_600_000, "high", signal_type=HOSTILE)], reasons=[HOSTILE])
    page = browser.new_page()
    visit = Visit(page, replace(content, start=start, document=judged), tmp_path)
    visit.all_live()
    assert page.evaluate("window.pwned") is None
    assert page.locator("h1").text_content() == HOSTILE
    assert HOSTILE in str(page.locator(".chooser option").last.text_content())
    assert visit.complaints == []
    assert visit.asked == [visit.address]
    page.close()


def test_wheel_and_drag_zoom_and_pan_and_hovering_reads_the_record(visit: Visit, content: ReportContent) -> None:
    page, figure = visit.page, visit.figure()
    figure.get_by_role("button", name="Reset").click()
    expect(figure.locator(".honest")).to_contain_text("Each column of the drawing stands for up to")
    plots = figure.locator(".plots")
    box = plots.bounding_box()
    assert box is not None
    left, width, height = box["x"] + 62, box["width"] - 78, box["y"] + 100
    strong = int(np.argmin(np.abs(content.layout.freq_hz - 100.6e6)))
    page.mouse.click(left + width * (strong + 0.5) / content.layout.n_bins, height)
    expect(cell(figure, "Frequency")).to_contain_text("100.6000 MHz")
    expect(cell(figure, "Frequency")).to_contain_text("F1")
    for _ in range(4):
        page.mouse.wheel(0, -300)
    expect(figure.locator(".honest")).to_contain_text("Every bin is drawn")
    expect(cell(figure, "Frequency")).to_contain_text("100.6000 MHz")  # the wheel zooms where it points
    assert content.max_dbfs is not None
    assert first_number(cell(figure, "Mean")) == pytest.approx(content.mean_dbfs[strong], abs=0.051)
    assert first_number(cell(figure, "Highest")) == pytest.approx(content.max_dbfs[strong], abs=0.051)
    assert first_number(cell(figure, "Over the baseline")) == pytest.approx(content.mean_dbfs[strong] + 60, abs=0.11)
    page.mouse.move(left + width / 2, height)
    page.mouse.down()
    page.mouse.move(left + width / 2 + 150, height, steps=6)
    page.mouse.up()
    page.mouse.move(left + 5, height)
    expect(cell(figure, "Frequency")).not_to_contain_text("100.6000 MHz")
    dragged = first_number(cell(figure, "Frequency")) * 1e6
    nearest = int(np.argmin(np.abs(content.layout.freq_hz - dragged)))
    assert first_number(cell(figure, "Mean")) == pytest.approx(content.mean_dbfs[nearest], abs=0.051)
    assert visit.complaints == []


def test_a_figure_is_used_by_keyboard(visit: Visit) -> None:
    page, figure = visit.page, visit.figure()
    said = figure.locator("[role=status]")
    figure.get_by_label("Go to").focus()
    page.keyboard.type("F1")
    expect(said).to_contain_text("Frequency 100.6000 MHz F1")
    figure.locator(".plots").focus()
    page.keyboard.press("p")
    expect(said).to_have_text("No mark further that way.")
    for name in ("F3", "F4"):
        page.keyboard.press("n")
        expect(said).to_contain_text(name)
    page.keyboard.press("n")
    expect(said).to_contain_text("Frequency 433.9200 MHz F2")
    page.keyboard.press("ArrowRight")
    expect(said).to_contain_text("Frequency 433.9225 MHz")
    page.keyboard.press("0")
    expect(figure.locator(".honest")).to_contain_text("Each column")
    figure.locator("summary").focus()
    page.keyboard.press("Enter")
    rows = figure.locator(".values tbody tr")
    expect(rows).to_have_count(12)
    assert sorted(rows.locator("td:last-child").all_inner_texts()[:4]) == ["F1", "F2", "F3", "F4"]


def test_findings_are_sorted_and_filtered_by_keyboard(visit: Visit) -> None:
    page = visit.page
    table = page.locator("table[data-filters]").first
    ids = "rows => rows.filter((row) => !row.hidden).map((row) => row.cells[0].textContent)"
    rows = table.locator("tbody tr")
    assert rows.evaluate_all(ids) == ["F1", "F2", "F3", "F4"]
    for name, once, twice in (
        ("Level", ["F3", "F1", "F4", "F2"], ["F4", "F1", "F3", "F2"]),  # what was not measured stays last
        ("Threat", ["F2", "F1", "F4", "F3"], ["F3", "F4", "F1", "F2"]),
        ("Frequency", ["F1", "F3", "F4", "F2"], ["F2", "F4", "F3", "F1"]),
    ):
        head = table.locator("th", has_text=name)
        head.locator("button").focus()
        page.keyboard.press("Enter")
        expect(head).to_have_attribute("aria-sort", "ascending")
        assert rows.evaluate_all(ids) == once
        page.keyboard.press("Space")
        expect(head).to_have_attribute("aria-sort", "descending")
        assert rows.evaluate_all(ids) == twice
    assert table.locator("[aria-sort]").count() == 1
    page.get_by_role("searchbox").first.focus()
    page.keyboard.type("433.")
    expect(page.locator(".shown").first).to_have_text("2 of 4 are shown.")
    assert rows.evaluate_all(ids) == ["F2", "F4"]
    page.get_by_label("Threat").first.focus()
    page.keyboard.type("medium")
    expect(page.locator(".shown").first).to_have_text("1 of 4 are shown.")
    assert rows.evaluate_all(ids) == ["F4"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Visit, scheme: str) -> None:
    """Not even what it calls moderate or minor."""
    visit.all_live()
    visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    visit.page.locator("details").evaluate_all("all => all.forEach((one) => (one.open = true))")
    found = Axe().run(visit.page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(item["id"], item["impact"], [node["target"] for node in item["nodes"]]) for item in found] == []


def test_the_figures_follow_a_change_to_dark(visit: Visit) -> None:
    page, figure = visit.page, visit.figure()
    ground = page.locator(".sheet")
    picture = figure.locator(".plots")
    light = picture.screenshot()
    expect(ground).to_have_css("background-color", "rgb(255, 255, 255)")
    page.emulate_media(color_scheme="dark")
    expect(ground).not_to_have_css("background-color", "rgb(255, 255, 255)")
    drawn = "() => Bokeh.documents[0].roots()[0].children[0].background_fill_color"
    assert page.evaluate(drawn) == "#151b22"
    assert picture.screenshot() != light
    assert visit.complaints == []


def test_print_shows_the_drawings_and_every_row(visit: Visit) -> None:
    visit.all_live()
    page = visit.page
    page.get_by_role("searchbox").first.fill("433.")
    page.emulate_media(media="print")
    expect(page.locator(".chart:visible")).to_have_count(0)
    assert page.locator(".drawing:visible").count() == page.locator(".drawing").count() > 7
    assert page.locator("table[data-filters]").first.locator("tbody tr:visible").count() == 4
    assert page.pdf(format="A4").startswith(b"%PDF-")


def test_a_narrow_screen_does_not_scroll_sideways(visit: Visit) -> None:
    visit.all_live()
    visit.page.set_viewport_size({"width": 390, "height": 800})
    wide = "() => document.documentElement.scrollWidth"
    visit.figure("finding-0")
    assert visit.page.evaluate(wide) <= 390


def test_without_scripts_it_is_a_report_all_the_same(browser: Browser, content: ReportContent, tmp_path: Path) -> None:
    page = browser.new_page(java_script_enabled=False)
    visit = Visit(page, content, tmp_path)
    assert page.locator(".drawing:visible").count() == page.locator("figure").count() > 7
    assert page.locator("button, input, select").count() == 0
    assert visit.asked == [visit.address]
    page.close()


def test_it_begins_with_a_way_past_the_contents(browser: Browser, content: ReportContent, tmp_path: Path) -> None:
    page = browser.new_page()
    Visit(page, content, tmp_path)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.close()


def test_a_peak_of_one_bin_in_a_whole_band_is_seen(browser: Browser, content: ReportContent, tmp_path: Path) -> None:
    plan = plan_hops(((24_000_000, 1_766_000_000),), gain_db=29.7)
    layout = plan.layout()
    mean = np.random.default_rng(3).normal(-90, 0.6, layout.n_bins).astype(np.float32)
    mean[123_456] = -40.0
    whole = replace(
        content,
        plan=plan,
        layout=layout,
        mean_dbfs=mean,
        max_dbfs=None,
        baseline_dbfs=None,
        noise_floor_dbfs=np.full(layout.n_bins, np.nan, np.float32),
        passes=replace(content.passes, tracks={}),
        document=document(findings=[]),
    )
    page = browser.new_page()
    visit = Visit(page, whole, tmp_path)
    figure = visit.figure()
    drawn = """() => Math.max(...Bokeh.documents[0].roots()[0].children[0].renderers
        .flatMap((one) => [...(one.data_source.data.high ?? [])]).filter(Number.isFinite))"""
    assert page.evaluate(drawn) == pytest.approx(-40.0)
    assert first_number(cell(figure, "Mean")) == -40.0
    assert first_number(cell(figure, "Frequency")) * 1e6 == layout.freq_hz[123_456]
    assert visit.complaints == []
    page.close()
