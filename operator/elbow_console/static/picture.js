// The picture: clients, each zone with its proxies and targets, and the ways between them.

import { h, s, show } from "./element.js";
import { age, count, milliseconds, short, sign, tone } from "./words.js";

const CLIENTS = 176; // widths
const WAY = 64;
const PROXY = 178;
const CHIP = 40; // heights
const STEP = 48;
const HEAD = 38;
const PAD = 14;
const DOT = 17;
const MANY = 9; // more targets of a group than this in a zone: those that are well become dots
const LETTER = 6.7;

/** A picture that draws a load balancer as the console tells it; `rates` writes each zone's live figures into it. */
export function picture() {
  const canvas = h("div", { class: "map-canvas" });
  const tip = h("div", { class: "tip", role: "tooltip", hidden: true });
  const node = h("div", { class: "map" }, canvas, tip);
  let shown = null;
  let known = {};
  const sizes = new ResizeObserver(() => shown && paint());
  sizes.observe(node);

  function paint() {
    show(canvas, drawing(shown, Math.max(720, node.clientWidth), { enter, leave: () => { tip.hidden = true; }, walk }));
    write();
  }

  function write() {
    for (const place of canvas.querySelectorAll("[data-rates]")) {
      const at = known[place.dataset.rates];
      place.textContent = at && at.requests !== null && at.requests !== undefined
        ? `${short(at.requests)} req/s · p99 ${milliseconds(at.p99)} · ${count(short(at.active), "connection")}` : "";
    }
  }

  function enter(chip, lines) {
    show(tip, lines.filter(Boolean).map((line, i) => h(i ? "div" : "strong", {}, line)));
    tip.hidden = false;
    const [box, whole] = [chip.getBoundingClientRect(), node.getBoundingClientRect()];
    tip.style.left = `${Math.min(Math.max(0, box.left - whole.left), whole.width - tip.offsetWidth)}px`;
    tip.style.top = `${box.bottom - whole.top + 6}px`;
  }

  function walk(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const chips = [...canvas.querySelectorAll(".chip-node")];
    const next = chips[chips.indexOf(event.currentTarget) + step];
    if (next) {
      chips.forEach((chip) => chip.setAttribute("tabindex", chip === next ? "0" : "-1"));
      next.focus();
    }
    event.preventDefault();
  }

  return {
    node,
    draw: (one) => { shown = one; if (node.clientWidth) paint(); },
    rates: (latest) => { known = latest; write(); },
    close: () => sizes.disconnect(),
  };
}

function drawing(one, width, on) {
  const left = CLIENTS + WAY;
  const inner = { proxies: left + PAD, targets: left + PAD + PROXY + WAY + 34, right: width - PAD };
  const columns = Math.max(1, Math.floor((inner.right - inner.targets + 8) / 204));
  const wide = (inner.right - inner.targets + 8) / columns - 8;
  let y = 0;
  const lanes = one.zones.map((zone) => {
    const lane = layout(zone, one.groups, columns, wide, inner.targets, y);
    y += lane.height + 12;
    return lane;
  });
  const height = Math.max(y - 12, 120);
  const middle = height / 2;
  const chips = [];
  const ways = [];
  const boxes = [];
  for (const lane of lanes) {
    const off = ["shifted", "impaired"].includes(lane.zone.state) || !lane.zone.proxies.some((proxy) => proxy.state === "ready");
    boxes.push(laneBox(lane, left, width));
    if (lane.zone.state !== "unused") ways.push(way(CLIENTS, middle, left, lane.middle, off ? "way off" : "way"));
    for (const other of lanes) {
      const crosses = other !== lane;
      if ((crosses && one.crossZone !== "enabled") || !lane.zone.proxies.length || !other.cells.length) continue;
      const shifted = other.zone.state === "shifted";
      ways.push(way(inner.proxies + PROXY + 10, lane.middle, inner.targets - 12, other.middle, `way inside${crosses ? " cross" : ""}${off || shifted ? " off" : ""}`));
    }
    if (lane.zone.proxies.length) ways.push(rail(inner.proxies + PROXY + 7, lane.middle, lane.rows.proxies, off));
    if (lane.cells.length) ways.push(rail(inner.targets - 12, lane.middle, lane.rows.cells, lane.zone.state === "shifted"));
    lane.zone.proxies.forEach((proxy, i) => chips.push(proxyChip(proxy, `elb-${one.name}-${lane.zone.name}-`, inner.proxies, lane.first + i * STEP, on)));
    for (const cell of lane.cells) chips.push(cell.dot ? dot(cell, on) : targetChip(cell, wide, on));
  }
  chips[0]?.setAttribute("tabindex", "0");
  return s("svg", { class: "drawing", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": spoken(one) },
    boxes, ways, clients(one, middle), chips);
}

function spoken(one) {
  const zones = one.zones.map((zone) => {
    const ready = zone.proxies.filter((proxy) => proxy.state === "ready").length;
    const healthy = zone.targets.filter((target) => target.state === "healthy").length;
    return `${zone.name} ${zone.state}, ${ready} of ${zone.proxies.length} proxies ready, ${healthy} of ${zone.targets.length} targets healthy`;
  });
  return `${one.name}: ${zones.join("; ")}`;
}

/** Where everything in a zone's lane goes. */
function layout(zone, groups, columns, wide, x, top) {
  const body = top + HEAD + 4;
  const cells = [];
  let y = body;
  for (const group of groups) {
    const mine = zone.targets.filter((target) => target.group === group.name).sort((a, b) => rank(a) - rank(b));
    if (!mine.length) continue;
    if (groups.length > 1) {
      cells.push({ caption: group.name, x, y: y + 10 });
      y += 18;
    }
    const many = mine.length > MANY;
    const large = many ? mine.filter((target) => target.state !== "healthy").slice(0, MANY) : mine;
    large.forEach((target, i) => cells.push({ target, x: x + (i % columns) * (wide + 8), y: y + Math.floor(i / columns) * STEP }));
    y += Math.ceil(large.length / columns) * STEP;
    const small = mine.filter((target) => !large.includes(target));
    const fit = Math.max(1, Math.floor((columns * (wide + 8)) / DOT));
    small.forEach((target, i) => cells.push({ target, dot: true, x: x + (i % fit) * DOT, y: y + 2 + Math.floor(i / fit) * DOT }));
    y += Math.ceil(small.length / fit) * DOT + (small.length ? 8 : 0);
  }
  const rows = { proxies: Math.max(CHIP, zone.proxies.length * STEP - 8), cells: Math.max(CHIP, y - body - 8) };
  const tall = Math.max(rows.proxies, rows.cells);
  for (const cell of cells) cell.y += (tall - rows.cells) / 2;
  return { zone, top, cells, rows, first: body + (tall - rows.proxies) / 2, height: body + tall + PAD - top, middle: body + tall / 2 };
}

function rank(target) {
  return ["unhealthy", "unhealthy.draining", "initial", "draining", "unavailable", "healthy", "unused"].indexOf(target.state);
}

function laneBox({ zone, top, height }, x, width) {
  const name = zone.name === "none" ? "one zone" : zone.name;
  const note = [zone.reason, zone.addresses.join(", ")].filter(Boolean).join(" · ");
  const named = x + 38 + name.length * 7.6;
  return s("g", {},
    s("rect", { class: `lane ${zone.state === "active" ? "" : tone(zone.state)}`, x: x + 0.5, y: top + 0.5, width: width - x - 1, height: height - 1, rx: 10 }),
    sign(zone.state, { x: x + PAD, y: top + 11 }),
    s("text", { class: "lane-name", x: x + 36, y: top + 24 }, name),
    s("text", { class: "small muted", x: named + 6, y: top + 24 }, [zone.state, note].filter(Boolean).join(" · ")),
    s("text", { class: "small rates", x: width - PAD, y: top + 24, "text-anchor": "end", "data-rates": zone.name === "none" ? "none" : zone.name }));
}

function clients(one, middle) {
  const lines = one.listeners.map((listener) => `${listener.protocol} ${listener.port}`);
  const shown = lines.length > 5 ? [...lines.slice(0, 4), `and ${lines.length - 4} more`] : lines;
  const height = 46 + shown.length * 24;
  const top = middle - height / 2;
  return s("g", {},
    s("rect", { class: "box", x: 0.5, y: top, width: CLIENTS - 1, height, rx: 10 }),
    s("text", { class: "lane-name", x: 14, y: top + 24 }, "Clients"),
    shown.map((text, i) => [
      s("rect", { class: "port", x: 12, y: top + 35 + i * 24, width: CLIENTS - 24, height: 20, rx: 5 }),
      s("text", { class: "small", x: 20, y: top + 49 + i * 24 }, text),
    ]));
}

function way(x1, y1, x2, y2, look) {
  const bend = (x2 - x1) / 2;
  return s("path", { class: look, d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` });
}

function rail(x, middle, height, off) {
  return s("rect", { class: off ? "rail off" : "rail", x, y: middle - height / 2, width: 3, height, rx: 1.5 });
}

function chip(key, x, y, width, look, label, lines, on, ...inside) {
  const node = s("g", {
    class: `chip-node ${look}`, transform: `translate(${x} ${y})`, tabindex: "-1", role: "img", "aria-label": label, "data-key": key,
    onpointerenter: (event) => on.enter(event.currentTarget, lines), onpointerleave: on.leave,
    onfocus: (event) => on.enter(event.currentTarget, lines), onblur: on.leave, onkeydown: on.walk,
  }, ...inside);
  return node;
}

function proxyChip(proxy, prefix, x, y, on) {
  const second = proxy.state === "ready" ? `on ${proxy.node}` : proxy.reason || proxy.state;
  const lines = [proxy.name, `${proxy.state}${proxy.reason ? `: ${proxy.reason}` : ""}`, proxy.message, proxy.node && `on node ${proxy.node}`];
  return chip(`proxy/${proxy.name}`, x, y, PROXY, tone(proxy.state), `Proxy ${lines.filter(Boolean).join(", ")}`, lines, on,
    s("rect", { class: "chip-box", width: PROXY, height: CHIP, rx: 8 }), sign(proxy.state, { x: 10, y: 12 }),
    s("text", { class: "chip-name", x: 34, y: 17 }, fit(proxy.name.startsWith(prefix) ? proxy.name.slice(prefix.length) : proxy.name, PROXY - 42)), s("text", { class: "chip-more", x: 34, y: 31 }, fit(second, PROXY - 42)));
}

function about(target) {
  const name = target.pod ?? `${target.address}:${target.port}`;
  return [name, target.pod && `${target.address}:${target.port}`, `${target.state}${target.reason ? `: ${target.reason}` : ""}`, target.description,
    target.zone && `in ${target.zone}`, target.since && `for ${age(target.since)}`];
}

function targetChip(cell, width, on) {
  if (cell.caption) return s("text", { class: "small muted", x: cell.x, y: cell.y }, cell.caption);
  const { target, x, y } = cell;
  const lines = about(target);
  const second = target.reason ?? (target.pod ? `${target.address}:${target.port}` : target.state);
  return chip(`target/${target.group}/${target.address}:${target.port}`, x, y, width, tone(target.state), `Target ${lines.filter(Boolean).join(", ")}`, lines, on,
    s("rect", { class: "chip-box", width, height: CHIP, rx: 8 }), sign(target.state, { x: 10, y: 12 }),
    s("text", { class: "chip-name", x: 34, y: 17 }, fit(lines[0], width - 42)), s("text", { class: "chip-more", x: 34, y: 31 }, fit(second, width - 42)));
}

function dot({ target, x, y }, on) {
  const lines = about(target);
  return chip(`target/${target.group}/${target.address}:${target.port}`, x, y, DOT, tone(target.state), `Target ${lines.filter(Boolean).join(", ")}`, lines, on,
    s("rect", { class: "dot-box", width: DOT - 4, height: DOT - 4, rx: 4 }));
}

/** A text that fits: the middle goes, for names of pods differ at their ends. */
function fit(text, width) {
  const most = Math.floor(width / LETTER);
  if (text.length <= most) return text;
  const end = Math.floor((most - 1) * 0.45);
  return `${text.slice(0, most - 1 - end)}…${text.slice(text.length - end)}`;
}
