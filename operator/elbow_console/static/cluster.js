// Which cluster is shown, and whether it can be reached.

import { h, show } from "./element.js";

const main = document.getElementById("main");
const banner = document.getElementById("banner");
const place = document.getElementById("cluster");

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString();
}

function away(...words) {
  main.classList.add("stale");
  show(banner, h("strong", {}, words[0]), " ", words[1]);
  banner.hidden = false;
}

/** Show what the console says of the cluster. */
export function cluster(told) {
  const server = told.server.replace(/^https?:\/\//, "");
  const scope = told.namespace ? `namespace ${told.namespace}` : "all namespaces";
  show(place, h("span", { class: told.away ? "dot bad" : "dot good", "aria-hidden": "true" }),
    h("span", { class: "mono", title: `API server ${told.server}` }, server), h("span", { class: "muted" }, scope));
  if (told.away) {
    away(`${told.away.message}.`, `What is shown was seen at ${clock(told.away.since)}; it goes on by itself.`);
  } else {
    main.classList.remove("stale");
    banner.hidden = true;
  }
}

/** The console itself answers no more, or no longer to this page. */
export function lost(status) {
  if (status === 401) away("This page's key is not that of the running console.", "Open the address that kubectl elb console printed.");
  else away("The console has stopped.", "Run kubectl elb console again; this page shows what was last seen.");
}
