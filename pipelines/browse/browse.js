"use strict";
// Without this script a form is sent by its button; with it, what was found changes while one asks.
(() => {
  const form = document.getElementById("asked");
  if (!form) return;
  const results = () => document.getElementById("results");
  let timer = 0;
  let last = 0;
  const show = async () => {
    const mine = ++last;
    const query = new URLSearchParams(new FormData(form)).toString();
    results().setAttribute("aria-busy", "true");
    let text;
    try {
      text = await (await fetch("?" + query)).text();
    } catch {
      if (mine !== last) return;
      results().removeAttribute("aria-busy");
      const count = document.getElementById("count");
      if (count) count.textContent = "The server does not answer: start mixture browse again.";
      return;
    }
    if (mine !== last) return;
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("results");
    const old = document.getElementById("count");
    const said = fresh.querySelector("#count");
    results().replaceWith(document.adoptNode(fresh));
    // A status that was there before is read out when its words change; a new one may not be.
    if (old && said) {
      const words = said.textContent;
      old.className = said.className;
      said.replaceWith(old);
      old.textContent = words;
    }
    history.replaceState(null, "", "?" + query);
  };
  form.addEventListener("input", (event) => {
    const field = event.target;
    if (field.dataset.for) {
      document.getElementById(field.dataset.for).value = field.value;
    } else {
      const slider = form.querySelector(`[data-for="${field.id}"]`);
      if (field.id && slider) slider.value = field.value;
    }
    clearTimeout(timer);
    timer = setTimeout(show, 250);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    show();
  });
})();
