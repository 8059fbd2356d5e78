// Small helpers to build what a page without scripts does not need.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

let numbered = 0;

function freshId(prefix) {
  numbered += 1;
  return `${prefix}-${numbered}`;
}

function button(label, onclick, attributes = {}) {
  return make("button", { type: "button", onclick, ...attributes }, label);
}

// A level as the report writes it: one digit, and words where nothing was measured.
function decibels(value, unit, { signed = false } = {}) {
  if (!Number.isFinite(value)) return "not measured";
  const text = Math.abs(value).toFixed(1);
  const sign = value < 0 && text !== "0.0" ? "-" : signed ? "+" : "";
  return `${sign}${text} ${unit}`.trim();
}
