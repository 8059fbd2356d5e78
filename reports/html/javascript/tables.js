// Tables that sort by any column, and filter where the page says so; without scripts they are plain tables.

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const said = make("p", { class: "unseen", role: "status" });
  table.closest(".scroll").after(said);
  heads.forEach((head, column) => {
    const name = head.textContent;
    const sorter = button(name, () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortRows(table, column, descending);
      said.textContent = `Sorted by ${name}, ${descending ? "descending" : "ascending"}.`;
    }, { class: "sorter" });
    head.replaceChildren(sorter);
  });
}

// By the key of a cell where it has one, which is a number, else by its text; what was not measured comes last.
function sortRows(table, column, descending) {
  const body = table.tBodies[0];
  const keyed = [...body.rows].map((row) => {
    const cell = row.cells[column];
    return { row, key: cell.dataset.key === undefined ? NaN : Number(cell.dataset.key), text: cell.textContent };
  });
  const turn = descending ? -1 : 1;
  const isNumeric = keyed.some(({ key }) => !Number.isNaN(key));
  keyed.sort((a, b) => {
    if (!isNumeric) return turn * a.text.localeCompare(b.text, undefined, { numeric: true });
    if (Number.isNaN(a.key) || Number.isNaN(b.key)) return Number(Number.isNaN(a.key)) - Number(Number.isNaN(b.key));
    return turn * (a.key - b.key);
  });
  body.append(...keyed.map(({ row }) => row));
}

function filterable(table) {
  const rows = [...table.tBodies[0].rows];
  const said = make("p", { class: "shown", role: "status" });
  const words = make("input", { type: "search", oninput: () => apply() });
  const bar = make("div", { class: "filters", role: "group", "aria-label": "Filter the table" });
  bar.append(make("label", {}, make("span", {}, "Search"), words));
  const choosers = choices(table).map(({ column, name, values }) => {
    const select = make("select", { onchange: () => apply() }, make("option", { value: "" }, "all"));
    values.forEach((value) => select.append(make("option", { value }, value)));
    bar.append(make("label", {}, make("span", {}, name), select));
    return { column, select };
  });
  const apply = () => {
    const wanted = words.value.trim().toLowerCase();
    for (const row of rows) {
      const holds = row.textContent.toLowerCase().includes(wanted);
      const chosen = choosers.every(({ column, select }) => !select.value || row.cells[column].textContent === select.value);
      row.hidden = !(holds && chosen);
    }
    const left = rows.filter((row) => !row.hidden).length;
    said.textContent = left === rows.length ? `All ${left} are shown.` : `${left} of ${rows.length} are shown.`;
  };
  bar.append(said);
  table.closest(".scroll").before(bar);
  apply();
}

// Columns to choose a value from: those of levels that have a badge, and those with a few texts that recur.
function choices(table) {
  const rows = [...table.tBodies[0].rows];
  return [...table.tHead.rows[0].cells]
    .map((head, column) => {
      const cells = rows.map((row) => row.cells[column]);
      const values = [...new Set(cells.map((cell) => cell.textContent))].sort();
      const ranked = cells.some((cell) => cell.querySelector(".badge"));
      const recurring = values.length <= 8 && values.length < rows.length && !cells.some((cell) => cell.dataset.key);
      return { column, name: head.textContent, values, offered: values.length > 1 && (ranked || recurring) };
    })
    .filter(({ offered }) => offered);
}
