/**
 * Keeps the end of a growing list in view until the reader scrolls up, and again once they are
 * back at the end or ask for it.
 */
export class Follower {
  /**
   * @param {HTMLElement} end an element behind the list
   * @param {HTMLButtonElement} button shown while it does not follow
   */
  constructor(end, button) {
    this.end = end;
    this.button = button;
    this.following = true;
    this.over = false;
    this.last = window.scrollY;
    window.addEventListener("scroll", () => this.scrolled(), { passive: true });
    window.addEventListener("resize", () => this.grown(), { passive: true });
    button.addEventListener("click", () => {
      this.set(true);
      this.grown();
    });
    this.set(true);
  }

  /** There is nothing to follow. */
  rest() {
    this.over = true;
    this.set(false);
  }

  /** The list has changed. */
  grown() {
    if (this.following && !this.visible()) {
      this.end.scrollIntoView({ block: "end", behavior: "instant" });
      this.last = window.scrollY;
    }
  }

  scrolled() {
    const up = window.scrollY < this.last - 2;
    this.last = window.scrollY;
    if (this.over) return;
    if (this.visible()) this.set(true);
    else if (up) this.set(false);
  }

  visible() {
    const margin = parseFloat(getComputedStyle(this.end).scrollMarginBottom) || 0;
    return this.end.getBoundingClientRect().bottom <= window.innerHeight - margin + 4;
  }

  set(following) {
    this.following = following;
    this.button.hidden = following || this.over;
  }
}
