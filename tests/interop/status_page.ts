// How a shop written in TypeScript uses the script: what is right compiles, and what is wrong does not.
import { watchStatus } from "../../src/paykit/webhooks/paykit-status.js";
import type { Payment } from "../../src/paykit/webhooks/paykit-status.js";

function show(payment: Payment): void {
  const whose: string = payment.order_id ?? payment.payment_id;
  const minor: number = payment.amount.minor;
  const seconds: number | null = payment.next_poll_seconds;
  console.log(whose, payment.status, payment.final, minor, payment.amount.text, seconds);
  if (payment.next_action?.type === "redirect") location.assign(payment.next_action.url);
}

const stop: () => void = watchStatus("/pay/payments/pay_1/status", show, {
  sse: false,
  onError: (answer) => console.warn(answer.status),
});
stop();
watchStatus("/pay/payments/pay_1/status", show);

// @ts-expect-error -- what happened must go somewhere
watchStatus("/pay/payments/pay_1/status");
// @ts-expect-error -- there is no such field
watchStatus("/pay/payments/pay_1/status", (payment) => console.log(payment.paid));
// @ts-expect-error -- there is no such option
watchStatus("/pay/payments/pay_1/status", show, { interval: 5 });
// @ts-expect-error -- a final state has none
watchStatus("/pay/payments/pay_1/status", (payment) => payment.next_poll_seconds.toFixed());
