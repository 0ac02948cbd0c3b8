(() => {
  "use strict";
  const NEAR = 24; // nodes of a column of a neighbourhood
  const HITS = 20;
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (selector, from = document) => from.querySelector(selector);

  // Theme: the system's, or the one that was chosen. A file opened from disk may have no storage.
  const themes = ["system", "light", "dark"];
  const stored = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("iamsync-theme");
      localStorage.setItem("iamsync-theme", value);
    } catch {
      // Nothing is remembered then.
    }
    return null;
  };
  const theme = one("#theme");
  const wear = (name) => {
    if (name === "system") delete root.dataset.theme;
    else root.dataset.theme = name;
    theme.textContent = `Theme: ${name}`;
    theme.dataset.now = name;
  };
  theme.hidden = false;
  wear(themes.includes(stored()) ? stored() : "system");
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(theme.dataset.now) + 1) % themes.length];
    stored(next);
    wear(next);
  });

  // Search and filter.
  const parts = all("section.part")
    .filter((section) => one(".rows", section))
    .map((section) => ({
      section,
      rows: all(".rows > .row", section).map((row) => ({ row, text: null })),
      limit: Number(section.dataset.once),
      number: one(".n", section),
      nothing: one(".nothing", section),
      more: one(".more", section),
    }));
  const form = one("#filters");
  const find = one("#find");
  const selects = all("select", form);
  const found = one("#found");
  const PAGE = parts[0]?.limit ?? 0; // rows of a section that are shown at once
  const number = new Intl.NumberFormat("en");

  const wanted = () => ({
    words: find.value.toLowerCase().split(/\s+/).filter(Boolean),
    facets: selects.filter((s) => s.value).map((s) => [s.dataset.facet, s.value]),
  });
  const fits = (item, { words, facets }) => {
    for (const [facet, value] of facets) {
      const held = item.row.dataset[facet];
      if (held === undefined) return false;
      if (facet === "account" ? held !== value : !held.split(" ").includes(value)) return false;
    }
    if (!words.length) return true;
    item.text ??= item.row.textContent.toLowerCase();
    return words.every((word) => item.text.includes(word));
  };
  const apply = () => {
    const asked = wanted();
    const open = !asked.words.length && !asked.facets.length;
    let total = 0;
    for (const part of parts) {
      let shown = 0;
      for (const item of part.rows) {
        const fit = open || fits(item, asked);
        if (fit) shown += 1;
        item.row.classList.toggle("out", !fit);
        item.row.classList.toggle("later", fit && shown > part.limit);
      }
      total += shown;
      const size = part.rows.length;
      part.number.textContent = open ? number.format(size) : `${number.format(shown)} of ${number.format(size)}`;
      part.nothing.hidden = open || shown > 0;
      part.more.hidden = shown <= part.limit;
      if (shown > part.limit) {
        const left = shown - part.limit;
        one("button", part.more).textContent = `Show ${Math.min(PAGE, left)} more of ${number.format(left)}`;
      }
    }
    found.textContent = open ? "" : `${number.format(total)} found`;
  };
  const restart = () => {
    for (const part of parts) part.limit = PAGE;
    apply();
  };
  let timer = 0;
  find.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(restart, 120);
  });
  for (const select of selects) select.addEventListener("change", restart);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(restart));
  for (const part of parts) {
    one("button", part.more).addEventListener("click", () => {
      const next = part.rows.filter(({ row }) => row.classList.contains("later"))[0];
      part.limit += PAGE;
      apply();
      const target = next && (one("summary", next.row) || next.row);
      if (target) target.focus({ preventScroll: true });
    });
  }
  form.hidden = false;
  apply();

  // Folding.
  for (const folds of all(".folds")) {
    folds.hidden = false;
    const part = parts.find(({ section }) => section.contains(folds));
    for (const button of all("button", folds)) {
      button.addEventListener("click", () => {
        for (const { row } of part.rows) {
          if (!row.classList.contains("out") && !row.classList.contains("later")) {
            const details = one("details", row);
            if (details) details.open = button.dataset.fold === "open";
          }
        }
      });
    }
  }
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all(".row:not(.out) > details:not([open])");
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
  });

  // Links inside the page lead to rows that a filter, a page or a fold hides.
  const reveal = () => {
    let id = "";
    try {
      id = decodeURIComponent(location.hash.slice(1));
    } catch {
      return;
    }
    const target = id && document.getElementById(id);
    if (!target) return;
    if (target.classList.contains("row")) {
      if (target.classList.contains("out")) {
        find.value = "";
        for (const select of selects) select.value = "";
        apply();
      }
      const part = parts.find(({ section }) => section.contains(target));
      if (target.classList.contains("later")) {
        const at = part.rows.findIndex(({ row }) => row === target);
        part.limit = Math.ceil((at + 1) / PAGE) * PAGE;
        apply();
      }
      const details = one("details", target);
      if (details) details.open = true;
      for (const lit of all(".hit")) lit.classList.remove("hit");
      target.classList.add("hit");
      (one("summary", target) || target).focus({ preventScroll: true });
    } else {
      target.focus({ preventScroll: true });
    }
    target.scrollIntoView({ block: target.classList.contains("row") ? "center" : "start" });
  };
  addEventListener("hashchange", reveal);
  addEventListener("click", (event) => {
    const tile = event.target.closest?.("a[href^='#']");
    if (!tile) return;
    const select = tile.dataset.facet && selects.find((s) => s.dataset.facet === tile.dataset.facet);
    if (select) {
      find.value = "";
      for (const other of selects) other.value = other === select ? tile.dataset.value : "";
      restart();
    }
    if (!event.defaultPrevented && tile.getAttribute("href") === location.hash) setTimeout(reveal);
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      find.focus();
    } else if (event.key === "Escape" && event.target === find && find.value) {
      find.value = "";
      restart();
    }
  });

  // The access graph: the picture that came with the page, and neighbourhoods drawn here.
  const graph = JSON.parse(one("#data").textContent);
  const whole = one("#whole");
  const near = one("#near");
  if (graph && near) {
    const box = one("#graph-tools");
    const search = one("#graph-find");
    const hits = one("#graph-hits");
    const status = one("#graph-status");
    const back = one("#graph-back");
    const svg = (name, given, text) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const key of Object.keys(given)) made.setAttribute(key, given[key]);
      if (text !== undefined) made.textContent = text;
      return made;
    };
    const label = (at) => graph.nodes[at][2];
    const told = (at) => `${graph.nodes[at][1].replaceAll("_", " ")} ${label(at)}`;
    const out = graph.nodes.map(() => []);
    const into = graph.nodes.map(() => []);
    graph.edges.forEach((edge, at) => {
      out[edge[0]].push(at);
      into[edge[1]].push(at);
    });
    const order = (a, b) => graph.nodes[a][0] - graph.nodes[b][0] || (label(a) < label(b) ? -1 : 1);

    const step = (from, edges, end, seen) => {
      const next = new Set();
      for (const at of from) for (const edge of edges[at]) if (!seen.has(graph.edges[edge][end])) next.add(graph.edges[edge][end]);
      for (const at of next) seen.add(at);
      const sorted = [...next].sort(order);
      return { shown: sorted.slice(0, NEAR), more: Math.max(0, sorted.length - NEAR) };
    };
    const cut = (text) => (text.length > 32 ? `${text.slice(0, 15)}…${text.slice(-16)}` : text);

    const show = (centre) => {
      const seen = new Set([centre]);
      const left = step([centre], into, 0, seen);
      const right = step([centre], out, 1, seen);
      const lefter = step(left.shown, into, 0, seen);
      const righter = step(right.shown, out, 1, seen);
      const columns = [lefter, left, { shown: [centre], more: 0 }, right, righter].filter((c) => c.shown.length);
      const rows = Math.max(...columns.map((c) => c.shown.length + (c.more ? 1 : 0)));
      const height = Math.max(rows, 3) * 28 + 20;
      const place = new Map();
      const drawing = svg("svg", { id: "neighbourhood", role: "group" });
      const lines = svg("g", {});
      drawing.append(lines);
      let x = 10;
      for (const column of columns) {
        const size = column.shown.length + (column.more ? 1 : 0);
        const width = Math.max(...column.shown.map((at) => cut(label(at)).length), 8) * 7.3 + 20;
        let y = (height - size * 28) / 2 + 14;
        for (const at of column.shown) {
          place.set(at, [x, y, width]);
          const state = graph.nodes[at][3].replace(" ", "-");
          const spot = svg("a", { href: `#i${at}`, class: `spot ${state}${at === centre ? " centre" : ""}`, "data-n": at, "aria-label": told(at) });
          spot.append(svg("title", {}, told(at)));
          spot.append(svg("rect", { x, y: y - 11, width, height: 22, rx: 5 }));
          spot.append(svg("text", { x: x + 10, y: y + 4 }, cut(label(at))));
          drawing.append(spot);
          y += 28;
        }
        if (column.more) drawing.append(svg("text", { x: x + 10, y: y + 4, class: "column" }, `and ${number.format(column.more)} more`));
        x += width + 110;
      }
      for (const [source, target, kind, certain, mark] of graph.edges) {
        const from = place.get(source);
        const to = place.get(target);
        if (!from || !to) continue;
        let [x1, y1, x2, y2] = [from[0] + from[2], from[1], to[0] - 4, to[1]];
        let bend = Math.max(40, (x2 - x1) / 2);
        let end = x2 - bend;
        if (from[0] >= to[0]) {
          [x1, x2] = from[0] === to[0] ? [x1, to[0] + to[2] + 4] : [from[0], to[0] + to[2] + 4];
          bend = from[0] === to[0] ? 50 : -40;
          end = from[0] === to[0] ? x2 + 50 : x2 + 40;
        }
        const line = svg("path", { class: `${kind}${certain ? "" : " perhaps"} ${mark}`, d: `M${x1} ${y1}C${x1 + bend} ${y1} ${end} ${y2} ${x2} ${y2}`, "data-s": source, "data-t": target });
        lines.append(line);
      }
      drawing.setAttribute("width", x - 60);
      drawing.setAttribute("height", height);
      drawing.setAttribute("viewBox", `0 0 ${x - 60} ${height}`);
      drawing.setAttribute("aria-label", `Neighbourhood of ${told(centre)}`);
      near.replaceChildren(drawing);
      if (whole) whole.style.display = "none";
      back.hidden = false;
      const link = document.createElement("a");
      link.href = `#i${centre}`;
      link.textContent = "in the inventory";
      const more = lefter.more + left.more + right.more + righter.more;
      const words = `Neighbourhood of ${told(centre)}: ${number.format(into[centre].length)} in, ${number.format(out[centre].length)} out${more ? `, ${number.format(more)} further nodes not drawn` : ""}; `;
      status.replaceChildren(words, link);
    };
    const restore = () => {
      near.replaceChildren();
      status.replaceChildren();
      if (whole) whole.style.display = "";
      back.hidden = true;
    };
    back.addEventListener("click", () => {
      restore();
      search.focus();
    });
    const names = graph.nodes.map((_, at) => told(at).toLowerCase());
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      hits.replaceChildren();
      if (!words.length) return;
      const all = names.flatMap((name, at) => (words.every((word) => name.includes(word)) ? [at] : []));
      for (const at of all.slice(0, HITS)) {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = told(at);
        button.dataset.n = at;
        const item = document.createElement("li");
        item.append(button);
        hits.append(item);
      }
      status.textContent = all.length > HITS ? `${number.format(all.length)} found, ${HITS} shown` : `${number.format(all.length)} found`;
    });
    hits.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) show(Number(button.dataset.n));
    });
    const picture = one(".picture");
    picture.addEventListener("click", (event) => {
      const spot = event.target.closest("a[data-n]");
      if (!spot) return;
      event.preventDefault();
      show(Number(spot.dataset.n));
      const again = one(".centre", near);
      if (again) again.focus({ preventScroll: true });
    });
    const light = (event) => {
      const spot = event.target.closest?.("a[data-n]");
      const drawing = event.target.closest?.("svg");
      for (const lit of all(".lit", picture)) lit.classList.remove("lit");
      for (const other of all("svg.focused", picture)) other.classList.remove("focused");
      if (!spot || !drawing) return;
      drawing.classList.add("focused");
      const ends = new Set([spot.dataset.n]);
      for (const line of all("path", drawing)) {
        if (line.dataset.s === spot.dataset.n || line.dataset.t === spot.dataset.n) {
          line.classList.add("lit");
          ends.add(line.dataset.s).add(line.dataset.t);
        }
      }
      for (const other of all("a[data-n]", drawing)) if (ends.has(other.dataset.n)) other.classList.add("lit");
    };
    picture.addEventListener("mouseover", light);
    picture.addEventListener("focusin", light);
    picture.addEventListener("mouseleave", light);
    picture.addEventListener("focusout", light);
    box.hidden = false;
  }
  root.dataset.ready = "yes";
  if (location.hash) reveal();
})();
