// The level of a finding in every pass: a small chart over time, and its values as a table.

class Track {
  constructor(figure, data, track) {
    this.figure = figure;
    this.data = data;
    this.track = track;
    const { time, unit } = track;
    const margin = Math.max((time.at(-1) - time[0]) * 0.03, 0.5);
    const x = new Bokeh.Range1d({ start: time[0] - margin, end: time.at(-1) + margin, bounds: "auto" });
    const y = new Bokeh.Range1d({ start: track.limits[0], end: track.limits[1] });
    const { plot, colours, across } = newPlot({ x, y, height: ALONE, label: `Level (${data.unit})` });
    this.plot = plot;
    this.colours = colours;
    across.axis_label = `Time since start (${unit})`;
    for (const [name, colour] of [["highest", "peak"], ["mean", "sweep"]]) {
      if (!track[name]) continue;
      const source = new Bokeh.ColumnDataSource({ data: { x: time, high: track[name].map((value) => value ?? NaN) } });
      lineTrace(plot, source, colour, colours, { line_width: 1.3 });
      const dots = plot.scatter({ x: { field: "x" }, y: { field: "high" }, source, size: 6, marker: "circle" });
      colours.push([dots.glyph, "fill_color", colour], [dots.glyph, "line_color", colour]);
    }
    plot.add_tools(new Bokeh.PanTool({ dimensions: "width" }), (this.wheel = new Bokeh.WheelZoomTool({ dimensions: "width" })));
    plot.on_event("mousemove", (event) => this.point(event.x));
    this.paint();
  }

  async show() {
    this.says = make("p", { class: "honest" }, "Point at a pass to read its level.");
    const label = "Level in every pass; the table below holds its values";
    this.plots = make("div", { class: "plots", role: "img", "aria-label": label });
    this.plots.addEventListener("wheel", (event) => (this.wheel.active = event.ctrlKey), { capture: true, passive: true });
    this.root = make("div", { class: "chart track" }, this.plots, this.says, this.table());
    this.figure.querySelector(".chart").after(this.root);
    await Bokeh.Plotting.show(this.plot, this.plots);
    keepFocusOut(this.plots);
    this.wheel.active = false;
  }

  paint() {
    const colours = theme();
    for (const [model, property, name] of this.colours) model[property] = colours[name];
  }

  value(name, k) {
    return decibels(this.track[name]?.[k] ?? NaN, this.data.unit);
  }

  point(at) {
    const { time, unit } = this.track;
    let nearest = 0;
    time.forEach((value, k) => {
      if (Math.abs(value - at) < Math.abs(time[nearest] - at)) nearest = k;
    });
    const highest = this.track.highest ? `, highest ${this.value("highest", nearest)}` : "";
    this.says.textContent = `Pass ${nearest + 1}, at ${time[nearest].toFixed(1)} ${unit}: mean ${this.value("mean", nearest)}${highest}`;
  }

  table() {
    const { time, unit, highest } = this.track;
    const head = [`Time (${unit})`, `Mean`, ...(highest ? ["Highest"] : [])];
    const rows = time.map((at, k) => [at.toFixed(1), this.value("mean", k), ...(highest ? [this.value("highest", k)] : [])]);
    const cells = (tag, texts, attributes) => make("tr", {}, ...texts.map((text) => make(tag, attributes, text)));
    return make(
      "details", { class: "values" }, make("summary", {}, "Level in every pass as a table"),
      make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Level in every pass" },
        make("table", {}, make("caption", {}, "Level of the strongest bin of the finding in every pass."),
          make("thead", {}, cells("th", head, { scope: "col" })),
          make("tbody", {}, ...rows.map((row) => cells("td", row, { class: "number" }))))),
    );
  }
}
