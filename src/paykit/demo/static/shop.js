// Two pages live: an order that waits for its payment, and the list of events. Both only ask and
// show; nothing that happens here settles an order. Where one pays, a card goes through the field of
// its gateway, and the form carries only the token.
"use strict";

const ORDER_MS = 2000;
const EVENTS_MS = 1000;
const SAYS = { done: "done", now: "in progress", failed: "failed", held: "being checked", void: "not charged", off: "not any more", todo: "to come" };
const PAID = ["succeeded", "partially_refunded", "refunded"];

const byId = (id) => document.getElementById(id);

async function ask(path) {
  const response = await fetch(path, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

// Run `step` again and again until it says that it is done; a failure is only a pause.
function repeat(step, pause) {
  const turn = async () => {
    let done = false;
    try {
      done = document.hidden ? false : await step();
    } catch {
      // The server is away for a moment, or restarting: ask again.
    }
    if (!done) setTimeout(turn, pause);
  };
  setTimeout(turn, 500);
}

function showStep(name, state) {
  const item = byId(`step-${name}`);
  item.className = state;
  item.querySelector(".step-state").textContent = SAYS[state];
}

function setText(id, text) {
  // Unchanged text is left alone, so that screen readers do not read it again.
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

function showOrder(order, payment) {
  const steps = { ...order.steps };
  // The payment may be known to be paid a moment before the order hears of it.
  if (steps.paid === "now" && payment && PAID.includes(payment.status)) steps.paid = "done";
  for (const [name, state] of Object.entries(steps)) showStep(name, state);
  setText("headline-text", order.headline);
  setText("message", order.message);
  setText("payment-status", payment ? payment.status : "none yet");
  byId("payment-status").className = `chip ${payment ? payment.status : ""}`;
  byId("headline").className = `headline ${order.status.toLowerCase()}`;
  byId("order").dataset.status = order.status;
  if (byId("retry").hidden && order.status === "PAYMENT_FAILED") {
    byId("retry").hidden = false;
    takeCards(byId("retry"));
  }
  if (byId("transfer")) byId("transfer").hidden = order.status !== "PENDING";
}

function watchOrder(page) {
  let asked = 0;
  repeat(async () => {
    const order = await (await ask(`/orders/${page.dataset.order}.json`)).json();
    const payment = order.payment_id
      ? await (await ask(`/pay/payments/${order.payment_id}/status`)).json()
      : null;
    showOrder(order, payment);
    asked += 1;
    // Only after a while: a notice is usually faster than the customer can doubt.
    const resume = byId("resume");
    const never = "never" in resume.dataset
      || ("card" in resume.dataset && payment?.status !== "requires_action");
    resume.hidden = order.status !== "PENDING" || never || (resume.hidden && asked < 5);
    return order.done;
  }, ORDER_MS);
}

function watchEvents(list) {
  repeat(async () => {
    const rows = document.createElement("template");
    rows.innerHTML = await (await ask(`/events/rows?after=${list.dataset.last}`)).text();
    const newest = rows.content.querySelector("[data-number]");
    if (newest) {
      list.dataset.last = newest.dataset.number;
      for (const row of rows.content.querySelectorAll(".event")) row.classList.add("new");
      list.prepend(rows.content);
      byId("no-events").hidden = true;
    }
    return false;
  }, EVENTS_MS);
}

// The card field of the chosen gateway, in a form where one chooses how to pay.
function takeCards(form) {
  const box = byId("card-box");
  const button = form.querySelector("button");
  let gateway = null;
  let field = null;
  const say = (text) => {
    setText("card-problem", text);
    byId("card-problem").hidden = !text;
  };
  const chosen = () => form.querySelector("[name=provider]:checked")?.dataset.gateway;
  const show = () => {
    if (chosen() === gateway) return;
    field?.unmount();
    field = null;
    gateway = chosen();
    box.hidden = !gateway;
    if (gateway) form.querySelector("[name=provider]:checked").closest(".way").after(box);
    say("");
    if (gateway && !window.PaykitCardField) say("The gateway's card field cannot be loaded just now.");
    else if (gateway) field = PaykitCardField.mount(byId("card-field"), { gateway });
  };
  form.addEventListener("change", show);
  form.addEventListener("submit", async (event) => {
    if (!gateway) return;
    event.preventDefault();
    if (!field || button.disabled) return;
    button.disabled = true;
    try {
      form.elements.card_token.value = await field.tokenize();
      form.submit();
    } catch {
      button.disabled = false; // the field itself says what is wrong, and where
    }
  });
  // Back in the browser's history: a token is good for one attempt.
  addEventListener("pageshow", () => {
    form.elements.card_token.value = "";
    button.disabled = false;
  });
  show();
}

// A form that only takes the payer to the provider sends itself.
if (byId("on")) byId("on").requestSubmit();
addEventListener("DOMContentLoaded", () => { // when the gateway's script is there too
  const form = document.querySelector("form[data-pays]:not([hidden])");
  if (form) takeCards(form);
});
const order = byId("order");
if (order && !("done" in order.dataset)) watchOrder(order);
const events = byId("events");
if (events) watchEvents(events);
