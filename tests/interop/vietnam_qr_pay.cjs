// Reads a list of [command, data] on standard input, lets the npm package `vietnam-qr-pay` do them,
// prints the list of its answers.
const { QRPay } = require('vietnam-qr-pay');
const commands = {
  build: ({ others, ...options }) => {
    const code = QRPay.initVietQR(options);
    Object.assign(code.additionalData, others);
    return code.build();
  },
  rebuild: (text) => new QRPay(text).build(),
  parse: (text) => {
    const code = new QRPay(text);
    return {
      valid: code.isValid,
      network: code.provider.name,
      guid: code.provider.guid,
      bank: code.consumer.bankBin,
      account: code.consumer.bankNumber,
      service: code.provider.service,
      initiation: code.initMethod,
      amount: code.amount,
      purpose: code.additionalData.purpose,
    };
  },
};
const asked = JSON.parse(require('node:fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(asked.map(([command, data]) => commands[command](data))));
