// What changes a load balancer from its page: delete, zonal shift.

import { deed, open, say } from "./dialog.js";
import { h, id } from "./element.js";
import { call } from "./session.js";

const LENGTHS = [[15, "15 minutes"], [60, "1 hour"], [360, "6 hours"], [1440, "24 hours"], [4320, "3 days"]];

function path(one) {
  return `/api/load-balancers/${encodeURIComponent(one.namespace)}/${encodeURIComponent(one.name)}`;
}

/** Ask before deleting: the name must be typed. */
export function askDelete(one, go) {
  open(`Delete ${one.name}`, (close) => {
    if (one.deletionProtection) {
      return [h("p", {}, "It has deletion protection. Set deletionProtection to false in its YAML first."),
        h("footer", {}, h("button", { type: "button", onclick: close }, "Close"))];
    }
    const name = id("confirm");
    const typed = h("input", { id: name, autofocus: true, autocomplete: "off", spellcheck: "false", oninput: () => { button.disabled = typed.value !== one.name; } });
    const { wrong, buttons, button, done } = deed("Delete", close, async () => {
      const answer = await call("DELETE", path(one), { confirm: typed.value });
      if (!answer.ok) return answer.data.error;
      say(`${one.namespace}/${one.name} is being deleted.`);
      go("/");
      return undefined;
    }, "danger");
    button.disabled = true;
    return [h("form", { onsubmit: done },
      h("p", {}, "Its proxies, Services and addresses go with it, and clients can no longer connect. The targets stay."),
      h("label", { for: name }, "Type ", h("strong", {}, one.name), " to confirm"), typed, wrong, buttons)];
  });
}

/** Ask which zone clients are to stay away from, how long, and why. */
export function askShift(one) {
  open("Start a zonal shift", (close) => {
    const [zone, minutes, reason] = [id("zone"), id("minutes"), id("reason")];
    const { wrong, buttons, done } = deed("Start the shift", close, async () => {
      const asked = { awayFrom: from.value, minutes: Number(length.value), reason: why.value };
      const answer = await call("POST", `${path(one)}/zonal-shift`, asked);
      if (answer.ok) say(`Clients are being shifted away from ${from.value}.`);
      return answer.ok ? undefined : answer.data.error;
    });
    const from = h("select", { id: zone, autofocus: true }, one.zones.filter((found) => found.state !== "unused").map((found) => h("option", {}, found.name)));
    const length = h("select", { id: minutes }, LENGTHS.map(([value, text]) => h("option", { value }, text)));
    const why = h("input", { id: reason, maxlength: 128, placeholder: "for those who wonder" });
    return [h("form", { onsubmit: done },
      h("p", {}, "The zone's addresses get no new clients and its targets no requests, until the shift ends or is cancelled."),
      h("label", { for: zone }, "Away from"), from, h("label", { for: minutes }, "For"), length, h("label", { for: reason }, "Reason"), why,
      wrong, buttons)];
  });
}

/** End a zonal shift now. */
export async function cancelShift(one) {
  const answer = await call("DELETE", `${path(one)}/zonal-shift`);
  say(answer.ok ? "The zonal shift is cancelled." : answer.data.error);
}
