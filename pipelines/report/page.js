"use strict";
// Without this script all samples are shown; with it they can be filtered, and some are shown first.
(() => {
  const form = document.getElementById("filters");
  const text = document.getElementById("f-text");
  const selects = ["source", "modality", "category"].map((name) => ({
    name,
    field: document.getElementById("f-" + name),
  }));
  const count = document.getElementById("f-count");
  const more = document.getElementById("more");
  const page = 24;
  let most = page;
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
    let found = 0;
    for (const sample of samples) {
      const fit = fits(sample, words);
      found += fit;
      sample.card.hidden = !fit || found > most;
    }
    const all = samples.length;
    count.textContent = found === all ? all + " samples" : found + " of " + all + " samples";
    more.hidden = found <= most;
    more.textContent = "Show " + Math.min(page, found - most) + " more";
    none.hidden = found > 0 || all === 0;
  };
  const again = () => {
    most = page;
    filter();
  };
  more.addEventListener("click", () => {
    const before = most;
    most += page;
    filter();
    // Reading goes on with the first of the new ones.
    const fresh = samples.filter((sample) => !sample.card.hidden)[before];
    fresh.card.tabIndex = -1;
    fresh.card.focus();
  });
  form.addEventListener("input", again);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(again));
  // A browser that goes back to the page fills fields in again.
  window.addEventListener("pageshow", filter);
})();
