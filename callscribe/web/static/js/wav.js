/**
 * 16-bit mono PCM as a WAV file.
 *
 * @param {Int16Array} pcm
 * @param {number} rate Hz
 * @returns {Blob}
 */
export function wavFile(pcm, rate) {
  const header = new DataView(new ArrayBuffer(44));
  const tag = (at, text) => {
    for (let i = 0; i < text.length; i += 1) header.setUint8(at + i, text.charCodeAt(i));
  };
  tag(0, "RIFF");
  header.setUint32(4, 36 + pcm.byteLength, true);
  tag(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // linear PCM
  header.setUint16(22, 1, true); // one channel
  header.setUint32(24, rate, true);
  header.setUint32(28, rate * 2, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  tag(36, "data");
  header.setUint32(40, pcm.byteLength, true);
  return new Blob([header, pcm], { type: "audio/wav" });
}
