// Two pages live: an order that waits for its payment, and the list of events. Both only ask and
// show; nothing that happens here settles an order.
"use strict";

const ORDER_MS = 2000;
const EVENTS_MS = 1000;
const SAYS = { done: "done", now: "in progress", failed: "failed", held: "being checked", todo: "to come" };
const PAID = ["succeeded", "authorized", "partially_refunded", "refunded"];

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
  byId("retry").hidden = order.status !== "PAYMENT_FAILED";
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
    resume.hidden = order.status !== "PENDING" || "never" in resume.dataset || (resume.hidden && asked < 5);
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

// A form that only takes the payer to the provider sends itself.
if (byId("on")) byId("on").requestSubmit();
const order = byId("order");
if (order && !("done" in order.dataset)) watchOrder(order);
const events = byId("events");
if (events) watchEvents(events);
