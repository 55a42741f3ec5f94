// What is known in the browser only: boxes that scroll sideways, the menu of downloads, and the
// names of tables that a reader opens.
(() => {
  "use strict";

  // A box that is wider than the screen is a stop of the Tab key, and fades where more of it is.
  const BOXES =
    "mjx-container[display], .pst-scrollable-table-container, .bd-article :is(pre, .output)";

  function look(box) {
    const hidden = box.scrollWidth - box.clientWidth;
    const scrolls = hidden > 0 && /auto|scroll/.test(getComputedStyle(box).overflowX);
    box.toggleAttribute("data-more-before", scrolls && box.scrollLeft > 1);
    box.toggleAttribute("data-more-after", scrolls && box.scrollLeft < hidden - 1);
    if (scrolls) box.tabIndex = 0;
    else if (box.dataset.scrolls) box.removeAttribute("tabindex");
    if (scrolls) box.dataset.scrolls = "sideways";
    else delete box.dataset.scrolls;
  }

  const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => look(target)));
  function watch() {
    for (const box of document.querySelectorAll(BOXES)) {
      resized.observe(box); // tells at once, and only ever once of one box
      box.addEventListener("scroll", () => look(box), { passive: true });
    }
  }

  function menu(button) {
    const open = (yes) => {
      button.classList.toggle("show", yes);
      button.setAttribute("aria-expanded", yes);
    };
    const box = button.parentElement;
    button.addEventListener("click", () => open(!button.classList.contains("show")));
    document.addEventListener("click", ({ target }) => box.contains(target) || open(false));
    box.addEventListener("focusout", ({ relatedTarget }) => {
      if (!box.contains(relatedTarget)) open(false);
    });
    box.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape") return;
      open(false);
      button.focus();
    });
  }

  // The numbers under a figure are named after it, as several may be open on a page.
  document.addEventListener("toggle", ({ target }) => {
    const number = target.closest("figure")?.querySelector(".figure-number");
    if (!number || !target.matches(".xp-numbers")) return;
    const table = target.querySelector("[role=region]");
    table.setAttribute("aria-label", `Numbers of ${number.textContent}`);
  }, true);

  document.querySelectorAll(".dropdown-toggle").forEach(menu);
  // Formulas are boxes once MathJax, which is loaded by then, has set them.
  addEventListener("load", () => Promise.resolve(window.MathJax?.startup?.promise).finally(watch));
})();
