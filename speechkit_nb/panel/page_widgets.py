"""What the panel needs of the page itself: how it looks, a voice for screen readers, and the keyboard."""

from __future__ import annotations

import anywidget
import traitlets

CSS = """
.sk-jobs { container-type: inline-size; width: 100%; max-width: 72em; gap: 2px;
  --sk-line: var(--jp-border-color2, #bdbdbd); --sk-faint: var(--jp-ui-font-color2, #616161);
  --sk-good: #00795a; --sk-bad: #b34700; --sk-ask: #8a6100; --sk-on: #0072b2; }
[data-jp-theme-light="false"] .sk-jobs {
  --sk-good: #4fc79f; --sk-bad: #ff9d5c; --sk-ask: #f0c14b; --sk-on: #6cc1f2; }
.sk-jobs .widget-html-content, .sk-jobs .widget-html > .widget-html-content {
  line-height: 1.45; font-size: var(--jp-ui-font-size1, 13px); color: var(--jp-ui-font-color1, #212121); }
.sk-jobs .widget-html { height: auto; }
.sk-jobs h3 { font-size: 1.15em; margin: 10px 0 2px; font-weight: 600; }
.sk-jobs code { font-family: var(--jp-code-font-family, monospace); user-select: all;
  background: var(--jp-layout-color2, #eee); color: inherit; padding: 1px 5px; border-radius: 3px;
  overflow-wrap: anywhere; }
.sk-jobs .sk-lines { display: grid; grid-template-columns: max-content 1fr; gap: 3px 10px;
  margin: 2px 0 6px; }
.sk-jobs .sk-lines > * { justify-self: start; }
.sk-jobs .sk-others { border: 1px solid var(--sk-line); padding: 6px 4px; }
.sk-jobs .sk-help { color: var(--sk-faint); font-size: .93em; }
.sk-jobs .sk-indent { margin-left: 98px; width: auto; }
.sk-jobs .sk-indent > .jupyter-button:first-child { margin-left: 0; }
.sk-jobs .sk-says { padding: 3px 8px; border-left: 4px solid var(--sk-on); line-height: 1.45;
  background: var(--jp-layout-color2, #f2f2f2); overflow-wrap: anywhere; white-space: pre-line;
  font-size: var(--jp-ui-font-size1, 13px); color: var(--jp-ui-font-color1, #212121); }
.sk-jobs .sk-says:empty { visibility: hidden; height: 0; padding: 0; }
.sk-jobs .sk-says.sk-wrong { border-left-color: var(--sk-bad); }
.sk-jobs .sk-row { border-top: 1px solid var(--sk-line); padding: 3px 0; align-items: flex-start; margin: 0; }
.sk-jobs .sk-row .sk-cells { padding-top: 5px; }
.sk-jobs .sk-upload { margin: 0; }
.sk-jobs .sk-upload button { margin: 2px; }
.sk-jobs .sk-cells { display: grid; column-gap: 12px; align-items: baseline;
  grid-template-columns: minmax(8em, 2fr) minmax(18em, 2.4fr) minmax(7em, 1.8fr) minmax(5em, .9fr); }
.sk-jobs .sk-cells > * { overflow-wrap: anywhere; min-width: 0; }
.sk-jobs .sk-head { font-weight: 600; color: var(--sk-faint); }
.sk-jobs .sk-name { font-weight: 600; }
.sk-jobs .sk-error, .sk-jobs .sk-note { grid-column: 1 / -1; }
.sk-jobs .sk-error { color: var(--sk-bad); }
.sk-jobs .sk-note { color: var(--sk-faint); }
.sk-jobs .sk-state { font-weight: 600; white-space: nowrap; }
.sk-jobs .sk-done { color: var(--sk-good); }
.sk-jobs .sk-failed, .sk-jobs .sk-expired { color: var(--sk-bad); }
.sk-jobs .sk-unknown { color: var(--sk-ask); }
.sk-jobs .sk-running, .sk-jobs .sk-submitted, .sk-jobs .sk-submitting { color: var(--sk-on); }
.sk-jobs progress { display: block; width: 100%; max-width: 16em; height: .6em; accent-color: var(--sk-on); }
.sk-jobs .sk-sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.sk-jobs .sk-scroll { max-height: 22em; overflow: auto; border: 1px solid var(--sk-line); }
.sk-jobs .sk-text { padding: 0 8px; } .sk-jobs .sk-text p { margin: 4px 0; }
.sk-jobs .sk-scroll:focus-visible, .sk-jobs summary:focus-visible { outline: 2px solid var(--sk-on); }
.sk-jobs .sk-scroll table { border-collapse: collapse; margin: 0; font-size: inherit; }
.sk-jobs .sk-scroll th, .sk-jobs .sk-scroll td { padding: 1px 12px 1px 6px; text-align: start; border: 0; }
.sk-jobs .sk-scroll td.sk-number { text-align: end; font-variant-numeric: tabular-nums; }
.sk-jobs .sk-scroll thead th { position: sticky; top: 0; background: var(--jp-layout-color2, #eee); }
.sk-jobs summary { cursor: pointer; font-weight: 600; padding: 4px 0; }
.sk-jobs img { max-width: 100%; height: auto; background: white; border-radius: 3px; display: block; }
.sk-jobs button:focus-visible { outline: 2px solid var(--sk-on); outline-offset: 1px; }
@container (max-width: 46em) {
  .sk-jobs .sk-head { display: none; }
  .sk-jobs .sk-cells { grid-template-columns: 1fr 1fr; }
}
"""

JAVASCRIPT = """
// Says words in a live region that stays the same element, as screen readers need it, and settles the panel
// around it once both are in the page.
export default {
  render({ model, el, signal }) {
    const says = document.createElement("div");
    says.className = "sk-says";
    says.setAttribute("role", "status");
    says.setAttribute("aria-live", "polite");
    el.append(says);
    const say = () => {
      says.classList.toggle("sk-wrong", model.get("wrong"));
      says.textContent = model.get("text");
    };
    model.on("change:text change:wrong", say);
    say();
    inPage(el, signal, () => settle(el.closest(".sk-jobs")));
    count(model, 1);
    return () => count(model, -1);
  },
};

// How often the panel is shown; one that is on no page need not look into the journal.
function count(model, change) {
  model.set("views", model.get("views") + change);
  model.save_changes();
}

function inPage(el, signal, then) {
  if (el.isConnected) then();
  else if (!signal?.aborted) requestAnimationFrame(() => inPage(el, signal, then));
}

function settle(panel) {
  if (!panel) return;
  // Without this JupyterLab takes keys pressed in lists and on buttons for its own commands: m in the list of
  // files would turn the cell into text. It looks at the very element that has the keyboard.
  panel.addEventListener("focusin", ({ target }) => { target.dataset.lmSuppressShortcuts = "true"; });
  panel.setAttribute("role", "region");
  panel.setAttribute("aria-label", "Speech recognition jobs");
  const files = panel.querySelector(".sk-files select");
  const enter = (event) => {
    const [chosen, ...others] = files.selectedOptions;
    const wanted = event.type === "dblclick" || event.key === "Enter";
    if (!wanted || !chosen || others.length || !chosen.text.endsWith("/")) return;
    event.preventDefault();
    panel.querySelector(".sk-enter").click();
  };
  files?.addEventListener("dblclick", enter);
  files?.addEventListener("keydown", enter);
}
"""


class Page(anywidget.AnyWidget):
    """Says words to the user, and makes the panel around it at home in the page.

    Attributes:
        text: the words; they are shown as they are, nothing in them is HTML.
        wrong: whether something went wrong.
        views: how often it is shown.
    """

    _esm = JAVASCRIPT
    _css = CSS
    text = traitlets.Unicode("").tag(sync=True)
    wrong = traitlets.Bool(False).tag(sync=True)
    views = traitlets.Int(0).tag(sync=True)

    def say(self, words: str, *, wrong: bool = False) -> None:
        """Say something in place of what was said before."""
        with self.hold_sync():
            self.wrong = wrong
            self.text = f"Error: {words}" if wrong else words
