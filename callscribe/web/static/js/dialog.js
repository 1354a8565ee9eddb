/** A question in a modal dialog, to be answered with the keyboard as well. */

const HTML = `
  <form method="dialog" class="key-form">
    <h2></h2>
    <div class="question"></div>
    <div class="actions">
      <button type="button" class="button quiet" value="cancel">Cancel</button>
      <button type="submit" class="button" value="ok"></button>
    </div>
  </form>`;

let count = 0;

/**
 * @param {object} question
 * @param {string} question.title
 * @param {string | Node} question.body
 * @param {string} question.action what the button says that does it
 * @param {boolean} [question.danger] whether it cannot be undone; the focus is then on Cancel
 * @returns {Promise<boolean>} whether it is to be done
 */
export function ask({ title, body, action, danger = false }) {
  return new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.innerHTML = HTML;
    const heading = dialog.querySelector("h2");
    heading.id = `question-${(count += 1)}`;
    heading.textContent = title;
    dialog.setAttribute("aria-labelledby", heading.id);
    dialog.querySelector(".question").append(body);
    const [cancel, go] = dialog.querySelectorAll("button");
    go.textContent = action;
    go.classList.toggle("danger", danger);
    cancel.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "ok");
    });
    document.body.append(dialog);
    dialog.showModal();
    (danger ? cancel : go).focus();
  });
}
