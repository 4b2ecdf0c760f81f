/* Inside the frame: posts what was typed to the sandbox, and the token to the shop's page. */
(() => {
  "use strict";
  const form = document.querySelector("form");
  const problem = document.querySelector(".problem");
  const { origin, post } = form.dataset;
  const tell = (message) => parent.postMessage(message, origin);

  function show(field, message) {
    for (const input of form.querySelectorAll("input")) {
      input.removeAttribute("aria-invalid");
      input.removeAttribute("aria-describedby");
      if (input.name === field) {
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", problem.id);
        input.focus();
      }
    }
    problem.textContent = message;
    problem.hidden = !message;
  }

  async function tokenize(id) {
    const typed = Object.fromEntries(new FormData(form));
    let answer;
    try {
      const response = await fetch(post, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(typed),
      });
      answer = await response.json();
    } catch {
      answer = { error: { field: "", message: "The card could not be sent. Try again." } };
    }
    const { token, error } = answer;
    show(error?.field ?? "", error?.message ?? "");
    tell({ paykit: "token", id, token, ...error });
  }

  addEventListener("message", (event) => {
    if (event.source !== parent || event.origin !== origin) return;
    if (event.data?.paykit === "tokenize") tokenize(event.data.id);
    if (event.data?.paykit === "focus") form.elements.number.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tell({ paykit: "submit" });
  });
  form.elements.number.addEventListener("input", ({ target }) => {
    if (target.selectionStart !== target.value.length) return;
    const digits = target.value.replace(/\D/g, "").slice(0, 19);
    const sizes = /^3[47]/.test(digits) ? [4, 6, 5] : [4, 4, 4, 4, 3];
    let rest = digits;
    target.value = sizes.map((size) => {
      const group = rest.slice(0, size);
      rest = rest.slice(size);
      return group;
    }).filter(Boolean).join(" ");
  });
  form.elements.expiry.addEventListener("input", ({ target, inputType }) => {
    if (inputType?.startsWith("insert") && /^\d\d$/.test(target.value)) target.value += " / ";
  });
  new ResizeObserver(() => {
    tell({ paykit: "height", height: Math.ceil(document.body.getBoundingClientRect().height) });
  }).observe(document.body);
  tell({ paykit: "ready" });
})();
