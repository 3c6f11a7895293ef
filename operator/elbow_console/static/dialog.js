// Questions in a dialog of the browser's own, which keeps the focus and closes by Escape.

import { h, id } from "./element.js";

/** Open a dialog; `content` gets the function that closes it, and returns what is in it. */
export function open(title, content) {
  const name = id("dialog");
  const dialog = h("dialog", { "aria-labelledby": name, onclose: () => dialog.remove() });
  const close = () => dialog.close();
  dialog.append(
    h("header", {}, h("h2", { id: name }, title), h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: close }, "✕")),
    ...content(close),
  );
  document.body.append(dialog);
  dialog.showModal();
  return close;
}

/** Buttons that do something and close, or show what went wrong. `act` returns an error's text, or nothing. */
export function deed(label, close, act, kind = "primary") {
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: kind }, label);
  const buttons = h("footer", {}, h("button", { type: "button", onclick: close }, "Cancel"), button);
  const done = async (event) => {
    event.preventDefault();
    button.disabled = true;
    const error = await act();
    button.disabled = false;
    wrong.textContent = error ?? "";
    wrong.hidden = !error;
    if (!error) close();
  };
  return { wrong, buttons, button, done };
}

/** Tell the user, without asking, that something is done. */
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => said.classList.remove("shown"), 5000);
}
