// One chart: its plots under each other over one frequency axis, and what is seen and read of them.

const PANELS = { spectrum: spectrumPanel, difference: differencePanel, waterfall: waterfallPanel };
const HEIGHTS = { spectrum: 320, difference: 150, waterfall: 210 };
const ALONE = 260;
const FEWEST_BINS = 12;

function theme() {
  const style = getComputedStyle(document.documentElement);
  const names = {
    ink: "--fig-ink", frame: "--fig-frame", sweep: "--fig-sweep", peak: "--fig-peak", floor: "--fig-floor",
    baseline: "--fig-baseline", baselineEdge: "--fig-baseline-edge", unmeasured: "--fig-unmeasured", quiet: "--quiet",
    rule: "--rule", page: "--page", high: "--threat-high", medium: "--threat-medium", low: "--threat-low",
    info: "--threat-info", cursor: "--fig-cursor",
  };
  return Object.fromEntries(Object.entries(names).map(([name, key]) => [name, style.getPropertyValue(key).trim()]));
}

function around(mark) {
  const reach = Math.max(10 * mark.half, 40);
  return { low: mark.at - reach, high: mark.at + reach };
}

// The plots take no stop of the Tab key each: the chart that holds them is one.
function keepFocusOut(element) {
  for (const child of [...(element.shadowRoot?.children ?? []), ...element.children]) {
    if (child.tabIndex >= 0) child.tabIndex = -1;
    keepFocusOut(child);
  }
}

class Chart {
  constructor(data, { panels, mark }) {
    this.data = data;
    this.whole = { low: -0.5, high: data.axis.count - 0.5 };
    const marked = data.marks.find(({ id }) => id === mark);
    this.home = marked ? this.fit(around(marked)) : this.whole;
    this.listeners = [];
    this.x = new Bokeh.Range1d({
      start: this.home.low, end: this.home.high, bounds: [this.whole.low, this.whole.high],
      min_interval: Math.min(FEWEST_BINS, data.axis.count),
    });
    this.panels = panels.map((name) => PANELS[name](data, this.x, panels.length === 1 ? ALONE : HEIGHTS[name]));
    this.cursors = this.panels.map((panel) => this.addCursor(panel));
    this.tools = this.panels.map((panel) => this.addTools(panel));
    this.panels.slice(1, -1).forEach(({ across }) => (across.major_label_text_alpha = 0));
    this.panels.at(-1).across.axis_label = "Frequency (MHz)";
    this.panels.forEach((panel, k) => panel.plot.on_event("mousemove", (event) => this.point(event, this.panels[k])));
    this.paint();
  }

  addCursor({ plot, colours }) {
    const cursor = new Bokeh.Span({ dimension: "height", location: this.home.low, line_dash: [4, 3], visible: false });
    plot.add_layout(cursor);
    colours.push([cursor, "line_color", "cursor"]);
    return cursor;
  }

  addTools({ plot }) {
    const tools = {
      pan: new Bokeh.PanTool({ dimensions: "width" }),
      box: new Bokeh.BoxZoomTool({ dimensions: "width" }),
      wheel: new Bokeh.WheelZoomTool({ dimensions: "width" }),
    };
    plot.add_tools(tools.pan, tools.box, tools.wheel);
    return tools;
  }

  async show(host) {
    this.host = host;
    const column = new Bokeh.Column({ children: this.panels.map((panel) => panel.plot), sizing_mode: "stretch_width", spacing: 4 });
    await Bokeh.Plotting.show(column, host);
    keepFocusOut(host);
    this.drag("pan");
    this.wheel(false);
    const later = () => {
      this.due ??= requestAnimationFrame(() => {
        this.due = undefined;
        this.refresh();
      });
    };
    this.x.change.connect(later);
    this.panels[0].plot.properties.inner_width.change.connect(later);
    this.refresh();
  }

  // What a drag does: `pan` or `box`.
  drag(name) {
    this.dragging = name;
    for (const tools of this.tools) tools[name].active = true;
  }

  wheel(active) {
    for (const tools of this.tools) tools.wheel.active = active;
  }

  get width() {
    return this.panels[0].plot.inner_width || Math.max(200, this.host.clientWidth - 80);
  }

  refresh() {
    const view = { low: this.x.start, high: this.x.end, width: this.width, columns: Math.round(this.width) };
    const { overview, middles } = this.data;
    view.hidden = overview && view.high - view.low >= overview * view.columns ? middles : null;
    this.view = view;
    this.shown = {};
    for (const name of Object.keys(this.data.levels)) {
      this.shown[name] = envelope(this.data.levels[name], this.data.axis, view, view.hidden);
    }
    for (const panel of this.panels) panel.update(view, this.shown);
    const ticks = this.data.axis.ticks(view.low, view.high, view.width);
    for (const { across } of this.panels) {
      across.ticker = new Bokeh.FixedTicker({ ticks: ticks.map((tick) => tick.at), minor_ticks: [] });
      across.major_label_overrides = new Map(ticks.map((tick) => [tick.at, tick.text]));
    }
    if (this.cursor !== undefined) this.column = this.columnAt(this.cursor);
    this.listeners.forEach((listener) => listener());
  }

  paint() {
    const colours = theme();
    for (const panel of this.panels) {
      for (const [model, property, name] of panel.colours) model[property] = colours[name];
    }
  }

  // A view like the wanted one that lies within the sweep and is not too narrow to draw.
  fit({ low, high }) {
    const widest = this.whole.high - this.whole.low;
    const span = Math.min(widest, Math.max(high - low, FEWEST_BINS));
    const start = Math.min(Math.max((low + high - span) / 2, this.whole.low), this.whole.high - span);
    return { low: start, high: start + span };
  }

  look(low, high) {
    const view = this.fit({ low, high });
    this.x.setv({ start: view.low, end: view.high });
  }

  zoom(factor) {
    const { low, high } = this.view;
    const inView = this.cursor !== undefined && this.cursor >= low && this.cursor <= high;
    const at = inView ? this.cursor : (low + high) / 2;
    this.look(at - (at - low) * factor, at + (high - at) * factor);
  }

  shift(part) {
    const span = this.view.high - this.view.low;
    this.look(this.view.low + part * span, this.view.high + part * span);
  }

  // The column that is nearest to a place; -1 where that is out of view.
  columnAt(at) {
    const { x } = this.shown.mean;
    if (at < this.view.low || at > this.view.high) return -1;
    return x.reduce((best, place, k) => (Math.abs(place - at) < Math.abs((x[best] ?? Infinity) - at) ? k : best), -1);
  }

  // Put the cursor on the column at a place, on its highest bin.
  place(at) {
    this.column = this.columnAt(at);
    if (this.column < 0) return;
    const { x, bin } = this.shown.mean;
    this.cursor = bin[this.column] < 0 ? x[this.column] : bin[this.column];
    for (const cursor of this.cursors) cursor.setv({ location: this.cursor, visible: true });
    this.listeners.forEach((listener) => listener());
  }

  // Put it on the highest column of a mark.
  placeMark({ at, half }) {
    const { high, bin } = this.shown.mean;
    let best = -1;
    bin.forEach((place, k) => {
      if (Math.abs(place - at) <= half && (best < 0 || high[k] > high[best])) best = k;
    });
    this.place(best < 0 ? at : this.shown.mean.x[best]);
  }

  point(event, panel) {
    if (!this.pointed) return;
    this.cell = panel.read?.(event.x, event.y) ?? null;
    this.place(event.x);
  }

  // Move the cursor by columns that hold something.
  step(by) {
    const { x } = this.shown.mean;
    const span = this.view.high - this.view.low;
    const inView = this.cursor !== undefined && this.cursor >= this.view.low && this.cursor <= this.view.high;
    const start = inView ? this.cursor : (this.view.low + this.view.high) / 2;
    const places = x.filter((at) => !Number.isNaN(at) && at >= this.view.low && at <= this.view.high);
    let nearest = 0;
    places.forEach((at, k) => {
      if (Math.abs(at - start) < Math.abs(places[nearest] - start)) nearest = k;
    });
    const next = nearest + by;
    this.cell = null;
    if (next >= 0 && next < places.length) this.place(places[next]);
    else this.shiftAndPlace(by, span);
  }

  shiftAndPlace(by, span) {
    const { low } = this.view;
    this.shift(Math.sign(by) * 0.5);
    this.refresh();
    if (this.view.low !== low) this.place((this.cursor ?? low) + (Math.sign(by) * span) / this.view.columns);
  }

  // What stands under the cursor: of the bins of its column the highest of each trace, with its own frequency.
  read() {
    const { levels, axis } = this.data;
    const bin = Math.round(this.cursor);
    const at = (name) => (this.column < 0 ? bin : this.shown[name]?.bin[this.column] ?? -1);
    const value = (name, where = at(name)) => levels[name]?.[where] ?? NaN;
    return {
      hertz: axis.hertz(this.cursor), mean: value("mean"), highest: value("highest"),
      highestHertz: at("highest") < 0 ? NaN : axis.hertz(at("highest")), floor: value("floor"),
      baseline: value("baseline", bin), difference: value("difference", bin), cell: this.cell, mark: this.markAt(),
    };
  }

  markAt() {
    const pixel = (this.view.high - this.view.low) / this.view.width;
    const near = this.data.marks.filter((mark) => Math.abs(mark.at - this.cursor) < Math.max(6 * pixel, mark.half));
    return near.sort((a, b) => Math.abs(a.at - this.cursor) - Math.abs(b.at - this.cursor))[0];
  }
}
