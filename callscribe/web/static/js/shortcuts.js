/**
 * Single keys that act on the page, never while something is being written.
 *
 * @param {Record<string, () => void>} actions by lower-case key
 */
export function shortcuts(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const target = /** @type {Element} */ (event.target);
    const writing = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select";
    if (target.closest(`${writing}, dialog, [contenteditable]`)) return;
    const action = actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
