/** Where a page says that something is wrong. */

import { Trouble } from "./trouble.js";

/**
 * @param {HTMLElement} place with the role `alert`; holds a `strong` and a `span`
 * @param {Error | null} error null takes the sentence away
 */
export function showTrouble(place, error) {
  place.hidden = error === null;
  if (error === null) return;
  const [title, sentence] = place.querySelectorAll("strong, span");
  title.textContent = error instanceof Trouble ? error.title : "Something went wrong";
  sentence.textContent = error.message;
  place.dataset.code = error instanceof Trouble ? error.code : "";
}
