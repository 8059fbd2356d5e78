// The plots of a chart: spectrum, difference from the baseline, waterfall. Each follows one frequency axis.

const MARKERS = { high: "diamond", medium: "triangle", low: "circle", info: "square", unconfirmed: "circle" };
const OWN_STYLE = ".bk-events { touch-action: pan-y !important; outline: none !important; }"; // a swipe scrolls the page

// An empty plot and what of it takes which colour of the page.
function newPlot({ x, y, height, label }) {
  const plot = Bokeh.Plotting.figure({
    height, x_range: x, y_range: y, sizing_mode: "stretch_width", toolbar_location: null, tools: [],
    min_border_left: 62, min_border_right: 16, min_border_top: 6,
    stylesheets: [OWN_STYLE],
  });
  const [across, up] = [plot.below[0], plot.left[0]];
  up.setv({ axis_label: label, axis_label_text_font_style: "normal", minor_tick_line_color: null });
  across.setv({ axis_label_text_font_style: "normal", minor_tick_line_color: null });
  const colours = [
    [plot, "outline_line_color", "rule"], [plot, "background_fill_color", "page"], [plot, "border_fill_color", "page"],
  ];
  for (const axis of [across, up]) {
    axis.setv({ axis_label_text_font_size: "12px", major_label_text_font_size: "11px", axis_line_color: null });
    colours.push([axis, "axis_label_text_color", "quiet"], [axis, "major_label_text_color", "quiet"]);
    colours.push([axis, "major_tick_line_color", "frame"]);
  }
  plot.center[0].grid_line_color = null;
  colours.push([plot.center[1], "grid_line_color", "rule"]);
  return { plot, colours, across };
}

function lineTrace(plot, source, colour, colours, options) {
  const line = plot.line({ x: { field: "x" }, y: { field: "high" }, source, ...options });
  colours.push([line.glyph, "line_color", colour]);
  return line;
}

// Dotted where frequencies are left out between two ranges.
function addBorders(plot, { axis }, colours) {
  const places = axis.segments.slice(1).map((segment) => segment.first - 0.5);
  if (!places.length || places.length > 100) return;
  const source = new Bokeh.ColumnDataSource({ data: { x: places } });
  const borders = plot.vspan({ field: "x" }, { source, line_dash: "dotted" });
  colours.push([borders.glyph, "line_color", "frame"]);
}

function columnsOf({ x, low, high }) {
  return { x, low, high };
}

function spectrumPanel(data, x, height) {
  const y = new Bokeh.Range1d({ start: data.limits[0], end: data.limits[1] });
  const base = newPlot({ x, y, height, label: `Level (${data.unit})` });
  const { plot, colours } = base;
  const sources = {};
  const parts = {};
  const source = (name) => (sources[name] = new Bokeh.ColumnDataSource({ data: { x: [], low: [], high: [] } }));
  shadeUnmeasured(plot, data, colours);
  if (data.levels.baseline) {
    const band = plot.varea({
      x: { field: "x" }, y1: data.limits[0], y2: { field: "high" }, source: source("baseline"), fill_alpha: 0.45,
    });
    colours.push([band.glyph, "fill_color", "baseline"]);
    parts.baseline = [band, lineTrace(plot, sources.baseline, "baselineEdge", colours, { line_width: 1 })];
  }
  if (data.levels.highest) {
    parts.highest = [lineTrace(plot, source("highest"), "peak", colours, { line_width: 1 })];
  }
  const spread = plot.varea({
    x: { field: "x" }, y1: { field: "low" }, y2: { field: "high" }, source: source("mean"), fill_alpha: 0.3,
  });
  colours.push([spread.glyph, "fill_color", "sweep"]);
  parts.mean = [spread, lineTrace(plot, sources.mean, "sweep", colours, { line_width: 1.4 })];
  if (data.levels.floor) {
    parts.floor = [lineTrace(plot, source("floor"), "floor", colours, { line_width: 1.3, line_dash: [2, 3] })];
  }
  addBorders(plot, data, colours);
  const marks = addMarks(plot, data, colours);
  const update = (view, shown) => {
    for (const name of Object.keys(sources)) sources[name].data = columnsOf(shown[name]);
    marks.place(view);
  };
  return { ...base, update, parts };
}

function shadeUnmeasured(plot, data, colours) {
  const runs = unmeasured(data.levels.mean, 300);
  const source = new Bokeh.ColumnDataSource({
    data: {
      left: runs.map(([first]) => first - 0.5), right: runs.map(([, stop]) => stop - 0.5),
      top: runs.map(() => data.limits[1]), bottom: runs.map(() => data.limits[0]),
    },
  });
  const shade = plot.quad({
    left: { field: "left" }, right: { field: "right" }, bottom: { field: "bottom" }, top: { field: "top" }, source, line_color: null,
  });
  colours.push([shade.glyph, "fill_color", "unmeasured"]);
}

// The bandwidth of each mark.
function addBands(plot, marks, colours) {
  for (const level of Object.keys(MARKERS)) {
    const own = marks.filter((mark) => mark.threat === level);
    const source = new Bokeh.ColumnDataSource({
      data: { left: own.map((mark) => mark.at - mark.half), right: own.map((mark) => mark.at + mark.half) },
    });
    const band = plot.vstrip({ x0: { field: "left" }, x1: { field: "right" }, source, fill_alpha: 0.18, line_color: null });
    colours.push([band.glyph, "fill_color", level === "unconfirmed" ? "info" : level]);
  }
}

// Marks of the findings at their levels, each with its name where there is room for it.
function addMarks(plot, data, colours) {
  addBands(plot, data.marks, colours);
  const placed = data.marks.map((mark) => ({ ...mark, y: Math.min(mark.level ?? data.limits[1], data.limits[1]) }));
  for (const [level, marker] of Object.entries(MARKERS)) {
    const own = placed.filter((mark) => mark.threat === level);
    const source = new Bokeh.ColumnDataSource({ data: { x: own.map((mark) => mark.at), y: own.map((mark) => mark.y) } });
    const drawn = plot.scatter({ x: { field: "x" }, y: { field: "y" }, source, marker, size: 11, line_width: 1.5 });
    colours.push([drawn.glyph, "fill_color", level === "unconfirmed" ? "page" : level]);
    colours.push([drawn.glyph, "line_color", level === "unconfirmed" ? "info" : "page"]);
  }
  const names = new Bokeh.ColumnDataSource({ data: { x: [], y: [], text: [] } });
  const text = plot.text({
    x: { field: "x" }, y: { field: "y" }, text: { field: "text" }, source: names, text_align: "center", text_baseline: "bottom", y_offset: -9, text_font_size: "12px", text_font_style: "bold",
  });
  colours.push([text.glyph, "text_color", "ink"]);
  return { place: (view) => (names.data = roomForNames(placed, view)) };
}

// Names that cover no other, those of the most threatening first (marks come in that order).
function roomForNames(marks, view) {
  const pixel = (view.high - view.low) / view.width;
  const taken = [];
  const kept = { x: [], y: [], text: [] };
  for (const mark of marks) {
    const half = (4 + 4 * mark.id.length) * pixel;
    if (mark.at - half < view.low || mark.at + half > view.high) continue;
    const clashes = taken.some(([at, reach]) => Math.abs(at - mark.at) < reach + half);
    if (clashes) continue;
    taken.push([mark.at, half]);
    kept.x.push(mark.at);
    kept.y.push(mark.y);
    kept.text.push(mark.id);
  }
  return kept;
}

function differencePanel(data, x, height) {
  const most = data.levels.difference.reduce((highest, value) => (value > highest ? value : highest), 0);
  const top = Math.max(10, Math.ceil(most / 5) * 5 + 2);
  const y = new Bokeh.Range1d({ start: -10, end: top });
  const base = newPlot({ x, y, height, label: "Over baseline (dB)" });
  const source = new Bokeh.ColumnDataSource({ data: { x: [], low: [], high: [] } });
  const area = base.plot.varea({ x: { field: "x" }, y1: { field: "low" }, y2: { field: "high" }, source, fill_alpha: 0.3 });
  base.colours.push([area.glyph, "fill_color", "sweep"]);
  lineTrace(base.plot, source, "sweep", base.colours, { line_width: 1.2 });
  const limit = new Bokeh.ColumnDataSource({ data: { x: [], low: [], high: [] } });
  if (data.levels.threshold) lineTrace(base.plot, limit, "frame", base.colours, { line_width: 1.2, line_dash: [6, 4] });
  addBorders(base.plot, data, base.colours);
  addBands(base.plot, data.marks, base.colours);
  const zero = new Bokeh.Span({ dimension: "width", location: 0, line_width: 1 });
  base.plot.add_layout(zero);
  base.colours.push([zero, "line_color", "frame"]);
  const update = (view, shown) => {
    source.data = columnsOf(shown.difference);
    if (shown.threshold) limit.data = columnsOf(shown.threshold);
  };
  return { ...base, update, parts: {} };
}

// Along the top of a waterfall, where the marks are.
function addTriangles({ plot, colours }, { marks }) {
  for (const level of Object.keys(MARKERS)) {
    const at = marks.filter((mark) => mark.threat === level).map((mark) => mark.at);
    const source = new Bokeh.ColumnDataSource({ data: { x: at } });
    const drawn = plot.scatter({ x: { field: "x" }, y: 0, source, marker: "inverted_triangle", size: 11, level: "overlay" });
    colours.push([drawn.glyph, "fill_color", level === "unconfirmed" ? "page" : level]);
    colours.push([drawn.glyph, "line_color", level === "unconfirmed" ? "info" : "page"]);
  }
}

function waterfallPanel(data, x, height) {
  const fall = data.waterfall;
  const y = new Bokeh.Range1d({ start: fall.span, end: 0 });
  const base = newPlot({ x, y, height, label: fall.timed ? `Time (${fall.time_unit})` : "One pass" });
  const { ndarray } = Bokeh.require("core/util/ndarray");
  const image = ndarray(fall.level, { dtype: "float32", shape: [fall.rows, fall.columns] });
  const mapper = new Bokeh.LinearColorMapper({ palette: Bokeh.Palettes.viridis(256), low: fall.limits[0], high: fall.limits[1] });
  base.colours.push([mapper, "nan_color", "unmeasured"]);
  const source = new Bokeh.ColumnDataSource({ data: { image: [image] } });
  base.plot.image({
    image: { field: "image" }, x: fall.start, y: 0, dw: fall.stop - fall.start, dh: fall.span, source, color_mapper: mapper,
  });
  addTriangles(base, data);
  if (!fall.timed) base.plot.left[0].visible = false;
  base.plot.center[1].grid_line_color = null;
  base.colours.splice(base.colours.findIndex(([, name]) => name === "grid_line_color"), 1);
  const read = (place, time) => {
    const column = Math.floor(((place - fall.start) / (fall.stop - fall.start)) * fall.columns);
    const row = Math.floor((time / fall.span) * fall.rows);
    const outside = column < 0 || column >= fall.columns || row < 0 || row >= fall.rows;
    return outside ? null : { time, level: fall.level[row * fall.columns + column] };
  };
  return { ...base, update: () => {}, parts: {}, read };
}
