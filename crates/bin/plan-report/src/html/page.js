// What the page can do beyond being read: sort and filter the tasks, open and close them, and, while a run goes on,
// load itself anew without losing its place. Nothing here puts text into the page as HTML.
(() => {
  "use strict";
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const table = one("#task-table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const details = new Map(all("details.task").map((task) => [task.id, task]));
  const words = one("#filter-words");
  const state = one("#filter-state");
  const shown = one("#shown");
  const list = one("#task-list");
  const texts = new Map();

  // The memory of a page that loads itself anew; a browser that keeps none just forgets.
  const place = "plan-report:" + location.pathname;
  const recall = () => { try { return JSON.parse(sessionStorage.getItem(place)) || {}; } catch { return {}; } };
  const keep = () => {
    const open = all("details[open]").map((entry) => entry.id).filter(Boolean);
    const sorted = all("th[aria-sort]", table).find((head) => head.ariaSort !== "none");
    const memory = {
      words: words.value, state: state.value, open, scroll: scrollY,
      sort: sorted ? [sorted.cellIndex, sorted.ariaSort] : null, paused: isPaused,
    };
    try { sessionStorage.setItem(place, JSON.stringify(memory)); } catch { /* it forgets */ }
  };

  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.dataset.text.toLowerCase());
    return texts.get(row);
  };
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const fits = (!state.value || row.dataset.state === state.value) && wanted.every((word) => textOf(row).includes(word));
      row.hidden = !fits;
      const task = details.get(row.dataset.task);
      if (task) task.hidden = !fits;
      if (fits) count += 1;
    }
    shown.textContent = count === rows.length ? `${count} tasks` : `${count} of ${rows.length} tasks`;
  };

  const sort = (head, order) => {
    const sign = order === "descending" ? -1 : 1;
    const at = head.cellIndex;
    const key = (row) => row.cells[at].dataset.key;
    const isNumber = head.classList.contains("number") || head.dataset.number !== undefined;
    const compare = isNumber
      ? (a, b) => Number(key(a)) - Number(key(b))
      : (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
    const sorted = [...rows].sort((a, b) => sign * compare(a, b) || rows.indexOf(a) - rows.indexOf(b));
    body.append(...sorted);
    list.append(...sorted.map((row) => details.get(row.dataset.task)).filter(Boolean));
    for (const other of all("th[aria-sort]", table)) other.ariaSort = other === head ? order : "none";
  };
  for (const head of all("th[aria-sort]", table)) {
    head.querySelector("button").addEventListener("click", () => {
      sort(head, head.ariaSort === "ascending" ? "descending" : "ascending");
    });
  }

  const go = (id) => {
    const task = details.get(id);
    if (!task) return;
    task.hidden = false;
    task.open = true;
    task.scrollIntoView();
    task.querySelector("summary").focus({ preventScroll: true });
  };
  const goToHash = () => go(decodeURIComponent(location.hash.slice(1)));
  addEventListener("hashchange", goToHash);
  document.addEventListener("click", (event) => {
    const mark = event.target.closest("[data-go]");
    if (mark) { location.hash = mark.dataset.go; goToHash(); return; }
    const link = event.target.closest("a[href^='#task-']");
    if (link && link.hash === location.hash) goToHash();
  });
  words.addEventListener("input", filter);
  state.addEventListener("change", filter);
  const openAll = (open) => () => { for (const task of details.values()) if (!task.hidden) task.open = open; };
  one("#open-all").addEventListener("click", openAll(true));
  one("#close-all").addEventListener("click", openAll(false));

  let isPaused = false;
  const seconds = Number(document.body.dataset.follow || 0);
  const memory = seconds ? recall() : {};
  if (memory.words !== undefined) {
    words.value = memory.words;
    state.value = memory.state;
    isPaused = memory.paused;
    const head = memory.sort && table.tHead.rows[0].cells[memory.sort[0]];
    if (head && head.ariaSort) sort(head, memory.sort[1]);
    for (const id of memory.open) { const entry = document.getElementById(id); if (entry) entry.open = true; }
    requestAnimationFrame(() => scrollTo(0, memory.scroll));
  }
  filter();
  if (location.hash && memory.words === undefined) goToHash();
  if (seconds) {
    const pause = one("#pause");
    const name = () => { pause.textContent = isPaused ? "Go on loading anew" : "Stop loading anew"; };
    pause.addEventListener("click", () => { isPaused = !isPaused; name(); keep(); });
    name();
    setInterval(() => { if (!isPaused) { keep(); location.reload(); } }, seconds * 1000);
  }
  document.documentElement.dataset.ready = "yes";
})();
