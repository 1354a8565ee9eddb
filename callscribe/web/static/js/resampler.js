/**
 * A streaming sample-rate converter: polyphase windowed sinc, state kept between blocks.
 *
 * Pure arithmetic without Web Audio, so that it runs in the worklet, in the page and in a test.
 * How the input is cut into blocks changes no bit of the output, and `N` samples in always give
 * exactly `ceil(N * to / from)` samples out once `flush` has been called: sample `k` of the
 * output lies at the input's time `k * from / to`, without delay.
 */

/** Zero crossings of the sinc on each side: 48 leave a transition band of a tenth of Nyquist. */
const CROSSINGS = 48;

/** Shape of the Kaiser window; 9 puts the stop band 90 dB down. */
const BETA = 9;

/** Stop-band attenuation that BETA gives, in dB; it decides how wide the transition band is. */
const ATTENUATION = 90;

const gcd = (a, b) => (b === 0 ? a : gcd(b, a % b));

/** The modified Bessel function of order zero, by its series. */
function bessel(x) {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * One filter per phase of the output against the input, all of unit gain.
 *
 * @param {number} up interpolation factor, which is the number of phases
 * @param {number} down decimation factor
 * @param {number} half taps on each side of the output's place
 * @returns {Float32Array[]}
 */
function phases(up, down, half) {
  // Frequencies as fractions of the input's Nyquist. The stop band begins at the lower of the two
  // Nyquist frequencies, so the cut-off lies half a transition band below it.
  const edge = Math.min(1, up / down);
  const transition = (ATTENUATION - 8) / (2.285 * 2 * half * Math.PI);
  const cutoff = edge - transition / 2;
  const norm = bessel(BETA);
  return Array.from({ length: up }, (_, phase) => {
    const taps = new Float64Array(2 * half);
    let sum = 0;
    for (let tap = 0; tap < taps.length; tap += 1) {
      const x = tap - half + 1 - phase / up;
      const angle = Math.PI * cutoff * x;
      const window = bessel(BETA * Math.sqrt(Math.max(0, 1 - (x / half) ** 2))) / norm;
      taps[tap] = (x === 0 ? 1 : Math.sin(angle) / angle) * window;
      sum += taps[tap];
    }
    return Float32Array.from(taps, (value) => value / sum);
  });
}

/** Converts a mono stream from one sample rate to another. */
export class Resampler {
  /**
   * @param {number} from input rate, Hz (a whole number)
   * @param {number} to output rate, Hz (a whole number)
   */
  constructor(from, to) {
    if (!Number.isInteger(from) || !Number.isInteger(to) || from <= 0 || to <= 0) {
      throw new RangeError(`sample rates must be whole numbers of Hz: ${from}, ${to}`);
    }
    const common = gcd(from, to);
    this.up = to / common;
    this.down = from / common;
    this.half = this.up === this.down ? 0 : Math.ceil(CROSSINGS * Math.max(1, from / to));
    this.filters = this.half === 0 ? [] : phases(this.up, this.down, this.half);
    this.reset();
  }

  /** Forgets what was heard: the next sample is the first of a new stream. */
  reset() {
    // `tail` holds the input from sample `origin` on; silence stands before the first sample.
    this.tail = new Float32Array(Math.max(0, this.half - 1));
    this.origin = -this.tail.length;
    this.heard = 0;
    // The next output's place in the input: a whole sample and a phase out of `up`.
    this.index = 0;
    this.phase = 0;
  }

  /**
   * Takes the next samples and gives those that can be computed from what is known.
   *
   * @param {Float32Array} block
   * @returns {Float32Array} a new array, perhaps empty
   */
  push(block) {
    this.heard += block.length;
    return this.half === 0 ? block.slice() : this.advance(block, Infinity);
  }

  /**
   * Gives the rest of the stream and begins a new one.
   *
   * @returns {Float32Array}
   */
  flush() {
    const rest =
      this.half === 0 ? new Float32Array(0) : this.advance(new Float32Array(this.half), this.heard);
    this.reset();
    return rest;
  }

  /** Outputs whose place is before input sample `end` and whose taps are all there. */
  advance(block, end) {
    const { half, up, down, filters } = this;
    const input = new Float32Array(this.tail.length + block.length);
    input.set(this.tail);
    input.set(block, this.tail.length);
    const known = this.origin + input.length;
    const output = [];
    while (this.index + half < known && this.index < end) {
      const taps = filters[this.phase];
      const first = this.index - half + 1 - this.origin;
      let sum = 0;
      for (let tap = 0; tap < taps.length; tap += 1) sum += taps[tap] * input[first + tap];
      output.push(sum);
      this.phase += down;
      this.index += Math.floor(this.phase / up);
      this.phase %= up;
    }
    const keep = Math.min(input.length, Math.max(0, this.index - half + 1 - this.origin));
    this.tail = input.slice(keep);
    this.origin += keep;
    return Float32Array.from(output);
  }
}

/**
 * Samples in [-1, 1] as little-endian 16-bit PCM, rounded and clipped.
 *
 * @param {Float32Array} samples
 * @returns {Int16Array}
 */
export function toPcm16(samples) {
  const pcm = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i += 1) {
    pcm[i] = Math.max(-32768, Math.min(32767, Math.round(samples[i] * 32767)));
  }
  return pcm;
}
