// The form that makes a load balancer in a few clicks, with its YAML beside it.

import { checker, verdict } from "./check.js";
import { say } from "./dialog.js";
import { editor } from "./editor.js";
import { h, show } from "./element.js";
import { documentOf, field, place, segments } from "./fields.js";
import { call } from "./session.js";
import { listen } from "./stream.js";
import { view } from "./yaml.js";

const GROUP = "spec.targetGroups.0";
const PROTOCOLS = ["HTTP", "HTTPS", "TCP", "TLS"];
const PORTS = { HTTP: 80, HTTPS: 443, TCP: "", TLS: "" };

export function open({ main, go, heard, lost, title }) {
  title(["Load balancers", "/"], ["Create"]);
  const stop = listen("/api/stream", (event, data) => event === "cluster" && heard(data), lost);
  const standing = verdict();
  const preview = view("YAML of the load balancer");
  const written = editor("YAML of the load balancer", () => { standing.busy(); check(); });
  let asText = false;
  let sent = false;
  let pressed = false;
  let late = false;
  let offered = { services: [] };
  let answer = { yaml: "", faults: [], refused: "" };
  const form = h("form", { class: "create", novalidate: true, onsubmit: create, oninput: typed, onchange: typed, onfocusout: touched, onpointerdown: () => { pressed = true; } });
  addEventListener("pointerup", released);
  const side = h("div", { class: "side" });
  main.append(h("div", { class: "head" }, h("h1", {}, "Create a load balancer")), form);
  const { check, ...checks } = checker(asked, draw);
  call("GET", "/api/choices").then(({ ok, data }) => begin(ok ? data : { namespace: "default", namespaces: [], services: [], zones: [], policies: [] }));

  function begin(choices) {
    offered = choices;
    show(form, h("div", { class: "form" }, basics(choices), listeners(choices), targets(choices), health(), sticky(), draining(), zones(choices)), side);
    const submit = h("button", { type: "submit", class: "primary" }, "Create load balancer");
    const turn = h("button", { type: "button", onclick: toText }, "Go on in YAML");
    show(side, h("div", { class: "card sticky" },
      h("div", { class: "section-head" }, h("h2", {}, "YAML"), turn),
      standing.node, preview.node,
      h("footer", { class: "actions" }, h("a", { class: "button", href: "/" }, "Cancel"), submit)));
    settle();
    checks.now();
    form.querySelector("input").focus();
  }

  function asked() {
    return asText ? { yaml: written.text.value } : { document: whole(form) };
  }

  function draw(news) {
    answer = { ...news, yaml: news.yaml ?? answer.yaml };
    if (asText) {
      standing.draw(answer);
      written.paint(answer.faults);
      return;
    }
    standing.draw(answer, place(form, answer.faults, !sent), !sent && !form.querySelector("[aria-invalid=true]"));
    preview.draw(answer.yaml, sent ? answer.faults : []);
  }

  function typed(event) {
    if (event.target === written.text) return;
    if (event.target.dataset.path && event.target.value !== "") event.target.dataset.touched = "";
    settle(event.target);
    standing.busy();
    check();
  }

  function touched(event) {
    if (!event.target.dataset?.path || asText) return;
    event.target.dataset.touched = "";
    if (pressed) late = true;
    else draw(answer);
  }

  /** A fault that appears between press and release would move what is clicked away from under the pointer. */
  function released() {
    pressed = false;
    if (late) setTimeout(() => draw(answer));
    late = false;
  }

  /** What one choice means for the others. */
  function settle(changed) {
    form.querySelectorAll(".listener").forEach((row, i) => number(row, i));
    for (const row of form.querySelectorAll(".listener")) {
      const protocol = row.querySelector("select").value;
      row.querySelector(".certificate").hidden = !["HTTPS", "TLS"].includes(protocol);
      if (changed === row.querySelector("select") && !("own" in row.dataset)) row.querySelector("input[type=number]").value = PORTS[protocol];
      if (changed?.type === "number" && row.contains(changed)) row.dataset.own = "";
    }
    const first = form.querySelector(".listener select")?.value;
    const spoken = form.querySelector(`[data-path="${GROUP}.protocol"]`);
    if (spoken && changed?.matches?.(".listener select")) spoken.value = ["TCP", "TLS"].includes(first) ? "TCP" : "HTTP";
    const isHttp = ["HTTP", "HTTPS"].includes(spoken?.value);
    for (const node of form.querySelectorAll(".http-only")) node.hidden = !isHttp;
    for (const radio of form.querySelectorAll(`[data-path="${GROUP}.stickiness.type"]`)) {
      const offered = isHttp || ["", "source_ip"].includes(radio.value);
      radio.closest("label").hidden = !offered;
      if (!offered && radio.checked) form.querySelector(`[data-path="${GROUP}.stickiness.type"][value=""]`).checked = true;
    }
    const tie = form.querySelector(`[data-path="${GROUP}.stickiness.type"]:checked`)?.value;
    form.querySelector(".tie-duration").hidden = !tie;
    form.querySelector(".tie-cookie").hidden = tie !== "app_cookie";
    form.querySelector(".zone-choice").hidden = form.querySelector("[name=some-zones]:checked")?.value !== "some";
    offer(changed);
  }

  /** The Services of the namespace, and the ports of the one chosen. */
  function offer(changed) {
    const [space, service, port] = ["metadata.namespace", `${GROUP}.targets.service.name`, `${GROUP}.targets.service.port`]
      .map((path) => form.querySelector(`[data-path="${path}"]`));
    if (!service.matches("select")) return;
    const there = offered.services.filter((one) => one.namespace === space.value);
    if (!changed || changed === space) fillIn(service, there.map((one) => [one.name, one.name]), "Choose a Service");
    if (changed && changed !== space && changed !== service) return;
    const ports = there.find((one) => one.name === service.value)?.ports ?? [];
    fillIn(port, ports.map((one) => [one.port, one.name ? `${one.port} (${one.name})` : `${one.port}`]), ports.length ? "" : "–");
  }

  function toText() {
    asText = true;
    written.text.value = answer.yaml;
    const card = side.firstChild;
    form.classList.add("as-text");
    form.querySelector(".form").hidden = true;
    preview.node.replaceWith(written.node);
    card.querySelector("button[type=button]").hidden = true;
    written.paint(answer.faults);
    checks.now();
    written.text.focus();
  }

  async function create(event) {
    event.preventDefault();
    sent = true;
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    const made = await call("POST", "/api/load-balancers", asked());
    button.disabled = false;
    if (made.ok) {
      say(`${made.data.namespace}/${made.data.name} is being made.`);
      go(`/${made.data.namespace}/${made.data.name}`);
    } else {
      draw(made.data.faults ? { ...made.data, refused: "" } : { yaml: null, faults: [], refused: made.data.error });
      form.querySelector("[aria-invalid=true]")?.focus();
    }
  }

  return () => { stop(); checks.stop(); removeEventListener("pointerup", released); };
}

/** The document: what the fields say, and the names that follow from it. */
function whole(form) {
  const said = documentOf(form);
  const spec = said.spec ?? {};
  const group = spec.targetGroups?.[0] ?? {};
  const name = group.targets?.service?.name || "targets";
  const names = new Set();
  const listeners = (spec.listeners ?? []).filter(Boolean).map((listener) => {
    const plain = (listener.protocol ?? "").toLowerCase();
    const own = names.has(plain) ? `${plain}-${listener.port}` : plain;
    names.add(own);
    const { protocol, port, tls } = listener;
    return { name: own, protocol, port, targetGroup: name, ...(tls ? { tls } : {}) };
  });
  const { scheme, crossZone, zones } = spec;
  const { targets = { service: {} }, protocol, ...rest } = group;
  return {
    apiVersion: "elbow.dev/v1alpha1", kind: "LoadBalancer", metadata: said.metadata ?? {},
    spec: { ...(scheme && { scheme }), ...(zones && { zones }), ...(crossZone && { crossZone }), listeners,
      targetGroups: [{ name, protocol, targets, ...rest }] },
  };
}

function group(name, hint, ...fields) {
  return h("section", { class: "card group", "aria-label": name }, h("h2", {}, name), hint && h("p", { class: "hint" }, hint), h("div", { class: "fields" }, fields));
}

function basics(choices) {
  return group("Basics", "",
    field("Name", "metadata.name", { placeholder: "web" }),
    field("Namespace", "metadata.namespace", { value: choices.namespace, list: choices.namespaces }),
    segments("Scheme", "spec.scheme", [["internet-facing", "internet-facing"], ["internal", "internal"]], "internet-facing", "internet-facing"));
}

function fillIn(select, choices, none) {
  const before = select.value;
  show(select, none && h("option", { value: "" }, none), choices.map(([value, text]) => h("option", { value, selected: String(value) === before }, text)));
}

/** After a listener was removed the others move up, in the document too. */
function number(row, i) {
  for (const control of row.querySelectorAll("[data-path]")) {
    control.dataset.path = control.dataset.path.replace(/^spec\.listeners\.\d+/, `spec.listeners.${i}`);
  }
}

function listeners(choices) {
  const rows = h("div", { class: "rows" });
  const add = (protocol) => rows.append(row(rows.children.length, protocol));
  function row(i, protocol) {
    const at = `spec.listeners.${i}`;
    const remove = h("button", { type: "button", class: "icon", "aria-label": "Remove this listener", onclick: () => {
      const form = line.closest("form");
      line.remove();
      form.dispatchEvent(new Event("input"));
    } }, "✕");
    const certificate = h("div", { class: "certificate fields" },
      field("Certificate", `${at}.tls.certificates.0.secretName`, { placeholder: "name of a TLS Secret" }),
      field("Security policy", `${at}.tls.policy`, { choices: [["", "default: TLS13-1-2-Res-2021-06"], ...choices.policies.map((one) => [one, one.replace("ELBSecurityPolicy-", "")])] }));
    const line = h("div", { class: "listener" },
      h("div", { class: "fields" }, field("Protocol", `${at}.protocol`, { choices: PROTOCOLS, value: protocol }), field("Port", `${at}.port`, { number: true, value: PORTS[protocol], min: 1, max: 65535 })),
      remove, certificate);
    return line;
  }
  add("HTTP");
  return group("Listeners", "The ports clients connect to.", rows,
    h("button", { type: "button", class: "add", onclick: (event) => {
      add("HTTPS");
      event.currentTarget.closest("form").dispatchEvent(new Event("input"));
    } }, "Add a listener"));
}

function targets(choices) {
  const [service, port] = [`${GROUP}.targets.service.name`, `${GROUP}.targets.service.port`];
  const known = choices.services.length > 0;
  return group("Targets", "The pods of a Service, each reached by its own address.",
    field("Service", service, known ? { choices: [] } : { placeholder: "name of a Service" }),
    field("Port of the Service", port, known ? { number: true, choices: [] } : { number: true }),
    field("Protocol to targets", `${GROUP}.protocol`, { choices: PROTOCOLS, value: "HTTP" }),
    field("Algorithm", `${GROUP}.algorithm`, { choices: [["round_robin", "round robin"], ["least_outstanding_requests", "least outstanding requests"]], unless: "round_robin" }));
}

function health() {
  const at = `${GROUP}.healthCheck`;
  return group("Health check", "",
    h("div", { class: "http-only cell" }, field("Path", `${at}.path`, { placeholder: "/" })),
    h("div", { class: "http-only cell" }, field("Success codes", `${at}.matcher`, { placeholder: "200", hint: "such as 200-299 or 200,204" })),
    field("Interval", `${at}.interval`, { value: "10s", hint: "1s to 300s" }),
    field("Timeout", `${at}.timeout`, { placeholder: "5s", hint: "below the interval" }),
    field("Healthy threshold", `${at}.healthyThreshold`, { number: true, placeholder: "5", min: 1, max: 10 }),
    field("Unhealthy threshold", `${at}.unhealthyThreshold`, { number: true, placeholder: "2", min: 1, max: 10 }));
}

function sticky() {
  const at = `${GROUP}.stickiness`;
  return group("Stickiness", "",
    segments("A client stays on its target", `${at}.type`, [["", "no"], ["lb_cookie", "by a cookie of its own"], ["app_cookie", "by the application's cookie"], ["source_ip", "by its address"]], ""),
    h("div", { class: "tie-duration cell" }, field("Duration", `${at}.duration`, { value: "1h", hint: "1s to 7d without a request" })),
    h("div", { class: "tie-cookie cell" }, field("Cookie name", `${at}.cookieName`, { placeholder: "SESSION" })));
}

function draining() {
  return group("Draining", "",
    field("Deregistration delay", `${GROUP}.deregistrationDelay`, { value: "30s", hint: "How long a target that leaves may finish what it serves, 0s to 1h." }),
    field("Slow start", `${GROUP}.slowStart`, { placeholder: "off", hint: "30s to 15m" }));
}

function zones(choices) {
  const radio = (value, text, checked) => h("label", {}, h("input", { type: "radio", name: "some-zones", value, checked }), h("span", {}, text));
  return group("Zones", "",
    h("fieldset", { class: "field wide" }, h("legend", {}, "Enabled in"),
      h("div", { class: "segments" }, radio("all", "every zone", true), choices.zones.length > 0 && radio("some", "these", false)),
      h("div", { class: "zone-choice checks", hidden: true }, choices.zones.map((zone) =>
        h("label", {}, h("input", { type: "checkbox", value: zone, "data-path": "spec.zones.*" }), zone))), h("p", { class: "wrong" })),
    segments("Cross-zone: a zone's proxies use the targets of other zones", "spec.crossZone", [["enabled", "enabled"], ["disabled", "disabled"]], "enabled", "enabled"));
}
