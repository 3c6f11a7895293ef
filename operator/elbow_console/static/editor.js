// YAML that can be typed.

import { h, show } from "./element.js";
import { lines } from "./yaml.js";

/** A text area with numbered lines behind it. */
export function editor(label, changed) {
  const behind = h("pre", { class: "code", "aria-hidden": "true" });
  let faults = [];
  const text = h("textarea", { "aria-label": label, spellcheck: "false", autocomplete: "off", wrap: "off", oninput: () => { paint(faults); changed(); } });
  text.addEventListener("scroll", () => { behind.scrollLeft = text.scrollLeft; });
  function paint(found) {
    faults = found;
    show(behind, lines(text.value, faults));
    text.rows = Math.max(12, text.value.split("\n").length);
  }
  return { node: h("div", { class: "editor" }, behind, text), text, paint };
}
