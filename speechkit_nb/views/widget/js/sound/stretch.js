// @ts-check
/**
 * Sound made longer or shorter at the same pitch. Pieces are laid over each other at even distances; each is taken from
 * about where it belongs, from the place that continues the piece before it best (WSOLA).
 */

const PIECE = 0.03; // seconds
const REACH = 0.008; // seconds that a piece may stand beside where it belongs
const COMPARED = 6000; // samples a second that are looked at to find the best place
const AT_ONCE = 200; // pieces before the page gets a turn

/**
 * @param {readonly Float32Array[]} channels of one length; they are kept together @param {number} rate above 1: shorter
 * @param {number} sampleRate @returns {Promise<Float32Array<ArrayBuffer>[]>}
 */
export async function stretched(channels, rate, sampleRate) {
  const nOut = Math.round(channels[0].length / rate);
  const out = channels.map(() => new Float32Array(nOut));
  const hop = Math.round((PIECE / 2) * sampleRate);
  const fade = Float32Array.from({ length: 2 * hop }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / hop));
  const best = matcher(mixed(channels), hop, sampleRate);
  for (let piece = 0, from = 0; piece * hop < nOut; piece++) {
    if (piece > 0) from = best(Math.round(piece * hop * rate), from + hop);
    channels.forEach((channel, c) => lay(out[c], piece * hop, channel, from, fade));
    if (piece % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve));
  }
  return out;
}

/** Adds a piece; the first one does not fade in. @param {Float32Array} out @param {number} at @param {Float32Array} channel @param {number} from @param {Float32Array} fade */
function lay(out, at, channel, from, fade) {
  const n = Math.min(fade.length, out.length - at, channel.length - from);
  for (let i = 0; i < n; i++) out[at + i] += channel[from + i] * (at === 0 && i < fade.length / 2 ? 1 : fade[i]);
}

/** @param {readonly Float32Array[]} channels */
function mixed(channels) {
  if (channels.length === 1) return channels[0];
  const sum = new Float32Array(channels[0].length);
  for (const channel of channels) for (let i = 0; i < sum.length; i++) sum[i] += channel[i];
  return sum;
}

/** Finds, near a place, where sound is most like that at another one. @param {Float32Array} sound @param {number} length @param {number} sampleRate */
function matcher(sound, length, sampleRate) {
  const step = Math.max(1, Math.round(sampleRate / COMPARED));
  const reach = Math.round(REACH * sampleRate);
  const padded = new Float32Array(sound.length + 3 * length + 2 * reach);
  padded.set(sound);
  const rough = Float32Array.from({ length: Math.ceil(padded.length / step) }, (_, i) => padded[i * step]);
  return (/** @type {number} */ belongs, /** @type {number} */ wanted) => {
    const [first, last] = [Math.max(0, belongs - reach), belongs + reach].map((at) => Math.round(at / step));
    const near = step * mostAlike(rough, first, last, Math.round(wanted / step), Math.round(length / step), 1);
    return mostAlike(padded, Math.max(0, near - step + 1), near + step - 1, wanted, length, step);
  };
}

/**
 * Where between `first` and `last` sound is most like that at `wanted`.
 * @param {Float32Array} sound @param {number} first @param {number} last @param {number} wanted
 * @param {number} length samples compared @param {number} step of which every how manieth
 */
function mostAlike(sound, first, last, wanted, length, step) {
  let [best, most] = [first, -Infinity];
  for (let from = first; from <= last; from++) {
    let [product, energy] = [0, 1e-9];
    for (let i = 0; i < length; i += step) {
      const value = sound[from + i];
      product += value * sound[wanted + i];
      energy += value * value;
    }
    const likeness = product / Math.sqrt(energy);
    if (likeness > most) [best, most] = [from, likeness];
  }
  return best;
}
