// The key of this run of the console, and requests with it.

const KEPT = "elbow-console-key";
take();
addEventListener("hashchange", () => take() && location.reload()); // the address of a newer run, opened over this page

function take() {
  const given = location.hash.slice(1);
  if (given.length < 40) return false;
  localStorage.setItem(KEPT, given); // for other tabs; another port is another store
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

/** Headers that show the console it was opened by its user. */
export function key() {
  return { Authorization: `Bearer ${localStorage.getItem(KEPT) ?? ""}` };
}

/** Ask the console; the answer's status and its JSON. A console that is gone answers with status 0. */
export async function call(method, path, body, signal) {
  const headers = { ...key(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  try {
    const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
    return { status: response.status, ok: response.ok, data: await response.json() };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { status: 0, ok: false, data: { error: "The console has stopped. Start kubectl elb console again." } };
  }
}
