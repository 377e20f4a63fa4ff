// @ts-check
/** Samples of a WAV file, and their low and high per pixel, for views where the outline is too coarse. */

/** @typedef {{start: number, rate: number, channels: Float32Array[]}} Wave start: milliseconds; rate: samples per second; samples -1 to 1 */

/**
 * The samples of a 16-bit WAV file.
 * @param {ArrayBuffer} file @param {number} start milliseconds @returns {Wave} @throws {RangeError} it is not such a file
 */
export function parseWav(file, start) {
  const view = new DataView(file);
  const parts = listChunks(view);
  const [format, data] = [parts.get("fmt "), parts.get("data")];
  if (!format || !data || view.getUint16(format.at + 14, true) !== 16) throw new RangeError("not a 16-bit WAV file");
  const nChannels = view.getUint16(format.at + 2, true);
  const n = Math.floor(Math.min(data.size, view.byteLength - data.at) / 2 / nChannels);
  const channels = Array.from({ length: nChannels }, () => new Float32Array(n));
  for (let i = 0, at = data.at; i < n; i++) {
    for (let c = 0; c < nChannels; c++, at += 2) channels[c][i] = view.getInt16(at, true) / 32768;
  }
  return { start, rate: view.getUint32(format.at + 4, true), channels };
}

/** The parts of a RIFF file by name. @param {DataView} view @returns {Map<string, {at: number, size: number}>} */
function listChunks(view) {
  const found = new Map();
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const name = String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i)));
    const size = view.getUint32(at + 4, true);
    found.set(name, { at: at + 8, size });
    at += 8 + size + (size % 2);
  }
  return found;
}

/** End of the samples, milliseconds. @param {Wave} wave */
export const endOf = ({ start, rate, channels }) => start + (1000 * (channels[0]?.length ?? 0)) / rate;

/**
 * Replace pairs that lie within the samples by the lowest and highest value of the line through the samples.
 * @param {Float32Array} pairs low, high; written to @param {Wave} wave @param {number} channel @param {number} start of the parts
 * @param {number} step milliseconds of a part @param {number} scale of the values written
 */
export function refine(pairs, wave, channel, start, step, scale) {
  const samples = wave.channels[channel];
  if (!samples?.length) return;
  const [perMs, last] = [wave.rate / 1000, samples.length - 1];
  const first = Math.max(0, Math.ceil((wave.start - start) / step));
  const stop = Math.min(pairs.length / 2, Math.floor((endOf(wave) - start) / step + 1e-6));
  for (let i = first; i < stop; i++) {
    const from = Math.min(last, Math.max(0, (start + i * step - wave.start) * perMs));
    const to = Math.min(last, from + step * perMs);
    const [a, b] = [lineAt(samples, from), lineAt(samples, to)];
    let [low, high] = a < b ? [a, b] : [b, a];
    for (let s = Math.ceil(from); s <= to; s++) {
      if (samples[s] < low) low = samples[s];
      if (samples[s] > high) high = samples[s];
    }
    pairs[2 * i] = low * scale;
    pairs[2 * i + 1] = high * scale;
  }
}

/** Linear interpolation between two samples. @param {Float32Array} samples @param {number} at */
function lineAt(samples, at) {
  const before = Math.floor(at);
  const after = Math.min(samples.length - 1, before + 1);
  return samples[before] + (samples[after] - samples[before]) * (at - before);
}
