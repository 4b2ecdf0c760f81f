// Reads fields as JSON on standard input, lets the npm package `sepay-pg-node` sign them, prints the form.
const { SePayPgClient } = require('sepay-pg-node');
const { config, later, fields } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const client = new SePayPgClient(config);
if (later) new SePayPgClient(later);
const form = client.checkout.initOneTimePaymentFields(Object.fromEntries(fields));
console.log(JSON.stringify({ url: client.checkout.initCheckoutUrl(), form: Object.entries(form) }));
