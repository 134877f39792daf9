"use strict";
// Without this script all samples are shown; with it they can be filtered.
(() => {
  const form = document.getElementById("filters");
  const text = document.getElementById("f-text");
  const selects = ["source", "modality", "category"].map((name) => ({
    name,
    field: document.getElementById("f-" + name),
  }));
  const count = document.getElementById("f-count");
  const none = document.getElementById("none");
  const samples = Array.from(document.querySelectorAll(".sample"), (card) => ({
    card,
    text: card.textContent.toLowerCase(),
  }));
  const fits = (sample, words) =>
    words.every((word) => sample.text.includes(word)) &&
    selects.every(({ name, field }) => !field.value || sample.card.dataset[name] === field.value);
  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const sample of samples) {
      const fit = fits(sample, words);
      sample.card.hidden = !fit;
      shown += fit;
    }
    const all = samples.length;
    count.textContent = shown === all ? all + " samples" : shown + " of " + all + " samples";
    none.hidden = shown > 0 || all === 0;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  // A browser that goes back to the page fills fields in again.
  window.addEventListener("pageshow", filter);
})();
