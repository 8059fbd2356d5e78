// Puts all of it to work once the page is there; a figure that cannot be made live stays the drawing that it is.

async function readFigures() {
  const source = document.getElementById("figures");
  if (!source) return null;
  const data = JSON.parse(source.textContent);
  const levels = await Promise.all(Object.entries(data.levels).map(async ([name, packed]) => [name, await unpack(packed)]));
  data.levels = Object.fromEntries(levels);
  data.axis = new Axis(data.segments);
  if (data.levels.baseline) {
    data.levels.difference = data.levels.mean.map((level, bin) => level - data.levels.baseline[bin]);
  }
  if (data.middles) data.middles = await unpack(data.middles);
  data.digitsHz = exactStep(data.bin_width_hz);
  if (data.waterfall) data.waterfall.level = await unpack(data.waterfall.level);
  return data;
}

// The largest power of ten that frequencies of bins so wide are multiples of, in Hz.
function exactStep(hertz) {
  let step = 1;
  while (hertz % (10 * step) === 0) step *= 10;
  return step;
}

async function enliven(figure, data, explorers) {
  const spec = data.charts[figure.dataset.figure];
  const explorer = new Explorer(figure, data, spec);
  await explorer.show();
  explorers.set(figure.dataset.figure, explorer);
  if (!spec.track) return;
  const track = new Track(figure, data, spec.track);
  await track.show();
  explorers.set(`${figure.dataset.figure} track`, track);
}

async function start() {
  if (!matchMedia("(min-width: 78rem)").matches) document.querySelector(".contents details").open = false;
  document.querySelectorAll("table[data-sorts]").forEach((table) => {
    if (table.dataset.filters !== undefined) filterable(table);
    sortable(table);
  });
  const explorers = new Map();
  const data = await readFigures();
  if (!data) return;
  Bokeh.set_log_level("warn");
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      enliven(target, data, explorers).catch((error) => {
        target.classList.remove("live");
        target.querySelectorAll(".chart").forEach((chart) => chart.remove());
        console.error(`${target.dataset.figure}: ${error.stack}`);
      });
    }
  }, { rootMargin: "600px" });
  document.querySelectorAll("figure[data-figure]").forEach((figure) => {
    if (data.charts[figure.dataset.figure]) watch.observe(figure);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    explorers.forEach((explorer) => (explorer.chart ?? explorer).paint());
  });
}

start();
