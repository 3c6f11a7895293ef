// Checking a draft as it is typed: the console asks its models, then the API server.

import { h, show } from "./element.js";
import { call } from "./session.js";
import { count, sign } from "./words.js";

const PAUSE = 250;

/** `check` asks about what `asked` returns once typing pauses; `told` gets the newest answer and no older one. */
export function checker(asked, told) {
  let timer = 0;
  let running = new AbortController();
  async function now() {
    running.abort();
    running = new AbortController();
    try {
      const answer = await call("POST", "/api/check", asked(), running.signal);
      told(answer.ok ? answer.data : { yaml: null, faults: [], refused: answer.data.error });
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  }
  return {
    check: () => { clearTimeout(timer); timer = setTimeout(now, PAUSE); },
    now,
    stop: () => { clearTimeout(timer); running.abort(); },
  };
}

/** A line that says how a draft stands, and below it the faults that have no better place. */
export function verdict() {
  const line = h("p", { class: "verdict", role: "status" });
  const list = h("ul", { class: "faults" });
  return {
    node: h("div", { class: "standing" }, line, list),
    busy: () => show(line, h("span", { class: "muted" }, "Checking …")),
    draw(answer, faults = answer.faults, calm = false) {
      if (answer.refused) show(line, sign("failed"), h("span", {}, `The API server refuses it: ${answer.refused}`));
      else if (answer.faults.length && calm) show(line, h("span", { class: "muted" }, `${count(answer.faults.length, "field")} still to be filled in`));
      else if (answer.faults.length) show(line, sign("failed"), h("span", {}, `${count(answer.faults.length, "thing")} to put right`));
      else show(line, sign("active"), h("span", {}, "The API server accepts it (dry run)"));
      show(list, faults.map((fault) => h("li", {}, h("code", {}, fault.field), " ", fault.message)));
    },
  };
}
