// Levels as they came in the page: every bin, in tenths of a decibel, packed; and fewer points that keep every peak.

const NOT_MEASURED = -32768;

// Bytes of 16-bit numbers, all low ones before all high ones, deflated, as base64.
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const plain = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = plain.length / 2;
  const level = new Float32Array(count);
  for (let k = 0; k < count; k += 1) {
    const stored = ((plain[k] | (plain[k + count] << 8)) << 16) >> 16;
    level[k] = stored === NOT_MEASURED ? NaN : stored / 10;
  }
  return level;
}

// The highest and lowest level of each column of a view, and the bin of the highest; a gap breaks the line with a NaN.
function envelope(level, axis, view, hidden) {
  const points = { x: [], low: [], high: [], bin: [], bins: 1 };
  const perColumn = (view.high - view.low) / view.columns;
  for (const part of axis.within(view.low, view.high)) {
    const first = Math.max(part.segment.first, Math.ceil(part.low) - 1);
    const stop = Math.min(part.segment.first + part.segment.count, Math.floor(part.high) + 2);
    const columns = perColumn <= 2 ? stop - first : Math.max(1, Math.round((stop - first) / perColumn));
    points.bins = Math.max(points.bins, (stop - first) / columns);
    for (let column = 0; column < columns; column += 1) {
      const from = first + Math.floor((column * (stop - first)) / columns);
      const to = Math.max(from + 1, first + Math.floor(((column + 1) * (stop - first)) / columns));
      addColumn(points, level, from, to, hidden);
    }
    addHole(points);
  }
  return points;
}

function addColumn(points, level, from, to, hidden) {
  let low = Infinity;
  let high = -Infinity;
  let bin = -1;
  for (let k = from; k < to; k += 1) {
    const value = level[k];
    if (hidden?.[k] || Number.isNaN(value)) continue;
    if (value < low) low = value;
    if (value > high) {
      high = value;
      bin = k;
    }
  }
  points.x.push((from + to - 1) / 2);
  points.low.push(bin < 0 ? NaN : low);
  points.high.push(bin < 0 ? NaN : high);
  points.bin.push(bin);
}

function addHole(points) {
  points.x.push(NaN);
  points.low.push(NaN);
  points.high.push(NaN);
  points.bin.push(-1);
}

// Runs of bins that nothing was measured in, the longest first.
function unmeasured(level, most) {
  const runs = [];
  let start = -1;
  for (let k = 0; k <= level.length; k += 1) {
    const missing = k < level.length && Number.isNaN(level[k]);
    if (missing && start < 0) start = k;
    if (!missing && start >= 0) {
      runs.push([start, k]);
      start = -1;
    }
  }
  return runs.sort((a, b) => b[1] - b[0] - (a[1] - a[0])).slice(0, most);
}
