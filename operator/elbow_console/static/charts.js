// Live charts of ELB's metrics, drawn by uPlot.

import { h, show } from "./element.js";
import { colour, onTheme } from "./theme.js";
import uPlot from "./vendor/uplot/uPlot.esm.js";
import { milliseconds, short } from "./words.js";

const SPANS = [[300, "5 min"], [900, "15 min"], [3600, "1 h"]];
const KEPT = 3600;
const HEIGHT = 132;
const LEAST = 60; // seconds: charts that have just begun are not all emptiness
const STEPS = [5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200];
const PLAIN = [null, null, null, null, null, null, 1]; // times as they are, whatever day begins
const bytes = (value) => (value === null || value === undefined ? "–" : `${short(value)}B`);

const CHARTS = [
  ["Requests per second", "RequestCount, NewConnectionCount", short, [["requests", "requests", "blue"], ["connections", "connections", "grey"]]],
  ["Target response time", "TargetResponseTime", milliseconds, [["p50", "p50", "teal"], ["p95", "p95", "blue"], ["p99", "p99", "violet"]]],
  ["Target responses per second", "HTTPCode_Target_2XX … 5XX", short,
    [["target2xx", "2XX", "green"], ["target3xx", "3XX", "blue"], ["target4xx", "4XX", "amber"], ["target5xx", "5XX", "red"]]],
  ["ELB responses per second", "HTTPCode_ELB_4XX, 5XX", short, [["elb4xx", "4XX", "amber"], ["elb5xx", "5XX", "red"]]],
  ["Surge queue and spillover", "SurgeQueueLength, SpilloverCount", short, [["surgeQueue", "waiting", "violet"], ["spillover", "spilled/s", "red"]]],
  ["Connections", "ActiveConnectionCount, RejectedConnectionCount", short, [["active", "active", "blue"], ["rejected", "rejected/s", "red"]]],
  ["Hosts", "HealthyHostCount, UnHealthyHostCount", short, [["healthy", "healthy", "green"], ["unhealthy", "unhealthy", "red"]]],
  ["Processed bytes per second", "ProcessedBytes", bytes, [["bytes", "both directions", "teal"]]],
];

/** The charts of one load balancer; `add` takes points as the console sends them. */
export function monitoring() {
  const points = { times: [], zones: { "": {} } };
  let zone = "";
  let span = SPANS[0][0];
  const drawn = CHARTS.map((chart) => card(...chart));
  const chosen = h("select", { "aria-label": "Zone of the charts", onchange: () => { zone = chosen.value; draw(); } }, h("option", { value: "" }, "All zones"));
  const spans = h("div", { class: "segments", role: "group", "aria-label": "Time span" }, SPANS.map(([seconds, text]) =>
    h("button", { type: "button", "aria-pressed": String(seconds === span), onclick: (event) => {
      span = seconds;
      for (const button of spans.children) button.setAttribute("aria-pressed", String(button === event.currentTarget));
      draw();
    } }, text)));
  const wrong = h("p", { class: "notice warn", hidden: true });
  const node = h("section", { class: "card", "aria-label": "Monitoring" },
    h("div", { class: "section-head" }, h("h2", {}, "Monitoring"), h("div", { class: "actions" }, chosen, spans)),
    wrong, h("div", { class: "charts" }, drawn.map((one) => one.node)));
  const forget = onTheme(() => drawn.forEach((one) => one.renew()));

  function draw() {
    const now = points.times.at(-1) ?? Date.now() / 1000;
    const first = points.times.findIndex((time) => time >= now - span - 2);
    const from = first < 0 ? points.times.length : first;
    drawn.forEach((one) => one.draw(points.times.slice(from), points.zones[zone] ?? {}, from, [Math.max(now - span, Math.min(points.times[0] ?? now, now - LEAST)), now]));
  }

  function add(news) {
    join(points, news);
    const zones = Object.keys(points.zones).filter(Boolean).sort();
    if (zones.length + 1 !== chosen.options.length) {
      show(chosen, ["", ...zones].map((name) => h("option", { value: name, selected: name === zone }, name || "All zones")));
    }
    draw();
  }

  return {
    node, add,
    refused: (why) => { wrong.hidden = !why; wrong.textContent = why && `The charts need the right to get pods/proxy: ${why}`; },
    latest: () => Object.fromEntries(Object.entries(points.zones).map(([name, lines]) =>
      [name, Object.fromEntries(Object.entries(lines).map(([line, values]) => [line, values.at(-1)]))])),
    close: () => { forget(); drawn.forEach((one) => one.close()); },
  };
}

/** Put newer points behind those there are; a zone that wasn't there before has gaps where it wasn't. */
function join(points, news) {
  const [before, more] = [points.times.length, news.times.length];
  points.times.push(...news.times);
  for (const zone of new Set([...Object.keys(points.zones), ...Object.keys(news.zones)])) {
    const lines = (points.zones[zone] ??= {});
    for (const line of new Set([...Object.keys(lines), ...Object.keys(news.zones[zone] ?? {})])) {
      (lines[line] ??= new Array(before).fill(null)).push(...(news.zones[zone]?.[line] ?? new Array(more).fill(null)));
    }
  }
  const old = points.times.findIndex((time) => time >= points.times.at(-1) - KEPT);
  if (old > 0) {
    points.times.splice(0, old);
    for (const lines of Object.values(points.zones)) for (const values of Object.values(lines)) values.splice(0, old);
  }
}

function card(name, metric, text, lines) {
  const place = h("div", { class: "plot", "aria-hidden": "true" });
  const values = lines.map(() => h("b", {}, "–"));
  const legend = h("ul", { class: "legend" }, lines.map(([, label, tint], i) => h("li", {}, h("i", { class: `swatch ${tint}` }), label, " ", values[i])));
  const node = h("figure", { class: "chart" }, h("figcaption", {}, h("span", { class: "chart-name" }, name), h("span", { class: "metric", title: metric }, metric)), legend, place);
  let plot = null;
  let kept = null;

  function make(range) {
    const line = colour("line");
    const axis = { stroke: colour("muted"), font: `11px ${colour("sans")}`, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    plot = new uPlot({
      width: Math.max(160, place.clientWidth), height: HEIGHT, padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: "elb" }, drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { time: true, range: () => kept.range }, y: { range: (_, __, most) => [0, Math.max(most * 1.15, 1)] } },
      axes: [
        { ...axis, grid: { show: false }, space: 64, size: 24, incrs: STEPS, values: [[60, "{HH}:{mm}", ...PLAIN], [1, "{HH}:{mm}:{ss}", ...PLAIN]] },
        { ...axis, space: 30, size: 46, values: (_, ticks) => ticks.map(text) },
      ],
      series: [{}, ...lines.map(([, label, tint], i) => ({
        label, stroke: colour(tint), width: 1.6, points: { show: false }, fill: i === 0 ? `${colour(tint)}1a` : undefined,
      }))],
      hooks: { setCursor: [tell] },
    }, kept.data, place);
    kept.range = range;
  }

  function tell() {
    const at = plot?.cursor.idx;
    kept.data.slice(1).forEach((column, i) => { values[i].textContent = text(at === null || at === undefined ? column.at(-1) : column[at]); });
  }

  function draw(times, zone, from, range) {
    kept = { data: [times, ...lines.map(([line]) => zone[line]?.slice(from) ?? times.map(() => null))], range };
    if (!place.isConnected || !place.clientWidth) return;
    if (plot) plot.setData(kept.data);
    else make(range);
    tell();
  }

  function renew() {
    plot?.destroy();
    plot = null;
    if (kept && place.clientWidth) { make(kept.range); tell(); }
  }

  const sizes = new ResizeObserver(() => plot?.setSize({ width: Math.max(160, place.clientWidth), height: HEIGHT }));
  sizes.observe(place);
  return { node, draw, renew, close: () => { sizes.disconnect(); plot?.destroy(); } };
}
