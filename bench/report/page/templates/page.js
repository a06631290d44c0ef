"use strict";
(() => {
  // Rows are sorted by their numbers where a column has some, unknown ones last, else by their text.
  const order = new Intl.Collator(undefined, { numeric: true });

  function readCell(row, place, isNumber) {
    const cell = row.cells[place];
    if (!isNumber) return cell.firstChild ? cell.firstChild.textContent : "";
    return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
  }

  function compare(a, b, direction) {
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * (typeof a === "number" ? a - b : order.compare(a, b));
  }

  function sort(table, place) {
    const head = table.tHead.rows[0].cells[place];
    const isNumber = head.classList.contains("number");
    const before = head.getAttribute("aria-sort");
    // Of most figures the largest is looked for first.
    const first = isNumber && !head.classList.contains("small") ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const now = before === first ? other : first;
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", now);
    const direction = now === "ascending" ? 1 : -1;
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [readCell(row, place, isNumber), row]);
    rows.sort((a, b) => compare(a[0], b[0], direction));
    body.append(...rows.map((pair) => pair[1]));
  }

  function explore(explorer) {
    const form = explorer.querySelector("form");
    const table = explorer.querySelector("table");
    const output = form.querySelector("output");
    const rows = [...table.tBodies[0].rows];
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    let figure = null;

    function show() {
      const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
      const choices = [...form.querySelectorAll("select")].filter((choice) => choice.value);
      let count = 0;
      for (const row of rows) {
        row.hidden = !(
          words.every((word) => texts.get(row).includes(word)) &&
          choices.every((choice) => row.getAttribute("data-" + choice.name) === choice.value) &&
          (figure === null || figure.keys.has(row.dataset.row))
        );
        count += !row.hidden;
      }
      const of = figure === null ? "" : " of “" + figure.title + "”";
      output.textContent = count + " of " + rows.length + " rows" + of;
    }

    form.hidden = "small" in form.dataset;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", show);
    form.querySelector(".reset").addEventListener("click", () => {
      form.reset();
      figure = null;
      show();
    });
    [...table.tHead.rows[0].cells].forEach((cell, place) => {
      cell.querySelector("button").addEventListener("click", () => sort(table, place));
    });
    show();
    return (title, keys) => {
      form.reset();
      figure = { title, keys: new Set(keys) };
      show();
    };
  }

  const explorers = [...document.querySelectorAll(".explorer")].map(explore);
  for (const link of document.querySelectorAll("a.rows")) {
    link.addEventListener("click", () => {
      for (const select of explorers) select(link.dataset.title, link.dataset.configurations.split(" "));
    });
  }

  // A mark of a chart leads to the row of its configuration.
  for (const mark of document.querySelectorAll(".picture [data-configuration]")) {
    mark.addEventListener("click", () => {
      const name = mark.closest("figure").querySelector("h3").textContent;
      for (const select of explorers) select(name, [mark.dataset.configuration]);
      location.hash = "all";
    });
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A browser may keep the clipboard from pages that lie on the disk.
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }

  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    const name = button.textContent;
    button.addEventListener("click", async () => {
      await copy(button.parentElement.querySelector("code").textContent);
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = name; }, 1500);
    });
  }
})();
