// Server-sent events. EventSource can't send the key, so they are read from a plain request.

import { key } from "./session.js";

const AGAIN = 1500;

/** Listen at a path until the returned function is called. `heard` gets each event; `lost` a status: 0 is no answer. */
export function listen(path, heard, lost) {
  const stop = new AbortController();
  follow(path, heard, lost, stop.signal);
  return () => stop.abort();
}

async function follow(path, heard, lost, signal) {
  while (!signal.aborted) {
    let status = 0;
    try {
      const response = await fetch(path, { headers: key(), signal });
      status = response.status;
      if (response.ok) await read(response.body, heard);
      status = response.ok ? 0 : status;
    } catch {
      // told below
    }
    if (signal.aborted) return;
    lost(status);
    await new Promise((later) => setTimeout(later, AGAIN));
  }
}

async function read(body, heard) {
  let text = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (text + value).split("\n\n");
    text = events.pop();
    for (const event of events) {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
      if (name) heard(name, JSON.parse(data));
    }
  }
}
