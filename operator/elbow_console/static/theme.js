// Light or dark: the system's choice until the user makes one.

const KEPT = "elbow-console-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

function now() {
  return localStorage.getItem(KEPT) ?? (system.matches ? "dark" : "light");
}

function apply() {
  document.documentElement.dataset.theme = now();
  document.getElementById("theme").textContent = now() === "dark" ? "☀" : "☾";
  for (const listener of listeners) listener();
}

/** Call back when the colours change; returns the function that ends it. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A colour of the style sheet, for what is drawn on a canvas. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function start() {
  document.getElementById("theme").addEventListener("click", () => {
    localStorage.setItem(KEPT, now() === "dark" ? "light" : "dark");
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}
