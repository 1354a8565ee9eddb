/** How numbers, times and languages are written. */

/**
 * @param {number} seconds
 * @returns {string} `0:07`, `12:07` or `1:12:07`
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours
    ? `${hours}:${pad(minutes)}:${pad(whole % 60)}`
    : `${minutes}:${pad(whole % 60)}`;
}

/**
 * @param {number | null | undefined} value
 * @returns {string} `320 ms`, `1.4 s`, or a dash
 */
export function lag(value) {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/**
 * @param {number} confidence 0 to 1
 * @returns {string}
 */
export function percent(confidence) {
  return `${Math.round(confidence * 100)} %`;
}

/**
 * Whisper's code as a BCP 47 tag for `lang`; empty where the language is not known.
 *
 * @param {string} code
 * @returns {string}
 */
export function langTag(code) {
  if (!code || code === "auto" || code === "multi") return "";
  return code === "jw" ? "jv" : code;
}

/**
 * @param {string} engine
 * @returns {string} what people call it
 */
export function engineName(engine) {
  return engine === "deepgram_rest" ? "Deepgram, by requests" : capitalized(engine);
}

/**
 * @param {string} name of a speaker, an agent or an engine
 * @returns {string} with a capital, as it is shown
 */
export function capitalized(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/**
 * @param {string | number | null | undefined} moment ISO text or UNIX seconds
 * @returns {string} the local date and time
 */
export function dateTime(moment) {
  if (moment === null || moment === undefined) return "";
  const date = new Date(typeof moment === "number" ? moment * 1000 : moment);
  const today = new Date().toDateString() === date.toDateString();
  return new Intl.DateTimeFormat(
    "en-GB",
    today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" },
  ).format(date);
}

/**
 * @param {number} value seconds
 * @returns {string} `0.4 s`, `12 s` or `3:07 min`
 */
export function seconds(value) {
  if (value >= 60) return `${clock(Math.round(value))} min`;
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} s`;
}

/** What a call's state is called where calls are listed. */
export const STATES = { running: "Live", interrupted: "Interrupted", ended: "Ended" };

/** Why nobody heard something, where the server gives a code and no sentence. */
const REASONS = {
  network: "network",
  server_died: "the server died",
  server_restarted: "the server was away",
};

/**
 * @param {number} start seconds on the call clock
 * @param {number} end
 * @param {string} reason
 * @returns {string} `Not heard 12.3–14.0 s: network`
 */
export function notHeard(start, end, reason) {
  const span =
    end < 60
      ? `${start.toFixed(1)}–${end.toFixed(1)} s`
      : `${clock(start)}.${tenth(start)}–${clock(end)}.${tenth(end)}`;
  const code = /^[a-z_]+$/.test(reason);
  return `Not heard ${span}: ${REASONS[reason] ?? (code ? reason.replaceAll("_", " ") : reason)}`;
}

function tenth(value) {
  return Math.floor(value * 10) % 10;
}

/**
 * @param {number} count
 * @param {string} one what is counted
 * @param {string} [many]
 * @returns {string} `1 call`, `3 calls`
 */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
