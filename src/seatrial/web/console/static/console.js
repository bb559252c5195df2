// Charts of an endpoint, and the few things that must survive when htmx replaces a part of the page.
"use strict";

const COLOURS = ["--one", "--two", "--three", "--four", "--five", "--six"];
const EVERY_MS = 2000;
const HEIGHT = 200;
const HALF_MINUTE = 30;  // seconds around a point that stands alone; uPlot would show two days
const SILENCE = 3; // spans without a request after which a line ends

const clock = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const calendar = new Intl.DateTimeFormat(document.documentElement.lang, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

function columns(series, key, factor, width) {
  // Versions have points at different times: one shared axis. Where a version has no point, its row
  // is undefined, which a line crosses, or null, which it does not: nobody asked it for so long.
  const versions = Object.keys(series);
  const silences = (points) => points.slice(1).flatMap((p, i) => (p.t - points[i].t > SILENCE * width ? [points[i].t + width] : []));
  const times = [...new Set(versions.flatMap((v) => [...series[v].map((p) => p.t), ...silences(series[v])]))].sort((a, b) => a - b);
  const place = new Map(times.map((t, i) => [t, i]));
  const rows = versions.map((v) => {
    const row = new Array(times.length).fill(undefined);
    for (const t of silences(series[v])) row[place.get(t)] = null;
    for (const p of series[v]) row[place.get(p.t)] = p[key] === null ? null : p[key] * factor;
    return row;
  });
  return { versions, data: [times, ...rows] };
}

function alone(plot, index) {
  // Points with no neighbour to draw a line to.
  const row = plot.data[index];
  const known = row.flatMap((value, i) => (value === undefined ? [] : [i]));
  const ends = (i) => i === undefined || row[i] === null;
  return known.filter((i, k) => row[i] !== null && ends(known[k - 1]) && ends(known[k + 1]));
}

function draw(holder, label, found) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const time = { ...axis, space: 80, values: (_, ticks) => ticks.map((t) => clock.format(1000 * t)) };
  const lines = found.versions.map((v, i) => ({
    label: `${label} ${v}`, stroke: colour(COLOURS[i % COLOURS.length]), width: 2, points: { show: false, filter: alone },
  }));
  holder.replaceChildren();
  return new uPlot({
    width: holder.clientWidth,
    height: HEIGHT,
    padding: [null, 30, null, null],
    series: [{}, ...lines],
    axes: [time, { ...axis, size: 50 }],
    legend: { live: false },
    cursor: { show: false },
    scales: {
      x: { range: (_, low, high) => (low !== null && low === high ? [low - HALF_MINUTE, high + HALF_MINUTE] : [low, high]) },
      y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] },
    },
  }, found.data, holder);
}

function watchCharts(box) {
  const charts = new Map();
  const holders = [...box.querySelectorAll("[data-chart]")];
  let last = null;
  function show() {
    if (last === null) return;
    for (const holder of holders) {
      const found = columns(last.series, holder.dataset.chart, Number(holder.dataset.factor || 1), last.width_s);
      const known = charts.get(holder);
      const same = known && known.versions.join() === found.versions.join() && known.width === holder.clientWidth;
      if (same) known.plot.setData(found.data);
      else charts.set(holder, { plot: draw(holder, box.dataset.version, found), versions: found.versions, width: holder.clientWidth });
    }
  }
  async function refresh() {
    try {
      const answer = await fetch(box.dataset.metrics, { signal: AbortSignal.timeout(4000) });
      if (!answer.ok) return;
      last = await answer.json();
      show();
    } catch (problem) {
      console.warn("metrics are not to be had:", problem);
    }
  }
  refresh();
  setInterval(refresh, EVERY_MS);
  addEventListener("resize", show);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { charts.clear(); show(); });
}

// What a reader opened or closed stays so, whatever the server sends.
const open = new Map();
document.addEventListener("toggle", (e) => {
  if (e.target.dataset.keep && e.target.isConnected) open.set(e.target.dataset.keep, e.target.open);
}, true);

function settle() {
  for (const kept of document.querySelectorAll("details[data-keep]")) {
    if (open.has(kept.dataset.keep)) kept.open = open.get(kept.dataset.keep);
  }
  for (const field of document.querySelectorAll("input[data-filter]")) {
    const text = typed.get(field.dataset.filter);
    if (!text) continue;
    field.value = text;
    sift(field);
  }
  for (const time of document.querySelectorAll("time[datetime]")) {
    time.textContent = calendar.format(new Date(time.dateTime));
  }
}

// What the server sends again without a change is not drawn again: nothing jumps, nothing is lost.
const drawn = new Map();
document.addEventListener("htmx:beforeSwap", (e) => {
  const { xhr, target, requestConfig } = e.detail;
  if (!target.id || xhr.status !== 200) return;
  if (requestConfig.verb === "get" && drawn.get(target.id) === xhr.responseText) e.detail.shouldSwap = false;
  drawn.set(target.id, xhr.responseText);
});

// Columns that have what is typed in their name; those folded away are unfolded for it.
function sift(field) {
  const box = document.getElementById(field.dataset.filter);
  const wanted = field.value.trim().toLowerCase();
  for (const column of box.querySelectorAll("details.column")) column.hidden = !column.dataset.name.includes(wanted);
  const rest = box.querySelector("details.rest");
  if (rest && wanted) rest.open = true;
}
const typed = new Map();
document.addEventListener("input", (e) => {
  if (!e.target.dataset.filter) return;
  typed.set(e.target.dataset.filter, e.target.value);
  sift(e.target);
});

// What was found is asked again in the other language; what a model wrote is put back as it was.
const FOUND = "seatrial.found";
function keepFound() {
  const form = document.querySelector("form.question");
  const found = document.getElementById("found");
  if (!form || !found.firstElementChild) return;
  sessionStorage.setItem(FOUND, JSON.stringify({
    path: location.pathname,
    fields: Object.fromEntries(new FormData(form)),
    button: found.querySelector(".reply") ? "ask" : "search",
    shown: found.querySelector("[data-costs]") ? found.innerHTML : null,
  }));
}
function findAgain() {
  const kept = JSON.parse(sessionStorage.getItem(FOUND));
  sessionStorage.removeItem(FOUND);
  const form = document.querySelector("form.question");
  if (!kept || !form || kept.path !== location.pathname) return;
  for (const [name, value] of Object.entries(kept.fields)) form.elements[name].value = value;
  if (kept.shown === null) document.getElementById(kept.button).click();
  else document.getElementById("found").innerHTML = kept.shown;
}

function stale(is) {
  document.getElementById("stale").hidden = !is;
}

document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("[data-metrics]")) watchCharts(box);
  for (const link of document.querySelectorAll("a[data-language]")) {
    link.search = "?back=" + encodeURIComponent(location.pathname + location.search);
    link.addEventListener("click", keepFound);
  }
  settle();
  findAgain();
});
document.addEventListener("htmx:afterSwap", settle);
document.addEventListener("htmx:afterRequest", (e) => {
  if (e.detail.successful && "empty" in e.detail.elt.dataset) e.detail.elt.reset();
});
document.addEventListener("htmx:afterRequest", (e) => stale(!e.detail.successful && !e.detail.xhr.status));
document.addEventListener("htmx:responseError", (e) => { if (e.detail.xhr.status === 403) location.reload(); });
