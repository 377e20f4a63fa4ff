// @ts-check
/** Creates elements from names and texts, never from HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes] `text` sets the text; false and null are skipped
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = String(value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

const ICONS = {
  play: "M5 3.2v9.6L13 8z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  loop: "M11 1l3.5 3L11 7V5H5.5A2.5 2.5 0 0 0 3 7.5V8H1.2v-.5A4.3 4.3 0 0 1 5.5 3.2H11zM5 15l-3.5-3L5 9v2h5.5A2.5 2.5 0 0 0 13 8.5V8h1.8v.5a4.3 4.3 0 0 1-4.3 4.3H5z",
  previous: "M10.5 3l1.1 1.1L7.7 8l3.9 3.9-1.1 1.1L5.5 8z",
  next: "M5.5 3L4.4 4.1 8.3 8l-3.9 3.9L5.5 13l5-5z",
  plus: "M7.2 3h1.6v4.2H13v1.6H8.8V13H7.2V8.8H3V7.2h4.2z",
  minus: "M3 7.2h10v1.6H3z",
  fit: "M1.5 3H3v10H1.5zM13 3h1.5v10H13zM6.2 5v2.2h3.6V5L13 8l-3.2 3V8.8H6.2V11L3 8z",
  close: "M4.1 3L8 6.9 11.9 3 13 4.1 9.1 8l3.9 3.9-1.1 1.1L8 9.1 4.1 13 3 11.9 6.9 8 3 4.1z",
  search: "M6.5 1.5a5 5 0 0 1 4 8l3.7 3.7-1.2 1.2-3.7-3.7a5 5 0 1 1-2.8-9.2zm0 1.7a3.3 3.3 0 1 0 0 6.6 3.3 3.3 0 0 0 0-6.6z",
};

/** @typedef {keyof typeof ICONS} Icon */

/** @param {Icon} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button with an icon, and a label for screen readers. @param {Icon} name @param {string} label @param {() => void} act */
export function iconButton(name, label, act) {
  const button = el("button", { type: "button", class: "icon", title: label, "aria-label": label }, icon(name));
  button.addEventListener("click", act);
  return button;
}

/** Change the icon and label of a button. @param {HTMLButtonElement} button @param {Icon} name @param {string} label */
export function relabel(button, name, label) {
  if (button.title === label) return;
  button.replaceChildren(icon(name));
  button.title = label;
  button.setAttribute("aria-label", label);
}
