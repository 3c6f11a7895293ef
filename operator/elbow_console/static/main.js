// Which page is shown.

import * as balancer from "./balancer.js";
import * as cluster from "./cluster.js";
import * as create from "./create.js";
import { open } from "./dialog.js";
import * as edit from "./edit.js";
import { h, show } from "./element.js";
import * as list from "./list.js";
import * as theme from "./theme.js";

const main = document.getElementById("main");
const crumbs = document.getElementById("crumbs");
const pages = [
  [/^\/create$/, create],
  [/^\/([^/]+)\/([^/]+)\/edit$/, edit],
  [/^\/([^/]+)\/([^/]+)$/, balancer],
  [/^\/$/, list],
];
const keys = [
  ["/", "filter the list"], ["c", "create a load balancer"], ["e", "edit the one shown"], ["l", "back to the list"],
  ["↑ ↓ Enter", "walk the list, open"], ["← → ↑ ↓", "walk zones, proxies and targets in the picture"], ["?", "these keys"],
];
let leave = () => {};

/** Go to a page of the console. */
export function go(path) {
  history.pushState(null, "", path);
  route();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function route() {
  const [pattern, page] = pages.find(([one]) => one.test(location.pathname)) ?? [/^/, list];
  const [, ...parts] = pattern.exec(location.pathname).map((part) => part && decodeURIComponent(part));
  leave();
  main.className = "";
  main.replaceChildren();
  show(crumbs);
  leave = page.open({ main, go, heard: cluster.cluster, lost: cluster.lost, title }, ...parts) ?? (() => {});
}

/** Name the page: the last of its breadcrumbs is where the user is. */
function title(...steps) {
  document.title = [...steps.map(([name]) => name).reverse(), "Elbow"].join(" · ");
  show(crumbs, h("ol", {}, steps.map(([name, path], i) =>
    h("li", {}, i === steps.length - 1 ? h("span", { "aria-current": "page" }, name) : h("a", { href: path }, name)))));
}

function help() {
  open("Keyboard", () => [
    h("dl", { class: "keys" }, keys.map(([key, what]) => [h("dt", {}, key.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, what)])),
  ]);
}

addEventListener("popstate", route);
addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='/']");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("input, textarea, select")) return;
  const shortcut = document.querySelector(`[data-shortcut="${CSS.escape(event.key)}"]`);
  if (event.key === "?") help();
  else if (event.key === "l") go("/");
  else if (event.key === "c" && !shortcut) go("/create");
  else if (shortcut?.matches("input")) shortcut.focus();
  else if (shortcut) shortcut.click();
  else return;
  event.preventDefault();
});
document.getElementById("help").addEventListener("click", help);
document.getElementById("skip").addEventListener("click", () => main.focus());
theme.start();
route();
