/** Requests to the server, with the key where it wants one. */

import { Trouble } from "./trouble.js";

const STORED = "callscribe.key";

/** Called when the server wants a key: gives one, or null when the person has none. */
let askForKey = async (_refused) => null;
/** @type {Promise<string | null> | null} One question at a time, however many requests fail. */
let asking = null;

/** @param {(refused: boolean) => Promise<string | null>} ask */
export function onKeyWanted(ask) {
  askForKey = ask;
}

function storedKey() {
  return sessionStorage.getItem(STORED) ?? "";
}

/**
 * Asks for a key once, for this tab.
 *
 * @returns {Promise<boolean>} whether there is a new one to try
 */
export async function renewKey() {
  asking ??= askForKey(storedKey() !== "").finally(() => {
    asking = null;
  });
  const key = await asking;
  if (key) sessionStorage.setItem(STORED, key);
  return Boolean(key);
}

/** An answer that is not a success. `detail` holds a 422's list of what is wrong. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body?.message ?? `the server answered ${status}`);
    this.status = status;
    this.code = body?.code ?? "";
    /** Whether the same request may succeed later. */
    this.retryable = body?.retryable ?? status >= 500;
    /** @type {{loc: (string | number)[], msg: string}[]} */
    this.detail = Array.isArray(body?.detail) ? body.detail : [];
  }
}

async function request(path, init = {}) {
  const headers = new Headers(init.headers);
  const tried = storedKey();
  if (tried) headers.set("Authorization", `Bearer ${tried}`);
  let response;
  try {
    response = await fetch(path, { ...init, headers, cache: "no-store" });
  } catch {
    throw new Trouble("server_gone_page");
  }
  if (response.status === 401) {
    // Another request may have been given a key while this one was on its way.
    if (storedKey() !== tried || (await renewKey())) return request(path, init);
    throw new Trouble("unauthorized");
  }
  return response;
}

/**
 * A JSON request. Throws `ApiError` for an answer that is not a success, `Trouble` when there is
 * no answer at all.
 *
 * @param {string} path
 * @param {{method?: string, body?: unknown}} [options]
 * @returns {Promise<any>}
 */
export async function api(path, { method = "GET", body } = {}) {
  const response = await request(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

/**
 * Whether the server answers and takes the key, asked when a socket fails: browsers do not tell
 * a page why a handshake was refused.
 *
 * @returns {Promise<"well" | "gone" | "unauthorized">}
 */
export async function health() {
  const key = storedKey();
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  try {
    // Sessions, not status: the latter may be open to everybody.
    const signal = AbortSignal.timeout(5000);
    const { status } = await fetch("/api/sessions", { headers, cache: "no-store", signal });
    return status === 401 || status === 403 ? "unauthorized" : "well";
  } catch {
    return "gone";
  }
}

/**
 * A WebSocket to the same server; a key travels as a subprotocol, because a page cannot set
 * headers there.
 *
 * @param {string} path
 * @returns {WebSocket}
 */
export function openSocket(path) {
  const url = new URL(path, window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const key = storedKey();
  try {
    return key ? new WebSocket(url, ["token", key]) : new WebSocket(url);
  } catch (error) {
    throw new Trouble("bad_key", String(error));
  }
}

/**
 * Saves a document of the server under a name. Fetched, because a link cannot carry the key.
 *
 * @param {string} path
 * @param {string} name
 */
export async function download(path, name) {
  const response = await request(path);
  if (!response.ok) throw new ApiError(response.status, await response.json().catch(() => null));
  saveBlob(await response.blob(), name);
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
