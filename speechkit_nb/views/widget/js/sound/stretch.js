// @ts-check
/**
 * Makes sound longer or shorter at the same pitch (WSOLA): overlapping pieces are added at equal distances. Each piece is
 * taken near its place in the input, where it is most similar to the continuation of the piece before.
 */

const PIECE = 0.03; // seconds
const REACH = 0.008; // seconds that a piece may be away from its place
const COMPARED = 6000; // samples per second that are compared
const AT_ONCE = 200; // pieces before the page may do other work

/**
 * @param {readonly Float32Array[]} channels of one length; all are cut at the same places @param {number} rate above 1: shorter
 * @param {number} sampleRate @returns {Promise<Float32Array<ArrayBuffer>[]>}
 */
export async function stretchSamples(channels, rate, sampleRate) {
  const nOut = Math.round(channels[0].length / rate);
  const out = channels.map(() => new Float32Array(nOut));
  const hop = Math.round((PIECE / 2) * sampleRate);
  const fade = Float32Array.from({ length: 2 * hop }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / hop));
  const best = createMatcher(mixChannels(channels), hop, sampleRate);
  for (let piece = 0, from = 0; piece * hop < nOut; piece++) {
    if (piece > 0) from = best(Math.round(piece * hop * rate), from + hop);
    channels.forEach((channel, c) => addPiece(out[c], piece * hop, channel, from, fade));
    if (piece % AT_ONCE === AT_ONCE - 1) await new Promise((resolve) => setTimeout(resolve));
  }
  return out;
}

/** Add a piece; the first piece has no fade-in. @param {Float32Array} out @param {number} at @param {Float32Array} channel @param {number} from @param {Float32Array} fade */
function addPiece(out, at, channel, from, fade) {
  const n = Math.min(fade.length, out.length - at, channel.length - from);
  for (let i = 0; i < n; i++) out[at + i] += channel[from + i] * (at === 0 && i < fade.length / 2 ? 1 : fade[i]);
}

/** @param {readonly Float32Array[]} channels */
function mixChannels(channels) {
  if (channels.length === 1) return channels[0];
  const sum = new Float32Array(channels[0].length);
  for (const channel of channels) for (let i = 0; i < sum.length; i++) sum[i] += channel[i];
  return sum;
}

/** A function that finds, near a place, the sound most similar to that at another place. @param {Float32Array} sound @param {number} length @param {number} sampleRate */
function createMatcher(sound, length, sampleRate) {
  const step = Math.max(1, Math.round(sampleRate / COMPARED));
  const reach = Math.round(REACH * sampleRate);
  const padded = new Float32Array(sound.length + 3 * length + 2 * reach);
  padded.set(sound);
  const rough = Float32Array.from({ length: Math.ceil(padded.length / step) }, (_, i) => padded[i * step]);
  return (/** @type {number} */ belongs, /** @type {number} */ wanted) => {
    const [first, last] = [Math.max(0, belongs - reach), belongs + reach].map((at) => Math.round(at / step));
    const near = step * findMostSimilar(rough, first, last, Math.round(wanted / step), Math.round(length / step), 1);
    return findMostSimilar(padded, Math.max(0, near - step + 1), near + step - 1, wanted, length, step);
  };
}

/**
 * The place between `first` and `last` where the sound is most similar to that at `wanted`.
 * @param {Float32Array} sound @param {number} first @param {number} last @param {number} wanted
 * @param {number} length samples compared @param {number} step compare every `step`-th sample
 */
function findMostSimilar(sound, first, last, wanted, length, step) {
  let [best, most] = [first, -Infinity];
  for (let from = first; from <= last; from++) {
    let [product, energy] = [0, 1e-9];
    for (let i = 0; i < length; i += step) {
      const value = sound[from + i];
      product += value * sound[wanted + i];
      energy += value * value;
    }
    const similarity = product / Math.sqrt(energy);
    if (similarity > most) [best, most] = [from, similarity];
  }
  return best;
}
