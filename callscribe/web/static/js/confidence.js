/** The switch that shows how sure the recogniser is of each word; the choice is remembered. */

const STORED = "callscribe.confidence";

/**
 * @param {HTMLInputElement} box
 * @param {import("./transcript-view.js").TranscriptView} view
 * @returns {() => void} turns the switch
 */
export function confidenceSwitch(box, view) {
  const apply = () => {
    view.setConfident(box.checked);
    localStorage.setItem(STORED, box.checked ? "on" : "off");
  };
  box.checked = localStorage.getItem(STORED) === "on";
  box.addEventListener("change", apply);
  view.setConfident(box.checked);
  return () => {
    box.checked = !box.checked;
    apply();
  };
}
