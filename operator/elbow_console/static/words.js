// ELB's words as people see them: how each looks, and numbers and times in short.

import { h, s } from "./element.js";

const TONES = {
  active: "good", healthy: "good", ready: "good", True: "good",
  provisioning: "busy", initial: "busy", starting: "busy",
  active_impaired: "warn", impaired: "bad", draining: "warn", shifted: "warn", ending: "warn", deleting: "warn",
  failed: "bad", unhealthy: "bad", "unhealthy.draining": "bad", failing: "bad", False: "bad",
  unavailable: "odd", unused: "calm",
};

const SHAPES = {
  good: "M3.5 8.5l3 3 6-7",
  bad: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  warn: "M8 3.5v5.5M8 12v.5",
  busy: "M4 8h.5M8 8h.5M12 8h.5",
  odd: "M5 5.5a3 3 0 1 1 3 3.2V10M8 12.5v.3",
  calm: "M4.5 8h7",
};

/** How a state looks: good, busy, warn, bad, odd or calm. */
export function tone(state) {
  return TONES[state] ?? "calm";
}

/** A state's sign, told apart by its shape as well as by its colour. */
export function sign(state, at) {
  const look = tone(state);
  const place = at ? { x: at.x, y: at.y } : {};
  return s("svg", { class: `sign ${look}`, viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", ...place },
    s("circle", { cx: 8, cy: 8, r: 7.5 }), s("path", { d: SHAPES[look] }));
}

/** A state with its sign. */
export function pill(state, title) {
  return h("span", { class: `pill ${tone(state)}`, title }, sign(state), state);
}

/** How long ago a time was, in its largest unit. */
export function age(time) {
  if (!time) return "–";
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)}${unit}`;
  }
  return `${Math.floor(seconds)}s`;
}

/** A number in three digits: 0, 0.42, 12.3, 1.2k, 3.4M. */
export function short(value) {
  if (value === null || value === undefined) return "–";
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (value >= size) return `${three(value / size)}${unit}`;
  }
  return three(value);
}

function three(value) {
  if (value === 0) return "0";
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(2).replace(/\.?0+$/, "");
}

/** Milliseconds: 0.8 ms, 12 ms, 1.2 s. */
export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  return value >= 1000 ? `${three(value / 1000)} s` : `${three(value)} ms`;
}

/** A word with its number: 1 target, 2 targets. */
export function count(number, word, many = `${word}s`) {
  return `${number} ${`${number}` === "1" ? word : many}`;
}
