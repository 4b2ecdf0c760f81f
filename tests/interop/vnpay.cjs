// Reads one command as JSON on standard input, lets the npm package `vnpay` do it, prints the answer.
const { VNPay, ignoreLogger } = require('vnpay');
const { command, config, data } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
const vnpay = new VNPay({ testMode: true, hashAlgorithm: 'SHA512', loggerFn: ignoreLogger, ...config });
Promise.resolve(vnpay[command](data)).then((answer) => console.log(JSON.stringify(answer)));
