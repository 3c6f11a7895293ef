// YAML as it is shown: keys and comments in colours, lines numbered, those with a fault marked.

import { h, show } from "./element.js";

/** The lines of a text; `faults` have a line and a message. */
export function lines(text, faults = []) {
  const wrong = new Map(faults.map((fault) => [fault.line, fault.message]));
  return text.replace(/\n$/, "").split("\n").map((line, i) =>
    h("span", { class: wrong.has(i + 1) ? "code-line wrong-line" : "code-line", title: wrong.get(i + 1) }, ...coloured(line), "\n"));
}

function coloured(line) {
  const [, before, key, after] = /^(\s*(?:- )?)([A-Za-z0-9_.\/-]+)(:.*)$/.exec(line) ?? [];
  if (key === undefined) return [/^\s*#/.test(line) ? h("span", { class: "code-comment" }, line) : line];
  return [before, h("span", { class: "code-key" }, key), after];
}

/** A read-only view of YAML. */
export function view(label) {
  const code = h("pre", { class: "code", tabindex: "0", "aria-label": label });
  return { node: code, draw: (text, faults) => show(code, lines(text, faults)) };
}
