/** The utterance that the page's address names after its `#`: brought into view and marked. */

/** What a person does who wants to look elsewhere. */
const ELSEWHERE = ["wheel", "touchmove", "pointerdown", "keydown"];

/** ms for which a place is held while what stands above it still comes. */
const HELD = 3000;

export class Pointer {
  /**
   * @param {import("./transcript.js").TranscriptModel} model
   * @param {() => void} onpoint called when a place is shown
   */
  constructor(model, onpoint) {
    this.model = model;
    this.onpoint = onpoint;
    window.addEventListener("hashchange", () => this.aim());
    // A link to the place where the page is already changes no address.
    document.addEventListener("click", ({ target }) => {
      const anchor = /** @type {Element} */ (target).closest?.("a[href^='#']");
      if (anchor?.getAttribute("href") === window.location.hash) this.aim();
    });
    for (const name of ELSEWHERE) {
      window.addEventListener(name, () => this.release(), { passive: true, capture: true });
    }
    this.aim();
  }

  /** Looks for the place, now or as soon as it is there. */
  aim() {
    this.wanted = named(window.location.hash);
    this.found = null;
    this.grown();
  }

  /** The page has grown: the place may be there now, or stand elsewhere. */
  grown() {
    if (!this.wanted) return;
    const row = this.model.rowOf(this.wanted);
    const item = row && document.getElementById(row.utteranceId);
    if (!item) return;
    if (this.found !== item) {
      this.mark(item);
      setTimeout(() => this.release(), HELD);
    }
    item.scrollIntoView({ block: "center", behavior: "instant" });
  }

  mark(item) {
    this.found = item;
    document.querySelector(".row.pointed")?.classList.remove("pointed");
    item.classList.add("pointed");
    item.tabIndex = -1;
    item.focus({ preventScroll: true });
    this.onpoint();
  }

  /** The place was shown; the reader goes on by themselves. */
  release() {
    if (this.found) this.wanted = "";
  }
}

function named(hash) {
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return "";
  }
}
