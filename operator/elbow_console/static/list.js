// The list of load balancers.

import { h, show } from "./element.js";
import { listen } from "./stream.js";
import { age, count, pill, sign, tone } from "./words.js";

const STATES = ["healthy", "unhealthy", "initial", "draining", "unused"];

export function open({ main, go, heard, lost, title }) {
  title(["Load balancers"]);
  let balancers = null;
  const filter = h("input", {
    type: "search", placeholder: "Filter by name, namespace, state, port …", "aria-label": "Filter", "data-shortcut": "/", oninput: draw,
  });
  const number = h("span", { class: "number" });
  const body = h("tbody", { onkeydown: walk });
  const empty = h("div", { class: "empty" });
  main.append(
    h("div", { class: "head" },
      h("h1", {}, "Load balancers ", number),
      h("div", { class: "actions" }, filter, h("a", { class: "button primary", href: "/create", "data-shortcut": "c" }, "Create load balancer"))),
    h("div", { class: "card table" },
      h("table", {},
        h("thead", {}, h("tr", {}, ["Name", "State", "Targets", "Zones", "Listeners", "Address", "Scheme", "Age"].map((name) => h("th", { scope: "col" }, name)))),
        body)),
    empty,
  );

  function draw() {
    if (!balancers) return;
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = balancers.filter((one) => words.every((word) => text(one).includes(word)));
    number.textContent = found.length === balancers.length ? `${balancers.length}` : `${found.length} of ${balancers.length}`;
    show(body, found.map((one) => row(one, go)));
    empty.hidden = found.length > 0;
    show(empty, balancers.length
      ? h("p", {}, "No load balancer matches.")
      : [h("p", {}, "There is no load balancer yet."), h("a", { class: "button primary", href: "/create" }, "Create the first")]);
  }

  return listen("/api/stream", (name, data) => {
    if (name === "cluster") heard(data);
    else if (name === "balancers") {
      balancers = data;
      draw();
    }
  }, lost);
}

function text(one) {
  return [one.namespace, one.name, one.state.code, one.state.reason, one.scheme, one.dnsName, ...one.addresses,
    ...one.listeners.map((listener) => `${listener.protocol}:${listener.port}`), ...one.zones.map((zone) => `${zone.name} ${zone.state}`),
  ].join(" ").toLowerCase();
}

function row(one, go) {
  const path = `/${one.namespace}/${one.name}`;
  return h("tr", { onclick: (event) => event.target.closest("a") || go(path), "data-name": one.name },
    h("td", {}, h("a", { class: "name", href: path, "data-key": path }, one.name), h("div", { class: "muted" }, one.namespace)),
    h("td", {}, pill(one.state.code), one.state.reason && h("div", { class: "muted", title: one.state.message }, one.state.reason)),
    h("td", {}, bar(one.targets)),
    h("td", {}, h("span", { class: "zones" }, one.zones.map((zone) =>
      h("span", { class: "zone", title: `${zone.name}: ${zone.state}, ${count(zone.ready, "proxy ready", "proxies ready")}` },
        sign(zone.state === "active" && !zone.ready ? "starting" : zone.state), zone.name)))),
    h("td", {}, h("span", { class: "chips" }, one.listeners.map((listener) => h("span", { class: "chip" }, `${listener.protocol} ${listener.port}`)))),
    h("td", { class: "mono" }, one.addresses[0] ?? "–", one.addresses.length > 1 && h("span", { class: "muted" }, ` +${one.addresses.length - 1}`)),
    h("td", {}, one.scheme),
    h("td", { class: "muted" }, age(one.created)));
}

/** Targets by state: a bar for the eye, the numbers for everyone. */
export function bar(targets) {
  const all = STATES.reduce((sum, state) => sum + targets[state], 0);
  const used = all - targets.unused;
  const words = STATES.filter((state) => targets[state]).map((state) => `${targets[state]} ${state}`).join(", ");
  return h("span", { class: "share", title: words || "no targets" },
    h("span", { class: "share-bar", "aria-hidden": "true" }, STATES.filter((state) => targets[state]).map((state) => {
      const part = h("span", { class: tone(state) });
      part.style.flexGrow = targets[state];
      return part;
    })),
    h("span", { class: "share-text" }, all ? `${targets.healthy}/${used} healthy` : count(0, "target")));
}

function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const links = [...event.currentTarget.querySelectorAll("a.name")];
  links[links.indexOf(document.activeElement) + step]?.focus();
  event.preventDefault();
}
