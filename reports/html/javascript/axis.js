// The frequency axis of all charts counts bins, so that ranges that were not swept take no room between those that were.

class Axis {
  constructor(segments) {
    let first = 0;
    this.segments = segments.map(([startHz, stopHz, count]) => {
      const segment = { startHz, stopHz, first, count, stepHz: count > 1 ? (stopHz - startHz) / (count - 1) : 0 };
      first += count;
      return segment;
    });
    this.count = first;
  }

  segmentAt(index) {
    const last = this.segments[this.segments.length - 1];
    return this.segments.find((segment) => index < segment.first + segment.count - 0.5) ?? last;
  }

  hertz(index) {
    const segment = this.segmentAt(index);
    return segment.startHz + (index - segment.first) * segment.stepHz;
  }

  // Place of a frequency, the nearest one where it was not swept.
  index(hertz) {
    let best = 0;
    let distance = Infinity;
    for (const { startHz, stopHz, first, stepHz } of this.segments) {
      const inside = Math.min(Math.max(hertz, startHz), stopHz);
      if (Math.abs(inside - hertz) < distance) {
        distance = Math.abs(inside - hertz);
        best = first + (stepHz ? (inside - startHz) / stepHz : 0);
      }
    }
    return best;
  }

  // The segments within a view, each cut to it, in places.
  within(low, high) {
    return this.segments
      .map((segment) => ({
        segment,
        low: Math.max(low, segment.first - 0.5),
        high: Math.min(high, segment.first + segment.count - 0.5),
      }))
      .filter((part) => part.high > part.low);
  }

  // Round frequencies for a view that is so many pixels wide, each with its text.
  ticks(low, high, width) {
    const found = [];
    let free = -Infinity;
    const pixels = (place) => ((place - low) / (high - low)) * width;
    for (const part of this.within(low, high)) {
      for (const tick of roundWithin(part, pixels(part.high) - pixels(part.low))) {
        if (pixels(tick.at) < free) continue;
        found.push(tick);
        free = pixels(tick.at) + 7 * tick.text.length + 14;
      }
    }
    return found;
  }
}

// Round frequencies of a part of a segment; a narrow part gets at least one, away from its edges.
function roundWithin({ segment, low, high }, room) {
  if (room < 34) return [];
  const step = segment.stepHz || 1;
  const startHz = segment.startHz + (low - segment.first) * step;
  const stopHz = segment.startHz + (high - segment.first) * step;
  const edgeHz = room < 160 ? (14 / room) * (stopHz - startHz) : 0;
  for (let count = Math.max(1, Math.floor(room / 70)); ; count += 1) {
    const stepHz = niceStep((stopHz - startHz) / count);
    const ticks = [];
    for (let k = Math.ceil((startHz + edgeHz) / stepHz); k * stepHz <= stopHz - edgeHz; k += 1) {
      ticks.push({ at: segment.first + (k * stepHz - segment.startHz) / step, text: megahertz(k * stepHz, stepHz) });
    }
    if (ticks.length || count > 50) return ticks;
  }
}

function niceStep(wanted) {
  const power = 10 ** Math.floor(Math.log10(wanted));
  return power * ([1, 2, 5].find((factor) => factor * power >= wanted) ?? 10);
}

// A frequency in MHz with as many digits as a step of so many hertz needs.
function megahertz(hertz, stepHz) {
  const digits = Math.min(6, Math.max(0, Math.ceil(6 - Math.log10(stepHz) - 1e-9)));
  return (hertz / 1e6).toFixed(digits);
}
