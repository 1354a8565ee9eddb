/**
 * The audio thread's part: device blocks in, 32 ms frames of 16 kHz PCM16 out, with their level.
 *
 * Resampling here and not in the page means that a page which is busy drawing cannot lose audio:
 * finished frames wait in the port.
 */

import { Resampler, toPcm16 } from "./resampler.js";

class CaptureProcessor extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.resampler = new Resampler(Math.round(sampleRate), processorOptions.rate);
    this.frame = new Float32Array(processorOptions.frame);
    this.filled = 0;
    this.running = true;
    this.port.onmessage = () => this.finish();
  }

  process([[channel]]) {
    if (this.running && channel) this.take(this.resampler.push(channel));
    return this.running;
  }

  take(samples) {
    for (let at = 0; at < samples.length; ) {
      const part = samples.subarray(at, at + this.frame.length - this.filled);
      this.frame.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled === this.frame.length) this.post();
    }
  }

  post() {
    const samples = this.frame.subarray(0, this.filled);
    let power = 0;
    for (const value of samples) power += value * value;
    const pcm = toPcm16(samples);
    const level = samples.length ? Math.sqrt(power / samples.length) : 0;
    this.port.postMessage({ pcm, level }, [pcm.buffer]);
    this.filled = 0;
  }

  finish() {
    this.running = false;
    this.take(this.resampler.flush());
    if (this.filled) this.post();
    this.port.postMessage({ done: true });
  }
}

registerProcessor("capture", CaptureProcessor);
