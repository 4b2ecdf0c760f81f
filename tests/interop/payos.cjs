// Reads {config, asked} on standard input, lets the npm package `@payos/node` do what is asked, one
// [command, ...arguments] after the other, and prints its answers: {value}, {error} or {sent}, the
// request that it makes; what payOS answers to that comes with the command.
const { PayOS } = require('@payos/node');
const { config, asked } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));

let sent, answer;
const fetch = async (url, { method, headers, body }) => {
  sent = { url, method, headers, body: body && JSON.parse(body) };
  return new Response(JSON.stringify(answer), { status: 200 });
};
const payos = new PayOS({ ...config, fetch, maxRetries: 0, logLevel: 'off' });
const commands = {
  sign: (data) => payos.crypto.createSignatureFromObj(data, config.checksumKey),
  signRequest: (data) => payos.crypto.createSignatureOfPaymentRequest(data, config.checksumKey),
  verify: (text) => payos.webhooks.verify(JSON.parse(text)),
  create: (data) => payos.paymentRequests.create(data),
  get: (id) => payos.paymentRequests.get(id),
  cancel: (id) => payos.paymentRequests.cancel(id),
  confirm: (url) => payos.webhooks.confirm(url),
};
const perform = async ([command, data, reply]) => {
  sent = undefined;
  answer = reply;
  try {
    return { value: await commands[command](data), sent };
  } catch (error) {
    return { error: error.message, sent };
  }
};
(async () => {
  const answers = [];
  for (const one of asked) answers.push(await perform(one));
  console.log(JSON.stringify(answers));
})();
