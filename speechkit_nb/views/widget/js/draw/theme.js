// @ts-check
/** Colours: of the notebook if it defines them, of Okabe and Ito for the lanes; light or dark like the page. */

const LANES = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"],
  dark: ["#56b4e9", "#f2924a", "#3ccfa4", "#e3a3c6", "#e6b84a", "#8fcdf2"],
};
const MARKS = {
  light: ["#c2185b", "#8e5a00", "#5e35b1", "#00695c"],
  dark: ["#ff77a8", "#ffc14d", "#b39ddb", "#5fd3c4"],
};
const VIRIDIS = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"];

/** @typedef {[number, number, number]} Rgb 0 to 255 */
/**
 * @typedef {object} Theme
 * @property {boolean} dark
 * @property {string[]} lanes
 * @property {string[]} marks by kind
 * @property {string} ink
 * @property {string} soft
 * @property {string} line
 * @property {string} page
 * @property {string} accent
 * @property {string} alert
 * @property {string} sound colour of a waveform without a lane colour
 * @property {string} font
 */

/**
 * Red, green, blue and opacity of a CSS colour.
 * @param {string} colour "rgb(1, 2, 3)", "rgba(1, 2, 3, 0.5)" or "#rrggbb" @returns {[...Rgb, number] | null}
 */
export function parseColour(colour) {
  const hex = /^#(..)(..)(..)$/.exec(colour.trim());
  if (hex) return [parseInt(hex[1], 16), parseInt(hex[2], 16), parseInt(hex[3], 16), 1];
  const numbers = /^rgba?\(([^)]+)\)$/.exec(colour.trim())?.[1].split(/[\s,/]+/).filter(Boolean).map(Number);
  return numbers && numbers.length >= 3 ? [numbers[0], numbers[1], numbers[2], numbers[3] ?? 1] : null;
}

/** How light a colour is, 0 to 1. @param {readonly number[]} rgb */
export function lightness([red, green, blue]) {
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

/** @param {string} colour "#rrggbb" @param {number} opacity */
export function fade(colour, opacity) {
  const [red, green, blue] = parseColour(colour) ?? [128, 128, 128];
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

/**
 * The colour of a value on a scale; grey if there is no value.
 * @param {number} value @param {{low: number, high: number, stops: string[]}} scale
 */
export function scaleColour(value, { low, high, stops }) {
  if (!Number.isFinite(value)) return "#8a8a8a";
  const colours = stops.length ? stops : VIRIDIS;
  const share = high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.5;
  const at = share * (colours.length - 1);
  const [from, to] = [Math.floor(at), Math.ceil(at)].map((i) => parseColour(colours[i]) ?? [128, 128, 128]);
  const mixed = from.map((one, i) => Math.round(one + (to[i] - one) * (at % 1)));
  return `#${mixed.slice(0, 3).map((one) => one.toString(16).padStart(2, "0")).join("")}`;
}

/** Whether the page around the element is dark. @param {Element} element */
export function isDark(element) {
  for (let at = /** @type {Element | null} */ (element); at; at = parentOf(at)) {
    const found = parseColour(getComputedStyle(at).backgroundColor);
    if (found && found[3] > 0.5) return lightness(found) < 0.5;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** The parent element; of a shadow root its host. @param {Element} element @returns {Element | null} */
function parentOf(element) {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}

/** The current colours of an element with our stylesheet. @param {HTMLElement} element @returns {Theme} */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const of = (/** @type {string} */ name) => style.getPropertyValue(`--sk-${name}`).trim();
  const dark = element.dataset["theme"] === "dark";
  return {
    dark,
    lanes: LANES[dark ? "dark" : "light"],
    marks: MARKS[dark ? "dark" : "light"],
    ink: of("ink"),
    soft: of("soft"),
    line: of("line"),
    page: of("page"),
    accent: of("accent"),
    alert: of("alert"),
    sound: dark ? "#8b98a5" : "#7b8794",
    font: style.fontFamily,
  };
}

/** Call `callback` when the theme of the page may have changed. @param {() => void} callback @param {AbortSignal} signal */
export function watchTheme(callback, signal) {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", callback, { signal });
  const observer = new MutationObserver(callback);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true, attributeFilter: ["class", "style", "theme", "data-theme", "data-jp-theme-name"] });
  }
  signal.addEventListener("abort", () => observer.disconnect());
}
