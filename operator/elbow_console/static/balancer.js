// One load balancer: what it is, its picture, its charts, its targets.

import { monitoring } from "./charts.js";
import { askDelete, askShift, cancelShift } from "./deeds.js";
import { h, show } from "./element.js";
import { picture } from "./picture.js";
import { listen } from "./stream.js";
import { targets } from "./targets.js";
import { age, pill, sign } from "./words.js";

export function open({ main, go, heard, lost, title }, namespace, name) {
  title(["Load balancers", "/"], [namespace, "/"], [name]);
  const head = h("div", { class: "head" });
  const notices = h("div", { class: "notices" });
  const facts = h("dl", { class: "card facts" });
  const map = picture();
  const charts = monitoring();
  const table = targets();
  const details = h("div", { class: "columns" });
  main.append(head, notices, facts,
    section("Zones, proxies and targets", map.node), charts.node, section("Targets", table.node), details);

  function draw(one) {
    if (!one) {
      show(head, h("h1", {}, name));
      show(notices, notice("bad", `There is no load balancer ${name} in ${namespace}.`, h("a", { href: "/" }, "See those there are")));
      main.querySelectorAll(":scope > :not(.head, .notices)").forEach((node) => { node.hidden = true; });
      return;
    }
    main.querySelectorAll(":scope > *").forEach((node) => { node.hidden = false; });
    show(head, heading(one), actions(one, go));
    show(notices, ...told(one));
    show(facts, ...known(one));
    map.draw(one);
    table.draw(one);
    show(details, listeners(one), conditions(one));
  }

  const where = new URLSearchParams({ namespace, name });
  const stop = listen(`/api/stream?${where}`, (event, data) => {
    if (event === "cluster") {
      heard(data);
      charts.refused(data.metricsRefused);
    } else if (event === "balancer") draw(data);
    else if (event === "points") {
      charts.add(data);
      map.rates(charts.latest());
    }
  }, lost);
  return () => { stop(); charts.close(); map.close(); };
}

function section(name, node) {
  return h("section", { class: "card", "aria-label": name }, h("h2", {}, name), node);
}

function heading(one) {
  return h("div", { class: "title" }, h("h1", {}, one.name), pill(one.state.code, one.state.message), h("span", { class: "muted" }, one.namespace));
}

function actions(one, go) {
  const edit = `/${one.namespace}/${one.name}/edit`;
  return h("div", { class: "actions" },
    one.zones.length > 1 && !one.zonalShift && h("button", { type: "button", "data-key": "shift", onclick: () => askShift(one) }, "Zonal shift"),
    h("a", { class: "button", "data-key": "edit", "data-shortcut": "e", href: edit }, "Edit YAML"),
    h("button", { type: "button", class: "danger", "data-key": "delete", onclick: () => askDelete(one, go) }, "Delete"));
}

function notice(look, ...what) {
  return h("div", { class: `notice ${look}` }, ...what);
}

function told(one) {
  const found = [];
  if (one.state.reason) {
    const look = { failed: "bad", active_impaired: "warn" }[one.state.code] ?? "busy";
    found.push(notice(look, h("strong", {}, one.state.reason), h("span", {}, one.state.message)));
  }
  if (one.zonalShift) {
    const shift = one.zonalShift;
    found.push(notice("warn", h("strong", {}, `Shifted away from ${shift.awayFrom}`),
      h("span", {}, `until ${new Date(shift.until).toLocaleString()}${shift.reason ? `: ${shift.reason}` : ""}`),
      h("button", { type: "button", "data-key": "cancel-shift", onclick: () => cancelShift(one) }, "Cancel the shift")));
  }
  if (one.observedGeneration && one.observedGeneration < one.generation) {
    found.push(notice("busy", h("span", {}, "The operator has not seen the newest change yet.")));
  }
  return found;
}

function known(one) {
  const addresses = one.addresses.map((address) =>
    h("div", {}, h("span", { class: "mono" }, address.value), address.zone !== "none" && h("span", { class: "muted" }, ` ${address.zone}`)));
  return [
    ["DNS name", one.dnsName ? h("span", { class: "mono" }, one.dnsName) : "–"],
    ["Addresses", addresses.length ? addresses : "–"],
    ["Scheme", one.scheme],
    ["Cross-zone", one.crossZone],
    ...one.groups.map((group) => [`Target group ${group.name}`, [
      h("div", {}, `${group.protocol}, ${group.source}`),
      h("div", { class: "muted" }, `check ${group.healthCheck}`),
      h("div", { class: "muted" }, `${group.stickiness ? `sticky by ${group.stickiness}` : "not sticky"}, drains ${group.deregistrationDelay}`),
    ]]),
    ["Created", h("span", { title: one.created }, `${age(one.created)} ago`)],
  ].map(([term, what]) => h("div", {}, h("dt", {}, term), h("dd", {}, what)));
}

function listeners(one) {
  return section("Listeners", h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Listener", "Port", "Forwards to", "State"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, one.listeners.map((listener) => h("tr", {},
      h("td", {}, listener.name), h("td", {}, `${listener.protocol} ${listener.port}`), h("td", {}, listener.targetGroup),
      h("td", {}, listener.fault ? [sign("failed"), ` ${listener.reason}: ${listener.fault}`] : [sign("active"), " serves"])))))));
}

function conditions(one) {
  const good = { Stalled: "False", Reconciling: "False" };
  return section("Conditions", h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Condition", "Status", "Reason", "Since"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, one.conditions.map((condition) => h("tr", {},
      h("td", {}, condition.type),
      h("td", {}, sign(condition.status === (good[condition.type] ?? "True") ? "True" : condition.type === "Reconciling" ? "initial" : "False"), ` ${condition.status}`),
      h("td", {}, condition.reason, condition.message && h("div", { class: "muted" }, condition.message)),
      h("td", { class: "muted", title: condition.lastTransitionTime }, age(condition.lastTransitionTime))))))));
}
