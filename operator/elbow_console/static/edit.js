// Editing a load balancer's YAML. What somebody else changed meanwhile is never overwritten.

import { checker, verdict } from "./check.js";
import { say } from "./dialog.js";
import { editor } from "./editor.js";
import { h, show } from "./element.js";
import { call } from "./session.js";
import { listen } from "./stream.js";

export function open({ main, go, heard, lost, title }, namespace, name) {
  const path = `/api/load-balancers/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const page = `/${namespace}/${name}`;
  title(["Load balancers", "/"], [namespace, "/"], [name, page], ["Edit"]);
  const stop = listen("/api/stream", (event, data) => event === "cluster" && heard(data), lost);
  let version = "";
  const { check, ...checks } = checker(() => ({ yaml: text.value, resourceVersion: version }), (answer) => {
    standing.draw(answer);
    paint(answer.faults);
  });
  const standing = verdict();
  const notices = h("div", { class: "notices" });
  const { node, text, paint } = editor("YAML", () => { standing.busy(); check(); });
  const save = h("button", { type: "submit", class: "primary" }, "Save");
  const form = h("form", { class: "card editor-card", onsubmit: saved },
    h("div", { class: "section-head" }, h("h2", {}, "YAML"), h("div", { class: "actions" }, h("a", { class: "button", href: page }, "Cancel"), save)),
    standing.node, node);
  main.append(h("div", { class: "head" }, h("h1", {}, `Edit ${name}`)), notices, form);
  load();

  async function load() {
    const answer = await call("GET", path);
    if (!answer.ok) {
      show(notices, h("div", { class: "notice bad" }, h("span", {}, answer.data.error)));
      return;
    }
    version = answer.data.resourceVersion;
    text.value = answer.data.yaml;
    show(notices, answer.data.managers.length && h("div", { class: "notice warn" },
      h("span", {}, `Also written by ${answer.data.managers.join(", ")}, which may undo what is changed here.`)));
    paint([]);
    checks.now();
  }

  async function saved(event) {
    event.preventDefault();
    save.disabled = true;
    const answer = await call("PUT", path, { yaml: text.value, resourceVersion: version });
    save.disabled = false;
    if (answer.ok) {
      say("Saved.");
      go(page);
    } else if (answer.status === 422 && answer.data.faults) {
      standing.draw({ ...answer.data, refused: "" });
      paint(answer.data.faults);
    } else {
      show(notices, h("div", { class: "notice bad" },
        h("strong", {}, answer.status === 409 ? "It has changed since you opened it; nothing was saved." : "Not saved."),
        h("span", {}, answer.status === 409 ? "" : answer.data.error),
        answer.status === 409 && h("button", { type: "button", onclick: load }, "Load the newest")));
      notices.scrollIntoView({ block: "nearest" });
    }
  }

  return () => { stop(); checks.stop(); };
}
