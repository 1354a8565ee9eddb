/** The microphone's level as a strip of bars that moves with the voice. */

/** Bars per second, and the range that is shown, in dB under full scale. */
const RATE = 20;
const FLOOR = -52;
const TOP = -10;

/** Lets loud and soft stand further apart than decibels do. */
const CONTRAST = 1.7;

const BAR = 3;
const GAP = 2;

export class Meter {
  /** @param {HTMLCanvasElement} canvas with the role `meter` */
  constructor(canvas) {
    this.canvas = canvas;
    this.still = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.clear();
    new ResizeObserver(() => this.draw()).observe(canvas);
    window
      .matchMedia("(prefers-color-scheme: dark)")
      .addEventListener("change", () => this.draw());
  }

  clear() {
    /** @type {number[]} heights from 0 to 1, the newest last */
    this.bars = [];
    this.peak = 0;
    this.since = 0;
    this.canvas.setAttribute("aria-valuenow", "0");
    this.draw();
  }

  /**
   * @param {number} level root mean square, 0 to 1
   * @param {number} seconds how long the frame is
   */
  add(level, seconds) {
    const decibel = 20 * Math.log10(Math.max(level, 1e-6));
    const share = Math.min(1, Math.max(0, (decibel - FLOOR) / (TOP - FLOOR)));
    this.peak = Math.max(this.peak, share ** CONTRAST);
    this.since += seconds;
    if (this.since < 1 / RATE) return;
    this.since -= 1 / RATE;
    this.bars.push(this.peak);
    if (this.bars.length > 400) this.bars.splice(0, 100);
    this.canvas.setAttribute("aria-valuenow", String(Math.round(this.peak * 100)));
    this.peak = 0;
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = undefined;
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    if (this.still.matches) {
      pen.fillStyle = style.color;
      pen.fillRect(0, height / 2 - 3, width * (this.bars.at(-1) ?? 0), 6);
      return;
    }
    const room = Math.floor(width / (BAR + GAP));
    const shown = this.bars.slice(-room);
    for (let i = 0; i < room; i += 1) {
      const value = shown[shown.length - room + i];
      const tall = Math.max(2, (value ?? 0) * height);
      pen.fillStyle = value === undefined ? style.borderColor : style.color;
      pen.beginPath();
      pen.roundRect(i * (BAR + GAP), (height - tall) / 2, BAR, tall, BAR / 2);
      pen.fill();
    }
  }
}
