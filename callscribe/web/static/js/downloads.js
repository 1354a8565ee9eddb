/** The transcript of a session as files. */

import { download } from "./api.js";

const FORMATS = [
  ["text", "txt", "Text"],
  ["json", "json", "JSON"],
  ["srt", "srt", "SRT"],
  ["vtt", "vtt", "WebVTT"],
  ["deepgram", "deepgram.json", "Deepgram JSON"],
];

/**
 * @param {HTMLElement} place
 * @param {string} sessionId
 * @param {(error: Error) => void} onerror
 */
export function showDownloads(place, sessionId, onerror) {
  const links = FORMATS.map(([format, suffix, name]) => {
    const link = document.createElement("a");
    link.className = "button quiet";
    link.href = `/api/sessions/${encodeURIComponent(sessionId)}/transcript?format=${format}`;
    link.download = `${sessionId}.${suffix}`;
    link.textContent = name;
    link.setAttribute("aria-label", `Download as ${name}`);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      download(link.href, link.download).catch(onerror);
    });
    return link;
  });
  place.querySelector(".links").replaceChildren(...links);
  place.hidden = false;
}
