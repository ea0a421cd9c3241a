// What the pages do beyond HTML: say what is new, and take keys for answers. Without it everything still works.
"use strict";

// One key an answer: the letter on each button, unless somebody is writing.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, select, textarea")) return;
  const meant = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!meant) return;
  event.preventDefault();
  meant.click();
});

// A filter works as soon as it is chosen.
for (const choice of document.querySelectorAll(".filters select, .filters input")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}

// When the list is exchanged, cases that were not in it are marked, and their number is said.
let before = null;
const shown = () => new Set(Array.from(document.querySelectorAll("#cases .case"), (each) => each.id));
document.addEventListener("htmx:beforeSwap", (event) => {
  before = event.detail.target.id === "cases" ? shown() : null;
});
document.addEventListener("htmx:afterSettle", () => {
  if (!before) return;
  const fresh = Array.from(document.querySelectorAll("#cases .case")).filter((each) => !before.has(each.id));
  before = null;
  if (!fresh.length) return;
  for (const each of fresh) each.classList.add("new");
  const news = document.getElementById("news");
  const total = Number(news.dataset.total || 0) + fresh.length;
  news.dataset.total = total;
  news.textContent = news.dataset.new.replace("{n}", total);
  document.title = `(${total}) ${document.title.replace(/^\(\d+\) /, "")}`;
});

// What somebody has typed is not lost by a wrong turn.
for (const form of document.querySelectorAll("form")) {
  const text = form.querySelector("textarea");
  if (!text) continue;
  const left = text.value;
  let sent = false;
  form.addEventListener("submit", () => { sent = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!sent && text.value !== left) event.preventDefault();
  });
}
