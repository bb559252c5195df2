// Charts of an endpoint, and the few things that must survive when htmx replaces a part of the page.
"use strict";

const COLOURS = ["#0a7ea4", "#d9480f", "#2b8a3e", "#9c36b5", "#c92a2a", "#5f6b76"];
const EVERY_MS = 2000;
const HEIGHT = 180;

function columns(series, key, factor) {
  // Versions have points at different times: one shared axis, null where a version has none.
  const versions = Object.keys(series);
  const times = [...new Set(versions.flatMap((v) => series[v].map((p) => p.t)))].sort((a, b) => a - b);
  const place = new Map(times.map((t, i) => [t, i]));
  const rows = versions.map((v) => {
    const row = new Array(times.length).fill(null);
    for (const p of series[v]) row[place.get(p.t)] = p[key] === null ? null : p[key] * factor;
    return row;
  });
  return { versions, data: [times, ...rows] };
}

function draw(holder, label, found) {
  const style = getComputedStyle(document.documentElement);
  const axis = { stroke: style.getPropertyValue("--quiet"), grid: { stroke: style.getPropertyValue("--line"), width: 1 } };
  const line = (v, i) => ({ label: `${label} ${v}`, stroke: COLOURS[i % COLOURS.length], width: 2, spanGaps: true });
  const options = {
    width: holder.clientWidth,
    height: HEIGHT,
    series: [{}, ...found.versions.map(line)],
    axes: [axis, { ...axis, size: 55 }],
    scales: { y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] } },
  };
  holder.replaceChildren();
  return new uPlot(options, found.data, holder);
}

function watchCharts(box) {
  const charts = new Map();
  const holders = [...box.querySelectorAll("[data-chart]")];
  async function refresh() {
    try {
      const answer = await fetch(box.dataset.metrics, { signal: AbortSignal.timeout(4000) });
      if (!answer.ok) return;
      const { series } = await answer.json();
      for (const holder of holders) {
        const found = columns(series, holder.dataset.chart, Number(holder.dataset.factor || 1));
        const known = charts.get(holder);
        const same = known && known.versions.join() === found.versions.join() && known.width === holder.clientWidth;
        if (same) known.plot.setData(found.data);
        else charts.set(holder, { plot: draw(holder, box.dataset.version, found), versions: found.versions, width: holder.clientWidth });
      }
    } catch (problem) {
      console.warn("metrics are not to be had:", problem);
    }
  }
  refresh();
  setInterval(refresh, EVERY_MS);
}

function stale(is) {
  document.getElementById("stale").hidden = !is;
}

document.addEventListener("DOMContentLoaded", () => {
  for (const box of document.querySelectorAll("[data-metrics]")) watchCharts(box);
  for (const link of document.querySelectorAll("a[data-language]")) {
    link.search = "?back=" + encodeURIComponent(location.pathname);
  }
});
document.addEventListener("htmx:afterRequest", (e) => stale(!e.detail.successful && !e.detail.xhr.status));
document.addEventListener("htmx:beforeSwap", (e) => {
  // What a reader closed stays closed.
  for (const kept of document.querySelectorAll("details[data-keep]")) {
    if (!kept.open) e.detail.serverResponse = e.detail.serverResponse.replace(`data-keep="${kept.dataset.keep}" open`, `data-keep="${kept.dataset.keep}"`);
  }
});
