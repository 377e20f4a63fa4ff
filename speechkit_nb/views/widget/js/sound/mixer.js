// @ts-check
/** Which channels are audible, with Web Audio. */

/**
 * Whether each channel is audible: solo silences all others, mute the channel itself.
 * @param {string[]} tags @param {readonly string[]} muted @param {readonly string[]} solo @returns {boolean[]}
 */
export function findAudible(tags, muted, solo) {
  const alone = tags.some((tag) => solo.includes(tag));
  return tags.map((tag) => !muted.includes(tag) && (!alone || solo.includes(tag)));
}

/**
 * The position of each channel, -1 left to 1 right. Two channels keep their sides, unless only one is audible.
 * @param {readonly boolean[]} audible @returns {number[]}
 */
export function panPositions(audible) {
  const stereo = audible.length === 2 && audible[0] && audible[1];
  return audible.map((_, i) => (stereo ? 2 * i - 1 : 0));
}

/** Splits a source into its channels and mixes the audible ones. */
export class Mixer {
  /** @param {BaseAudioContext} context @param {number} nChannels */
  constructor(context, nChannels) {
    this.input = context.createChannelSplitter(nChannels);
    this.strips = Array.from({ length: nChannels }, (_, i) => {
      const [gain, pan] = [context.createGain(), context.createStereoPanner()];
      this.input.connect(gain, i);
      gain.connect(pan).connect(context.destination);
      return { gain, pan };
    });
  }

  /** @param {readonly boolean[]} audible by channel */
  setAudible(audible) {
    const at = panPositions(audible);
    this.strips.forEach(({ gain, pan }, i) => {
      gain.gain.value = audible[i] ? 1 : 0;
      pan.pan.value = at[i] ?? 0;
    });
  }
}
