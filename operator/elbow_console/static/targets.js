// The table of targets: each one's state, reason, and since when.

import { h, show } from "./element.js";
import { age, count, pill } from "./words.js";

/** A table that draws a load balancer's targets; those that aren't healthy come first. */
export function targets() {
  const body = h("tbody");
  const more = h("p", { class: "muted more", hidden: true });
  const node = h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Target", "Target group", "Zone", "State", "Reason", "Since"].map((name) => h("th", { scope: "col" }, name)))),
    body), more);

  function draw(one) {
    const found = one.zones.flatMap((zone) => zone.targets.map((target) => ({ ...target, zoneName: zone.name })));
    found.sort((a, b) => (a.state === "healthy") - (b.state === "healthy"));
    show(body, found.length ? found.map(row) : h("tr", {}, h("td", { colspan: 6, class: "muted" }, "No target is registered.")));
    const left = one.groups.reduce((sum, group) => sum + group.more, 0);
    more.hidden = !left;
    more.textContent = `and ${count(left, "more target")}`;
  }

  return { node, draw };
}

function row(target) {
  return h("tr", {},
    h("td", {}, target.pod && h("div", { class: "name" }, target.pod), h("div", { class: target.pod ? "mono muted" : "mono" }, `${target.address}:${target.port}`)),
    h("td", {}, target.group),
    h("td", {}, target.zoneName === "none" ? "–" : target.zoneName),
    h("td", {}, pill(target.state)),
    h("td", {}, target.reason ?? "", target.description && h("div", { class: "muted" }, target.description)),
    h("td", { class: "muted", title: target.since }, age(target.since)));
}
