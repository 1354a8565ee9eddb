/** Where a page says that something is wrong. */

import { Trouble } from "./trouble.js";

/** Titles for errors of the server, which bring their own sentence. */
const TITLES = { store_failed: "The calls cannot be read just now" };

/** What is told and needs nothing done. */
const NEWS = new Set(["new_session", "model_loading"]);

/**
 * @param {HTMLElement} place with the role `alert`; holds a `strong` and a `span`
 * @param {Error | null} error null takes the sentence away
 */
export function showTrouble(place, error) {
  place.hidden = error === null;
  if (error === null) return;
  const [title, sentence] = place.querySelectorAll("strong, span");
  const known = error instanceof Trouble ? error.title : TITLES[error.code];
  title.textContent = known ?? "Something went wrong";
  sentence.textContent = error.message;
  place.dataset.code = error instanceof Trouble ? error.code : "";
  place.classList.toggle("news", NEWS.has(place.dataset.code));
}
