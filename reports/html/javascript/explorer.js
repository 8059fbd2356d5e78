// A chart with all that is needed to use it: view, readout, keyboard, and its values as a table.

const KEYS = "Arrow keys move the cursor, with Shift the view; plus and minus zoom; Home shows all; N and P go to the next and previous mark.";
const MOST_PEAKS = 12;

class Explorer {
  constructor(figure, data, spec) {
    this.data = data;
    this.spec = spec;
    this.figure = figure;
    this.chart = new Chart(data, spec);
    this.stops = [...data.marks].sort((a, b) => a.at - b.at);
    this.cells = {};
    const hint = freshId("keys");
    this.plots = make("div", {
      class: "plots", tabindex: "0", role: "application", "aria-roledescription": "interactive figure",
      "aria-label": spec.label, "aria-describedby": hint,
    });
    this.live = make("p", { class: "unseen", role: "status" });
    this.honest = make("p", { class: "honest" });
    this.body = make("tbody");
    this.root = make(
      "div", { class: "chart" }, this.controls(), this.legend(), this.readout(), this.plots, this.live, this.honest,
      make("p", { class: "keys", id: hint }, `${KEYS} A drag moves; the wheel zooms once the figure is chosen, or with Ctrl.`),
      this.table(),
    );
    this.listen();
  }

  async show() {
    this.figure.prepend(this.root);
    await this.chart.show(this.plots);
    this.chart.listeners.push(() => this.told());
    this.figure.classList.add("live");
    const first = this.data.marks.find(({ id }) => id === this.spec.mark) ?? this.data.marks[0];
    if (first) this.chart.placeMark(first);
    else this.chart.place(strongest(this.chart, 1)[0] ?? 0);
  }

  controls() {
    const drag = button("Drag to zoom", () => {
      this.chart.drag(this.chart.dragging === "pan" ? "box" : "pan");
      drag.setAttribute("aria-pressed", String(this.chart.dragging === "box"));
    }, { "aria-pressed": "false" });
    const bar = make("div", { class: "controls", role: "group", "aria-label": "View of the figure" });
    if (!this.spec.mark && this.places().length > 1) bar.append(this.chooser());
    bar.append(
      button("\u2212", () => this.chart.zoom(2), { "aria-label": "Zoom out", title: "Zoom out" }),
      button("+", () => this.chart.zoom(0.5), { "aria-label": "Zoom in", title: "Zoom in" }),
      button("\u2190", () => this.chart.shift(-0.4), { "aria-label": "Lower frequencies", title: "Lower frequencies" }),
      button("\u2192", () => this.chart.shift(0.4), { "aria-label": "Higher frequencies", title: "Higher frequencies" }),
      drag,
      button("Reset", () => this.reset()),
    );
    return bar;
  }

  reset() {
    this.chart.look(this.chart.home.low, this.chart.home.high);
  }

  // Where the chooser can go: the whole sweep, each range of it, each mark.
  places() {
    const { axis, marks } = this.data;
    const places = [{ group: "Ranges", name: "The whole sweep", ...this.chart.whole }];
    if (axis.segments.length > 1 && axis.segments.length <= 60) {
      for (const { first, count, startHz, stopHz } of axis.segments) {
        const name = `${megahertz(startHz, 1e5)} to ${megahertz(stopHz, 1e5)} MHz`;
        places.push({ group: "Ranges", name, low: first - 0.5, high: first + count - 0.5 });
      }
    }
    for (const mark of marks) places.push({ group: "Marked", name: mark.name, ...around(mark), mark });
    return places;
  }

  chooser() {
    const places = this.places();
    const select = make("select", {
      onchange: () => {
        const place = places[Number(select.value)];
        this.chart.look(place.low, place.high);
        if (place.mark) this.goTo(place.mark);
      },
    });
    for (const group of new Set(places.map((place) => place.group))) {
      const options = make("optgroup", { label: group });
      places.forEach((place, k) => place.group === group && options.append(make("option", { value: k }, place.name)));
      select.append(options);
    }
    return make("label", { class: "chooser" }, make("span", {}, "Go to"), select);
  }

  legend() {
    const list = make("ul", { class: "legend" });
    const names = { mean: "this sweep, mean", highest: "this sweep, highest", baseline: "baseline", floor: "noise floor" };
    const parts = this.chart.panels[0].parts;
    for (const [name, text] of Object.entries(names)) {
      if (!parts[name]) continue;
      const toggle = button("", () => {
        const visible = toggle.getAttribute("aria-pressed") !== "true";
        toggle.setAttribute("aria-pressed", String(visible));
        for (const part of parts[name]) part.visible = visible;
      }, { "aria-pressed": "true" });
      toggle.append(make("span", { class: `swatch ${name}`, "aria-hidden": "true" }), text);
      list.append(make("li", {}, toggle));
    }
    return list.children.length ? list : "";
  }

  readout() {
    const { levels, waterfall } = this.data;
    const names = [["frequency", "Frequency"], ["mean", "Mean"]];
    if (levels.highest) names.push(["highest", "Highest"]);
    if (levels.baseline) names.push(["baseline", "Baseline"], ["difference", "Over the baseline"]);
    if (levels.floor) names.push(["floor", "Noise floor"]);
    if (waterfall && this.chart.panels.some((panel) => panel.read)) names.push(["cell", "Waterfall"]);
    const list = make("dl", { class: "readout" });
    for (const [name, title] of names) {
      this.cells[name] = make("dd", {}, "\u2013");
      list.append(make("div", {}, make("dt", {}, title), this.cells[name]));
    }
    return list;
  }

  listen() {
    const { chart, plots } = this;
    const focused = () => plots.matches(":focus-within");
    plots.addEventListener("pointerdown", () => plots.focus({ preventScroll: true }));
    // A page that scrolls under a resting pointer also says that it moved; that must not take the cursor from the keys.
    plots.addEventListener("pointermove", ({ screenX, screenY }) => {
      chart.pointed = screenX !== this.rested?.screenX || screenY !== this.rested?.screenY;
      this.rested = { screenX, screenY };
    }, { capture: true });
    plots.addEventListener("wheel", (event) => chart.wheel(focused() || event.ctrlKey), { capture: true, passive: true });
    plots.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const { chart } = this;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const acts = {
      ArrowLeft: () => (event.shiftKey ? chart.shift(-0.25) : this.move(-1)),
      ArrowRight: () => (event.shiftKey ? chart.shift(0.25) : this.move(1)),
      PageUp: () => this.move(-10), PageDown: () => this.move(10),
      "+": () => chart.zoom(0.5), "=": () => chart.zoom(0.5), "-": () => chart.zoom(2),
      Home: () => this.reset(), 0: () => this.reset(),
      n: () => this.next(1), p: () => this.next(-1), N: () => this.next(1), P: () => this.next(-1),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  move(by) {
    this.chart.step(by);
    this.say();
  }

  // To the mark after the one that was gone to last, or else after the cursor.
  next(by) {
    const { stops, visited, chart } = this;
    const at = chart.cursor ?? chart.view.low;
    const beyond = by > 0 ? stops.findIndex((mark) => mark.at > at) : stops.findLastIndex((mark) => mark.at < at);
    const mark = visited?.cursor === at ? stops[stops.indexOf(visited.mark) + by] : stops[beyond];
    if (mark) this.goTo(mark);
    else this.live.textContent = "No mark further that way.";
  }

  goTo(mark) {
    const { low, high } = around(mark);
    this.chart.look(low, high);
    this.chart.refresh();
    this.chart.cell = null;
    this.chart.placeMark(mark);
    this.visited = { mark, cursor: this.chart.cursor };
    this.say();
  }

  say() {
    this.live.textContent = [...Object.keys(this.cells)]
      .map((name) => this.cells[name])
      .filter((cell) => cell.textContent !== "\u2013")
      .map((cell) => `${cell.previousSibling.textContent} ${cell.textContent}`)
      .join(", ");
  }

  told() {
    const { chart, data } = this;
    this.honest.textContent = honesty(chart, data);
    if (chart.cursor !== undefined && chart.view) this.fill(chart.read());
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.details?.open && this.peaks(), 150);
  }

  fill(values) {
    const { data, cells } = this;
    const write = (name, text, note = "") => {
      if (!cells[name]) return;
      cells[name].textContent = text;
      if (note) cells[name].append(make("small", {}, ` ${note}`));
    };
    const place = (hertz) => `${megahertz(hertz, data.digitsHz)} MHz`;
    write("frequency", place(values.hertz), values.mark?.id ?? "");
    write("mean", decibels(values.mean, data.unit));
    const elsewhere = values.highestHertz !== values.hertz && Number.isFinite(values.highest);
    write("highest", decibels(values.highest, data.unit), elsewhere ? `at ${place(values.highestHertz)}` : "");
    write("baseline", decibels(values.baseline, data.unit));
    write("difference", decibels(values.difference, "dB", { signed: true }));
    write("floor", decibels(values.floor, data.unit));
    if (!values.cell) return write("cell", "\u2013");
    const when = data.waterfall.timed ? `at ${values.cell.time.toFixed(1)} ${data.waterfall.time_unit}` : "";
    return write("cell", decibels(values.cell.level, data.unit), when);
  }

  table() {
    const { levels, unit } = this.data;
    const head = ["Frequency (MHz)", `Mean (${unit})`];
    if (levels.highest) head.push(`Highest (${unit})`);
    if (levels.baseline) head.push(`Baseline (${unit})`, "Over the baseline (dB)");
    head.push("Marked as");
    const row = make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)));
    this.caption = make("caption", {});
    const table = make("table", {}, this.caption, make("thead", {}, row), this.body);
    this.details = make("details", { class: "values", ontoggle: () => this.details.open && this.peaks() });
    this.details.append(
      make("summary", {}, "Values of this view as a table"),
      make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Values of this view" }, table),
    );
    return this.details;
  }

  peaks() {
    const { chart, data } = this;
    const { levels, axis } = data;
    const found = strongest(chart, MOST_PEAKS);
    const range = `${megahertz(axis.hertz(chart.view.low), 1e4)} to ${megahertz(axis.hertz(chart.view.high), 1e4)} MHz`;
    this.caption.textContent = `The ${found.length} strongest places from ${range}, by their mean level.`;
    this.body.replaceChildren(...found.map((bin) => {
      const cells = [megahertz(axis.hertz(bin), data.digitsHz), decibels(levels.mean[bin], "")];
      if (levels.highest) cells.push(decibels(levels.highest[bin], ""));
      if (levels.baseline) cells.push(decibels(levels.baseline[bin], ""), decibels(levels.difference[bin], "", { signed: true }));
      const mark = data.marks.find(({ at, half }) => Math.abs(at - bin) <= Math.max(half, 2));
      cells.push(mark?.id ?? "");
      return make("tr", {}, ...cells.map((text, k) => make("td", k < cells.length - 1 ? { class: "number" } : {}, text)));
    }));
  }
}

// How many bins a column of the drawing stands for, in words.
function honesty(chart, data) {
  const { bins } = chart.shown.mean;
  const width = data.bin_width_hz >= 1000 ? `${data.bin_width_hz / 1000} kHz` : `${data.bin_width_hz} Hz`;
  const fall = chart.panels.some((panel) => panel.read) ? ` ${data.waterfall.cell}` : "";
  if (bins <= 1) return `Every bin is drawn; a bin is ${width} wide.${fall}`;
  const left = chart.view.hidden ? " The middle of each hop, where the receiver hears itself, is left out." : "";
  const each = `Each column of the drawing stands for up to ${Math.ceil(bins)} bins of ${width}`;
  return `${each}: it spans their lowest and highest level, so no peak is lost. Zoom in to see every bin.${left}${fall}`;
}

// Bins of the highest columns of a view, no two within a hundredth of it.
function strongest(chart, most) {
  const { high, bin } = chart.shown.mean;
  const apart = (chart.view.high - chart.view.low) / 100;
  const order = [...bin.keys()].filter((k) => bin[k] >= 0).sort((a, b) => high[b] - high[a]);
  const found = [];
  for (const k of order) {
    const inView = bin[k] >= chart.view.low && bin[k] <= chart.view.high;
    if (inView && found.every((other) => Math.abs(other - bin[k]) >= apart)) found.push(bin[k]);
    if (found.length === most) break;
  }
  return found;
}
