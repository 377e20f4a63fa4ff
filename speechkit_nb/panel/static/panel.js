// Shows messages in a live region. Screen readers need one element that stays the same. Once it is in the page, it
// also prepares the keyboard of the panel around it.
export default {
  render({ model, el, signal }) {
    const status = document.createElement("div");
    status.className = "sk-status";
    status.setAttribute("role", "status");
    status.setAttribute("aria-live", "polite");
    el.append(status);
    const update = () => {
      status.classList.toggle("sk-failure", model.get("is_error"));
      status.textContent = model.get("text");
    };
    model.on("change:text change:is_error", update);
    update();
    whenInPage(el, signal, () => preparePanel(el.closest(".sk-jobs")));
    changeViewCount(model, 1);
    return () => changeViewCount(model, -1);
  },
};

// The kernel stops reading the journal while the panel is on no page.
function changeViewCount(model, change) {
  model.set("n_views", model.get("n_views") + change);
  model.save_changes();
}

function whenInPage(el, signal, callback) {
  if (el.isConnected) callback();
  else if (!signal?.aborted) requestAnimationFrame(() => whenInPage(el, signal, callback));
}

function preparePanel(panel) {
  if (!panel) return;
  // JupyterLab takes keys that are pressed in lists and on buttons as its own commands, unless the focused element has
  // this attribute. Without it, m in the list of files would turn the cell into Markdown.
  panel.addEventListener("focusin", ({ target }) => { target.dataset.lmSuppressShortcuts = "true"; });
  panel.setAttribute("role", "region");
  panel.setAttribute("aria-label", "Speech recognition jobs");
  const files = panel.querySelector(".sk-files select");
  const openFolder = (event) => {
    const [selected, ...others] = files.selectedOptions;
    const isOpen = event.type === "dblclick" || event.key === "Enter";
    if (!isOpen || !selected || others.length || !selected.text.endsWith("/")) return;
    event.preventDefault();
    panel.querySelector(".sk-open-folder").click();
  };
  files?.addEventListener("dblclick", openFolder);
  files?.addEventListener("keydown", openFolder);
}
