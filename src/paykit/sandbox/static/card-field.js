/* For a shop's page: the card field of a pretended gateway, and 3-D Secure in a dialog.
 *
 *   const field = PaykitCardField.mount(element, { gateway: "stripe" });
 *   const token = await field.tokenize();       // for the shop's backend
 *   const { outcome, result } = await PaykitCardField.handle({ gateway: "stripe", clientSecret });
 *
 * The number is typed into a frame of the sandbox's origin, and never reaches the shop's.
 */
(() => {
  "use strict";
  const PATIENCE = 10_000;
  const sandbox = new URL("..", document.currentScript.src);

  function frame(path, parameters, title) {
    const url = new URL(path, sandbox);
    url.search = new URLSearchParams({ origin: location.origin, ...parameters });
    const made = document.createElement("iframe");
    made.src = url;
    made.title = title;
    Object.assign(made.style, { width: "100%", border: "0", display: "block" });
    return made;
  }

  /* Messages from one frame, and from nobody else. Returns the function that stops listening. */
  function hear(from, told) {
    const listener = (event) => {
      const ours = event.source === from.contentWindow && event.origin === sandbox.origin;
      if (ours && event.data && typeof event.data === "object") told(event.data);
    };
    addEventListener("message", listener);
    return () => removeEventListener("message", listener);
  }

  /* Nobody waits for a frame that does not come. */
  function late() {
    return new Promise((_, reject) => {
      setTimeout(() => {
        const message = "The card field did not load.";
        reject(Object.assign(new Error(message), { field: "" }));
      }, PATIENCE);
    });
  }

  function mount(element, { gateway, title = "Card details" }) {
    const waiting = new Map();
    const inner = frame(`${gateway}/card-field`, {}, title);
    inner.style.height = "14rem";
    let asked = 0;
    let isReady;
    const ready = new Promise((resolve) => { isReady = resolve; });
    const deaf = hear(inner, (data) => {
      if (data.paykit === "ready") isReady();
      if (data.paykit === "height") inner.style.height = `${data.height}px`;
      if (data.paykit === "submit") element.closest("form")?.requestSubmit();
      if (data.paykit !== "token" || !waiting.has(data.id)) return;
      const { resolve, reject } = waiting.get(data.id);
      waiting.delete(data.id);
      if (data.token) resolve(data.token);
      else reject(Object.assign(new Error(data.message), { field: data.field }));
    });
    element.replaceChildren(inner);
    const send = (message) => inner.contentWindow.postMessage(message, sandbox.origin);
    return {
      ready,
      /* The token; rejects with what is wrong, which the frame shows as well. */
      async tokenize() {
        await Promise.race([ready, late()]);
        asked += 1;
        const id = asked;
        return new Promise((resolve, reject) => {
          waiting.set(id, { resolve, reject });
          send({ paykit: "tokenize", id });
        });
      },
      focus: () => ready.then(() => { inner.focus(); send({ paykit: "focus" }); }),
      unmount() {
        deaf();
        inner.remove();
      },
    };
  }

  /* 3-D Secure for ConfirmInClient (clientSecret) and HandleInClient (action). An action that is
   * a redirect leaves the page. Resolves with outcome approve, refuse, abandon or done. */
  function handle({ gateway, clientSecret, action, title = "3-D Secure" }) {
    if (action?.type === "redirect") {
      location.assign(action.url);
      return new Promise(() => {});
    }
    const key = clientSecret ?? action?.token ?? "";
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", title);
    Object.assign(dialog.style, {
      width: "min(32rem, calc(100vw - 1rem))", maxWidth: "none", padding: "0", border: "0",
      borderRadius: ".75rem", overflow: "hidden",
    });
    const inner = frame(`${gateway}/3ds`, { key }, title);
    inner.style.height = "min(40rem, 85vh)";
    dialog.append(inner);
    document.body.append(dialog);
    return new Promise((resolve) => {
      const end = (value) => {
        deaf();
        dialog.remove();
        resolve(value);
      };
      const deaf = hear(inner, (data) => {
        if (data.paykit === "challenge") end({ outcome: data.outcome, result: data.result });
      });
      dialog.addEventListener("cancel", () => end({ outcome: "abandon", result: {} }));
      dialog.showModal();
    });
  }

  window.PaykitCardField = Object.freeze({ mount, handle });
})();
