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
 * @param {string} name of a speaker or an engine
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
