// @ts-check
/** Which channels are heard, through Web Audio. */

/**
 * Solo silences all others; mute silences the channel itself.
 * @param {string[]} tags @param {readonly string[]} muted @param {readonly string[]} solo @returns {boolean[]}
 */
export function audible(tags, muted, solo) {
  const alone = tags.some((tag) => solo.includes(tag));
  return tags.map((tag) => !muted.includes(tag) && (!alone || solo.includes(tag)));
}

/**
 * Where each channel is heard, -1 left to 1 right. Two channels keep their sides, unless one is heard alone.
 * @param {readonly boolean[]} heard @returns {number[]}
 */
export function sides(heard) {
  const stereo = heard.length === 2 && heard[0] && heard[1];
  return heard.map((_, i) => (stereo ? 2 * i - 1 : 0));
}

/** Splits a source into its channels and puts them together again, each as loud as is wanted. */
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

  /** @param {readonly boolean[]} heard by channel */
  hear(heard) {
    const at = sides(heard);
    this.strips.forEach(({ gain, pan }, i) => {
      gain.gain.value = heard[i] ? 1 : 0;
      pan.pan.value = at[i] ?? 0;
    });
  }
}
