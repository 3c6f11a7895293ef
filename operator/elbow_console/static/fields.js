// The form's fields. Each knows the path of its value in the document, and shows the faults found there.

import { h, id, show } from "./element.js";

/** A labelled control. `options`: value, placeholder, hint, choices, list, number, min, max; `unless`: the value that says nothing. */
export function field(label, path, options = {}) {
  const name = id("field");
  const [hint, wrong] = [`${name}-hint`, `${name}-wrong`];
  const [control, offered] = make(name, options);
  control.dataset.path = path;
  if (options.number) control.dataset.number = "";
  if (options.unless !== undefined) control.dataset.unless = options.unless;
  control.setAttribute("aria-describedby", `${hint} ${wrong}`);
  return h("div", { class: "field" },
    h("label", { for: name }, label), control, offered,
    h("p", { class: "hint", id: hint }, options.hint ?? ""), h("p", { class: "wrong", id: wrong }));
}

function make(name, { choices, list, value = "", placeholder, number, min, max }) {
  if (choices) {
    return [h("select", { id: name }, choices.map((choice) => {
      const [key, text] = Array.isArray(choice) ? choice : [choice, choice];
      return h("option", { value: key, selected: key === value }, text);
    }))];
  }
  const input = h("input", { id: name, type: number ? "number" : "text", autocomplete: "off", spellcheck: "false", placeholder, min, max, value });
  if (!list) return [input];
  input.setAttribute("list", `${name}-list`);
  return [input, h("datalist", { id: `${name}-list` }, list.map((one) => h("option", { value: one })))];
}

/** One of a few, side by side. */
export function segments(label, path, choices, value, unless) {
  const name = id("choice");
  const wrong = `${name}-wrong`;
  return h("fieldset", { class: "field wide", "aria-describedby": wrong },
    h("legend", {}, label),
    h("div", { class: "segments" }, choices.map(([key, text]) => h("label", {},
      h("input", { type: "radio", name, value: key, checked: key === value, "data-path": path, "data-unless": unless ?? "" }), h("span", {}, text)))),
    h("p", { class: "wrong", id: wrong }));
}

/** The document that the controls of a form make. A control that is hidden, empty, or at its default says nothing. */
export function documentOf(form) {
  const found = {};
  for (const control of form.querySelectorAll("[data-path]")) {
    if (control.closest("[hidden]") || (["radio", "checkbox"].includes(control.type) && !control.checked)) continue;
    const text = control.value.trim();
    if (text === "" || text === control.dataset.unless) continue;
    put(found, control.dataset.path.split("."), "number" in control.dataset && /^\d+$/.test(text) ? Number(text) : text);
  }
  return found;
}

function put(into, [step, ...rest], value) {
  const key = /^\d+$/.test(step) ? Number(step) : step;
  if (key === "*") into.push(value);
  else if (!rest.length) into[key] = value;
  else put((into[key] ??= /^(\d+|\*)$/.test(rest[0]) ? [] : {}), rest, value);
}

/** Show each fault at the control that is nearest to its path; returns those that have none. */
export function place(form, faults, touchedOnly) {
  const controls = [...form.querySelectorAll("[data-path]")].filter((control) => !control.closest("[hidden]"));
  const at = new Map();
  const left = [];
  for (const fault of faults) {
    const path = fault.path.join(".");
    const near = controls.filter((control) => covers(control.dataset.path, path)).sort((a, b) => b.dataset.path.length - a.dataset.path.length)[0]
      ?? (fault.path.length > 2 && controls.find((control) => control.dataset.path.startsWith(`${path}.`)));
    if (near) at.set(near, [...(at.get(near) ?? []), fault.message]);
    else left.push(fault);
  }
  for (const control of controls) {
    const messages = at.get(control);
    const shown = messages && (!touchedOnly || "touched" in control.dataset);
    control.toggleAttribute("aria-invalid", Boolean(shown));
    if (shown) control.setAttribute("aria-invalid", "true");
    const wrong = control.closest(".field")?.querySelector(":scope > .wrong");
    if (wrong && (control.type !== "radio" || control.checked)) show(wrong, shown ? messages.join("; ") : "");
  }
  return left;
}

/** Whether a fault's path is a control's own or below it. */
function covers(own, path) {
  const place = own.replace(/\.\*$/, "");
  return path === place || path.startsWith(`${place}.`);
}
