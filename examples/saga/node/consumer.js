// Reads PaymentProcessed events from Kafka and prints a line for each that is new.
//
//   npm install && node consumer.js localhost:9092 saga.payments
//
// It shares nothing with the services but the topic: the events are CloudEvents in JSON.

const { Kafka, logLevel } = require("kafkajs");

const [servers, topic] = process.argv.slice(2);
const kafka = new Kafka({
  clientId: "accounting",
  brokers: servers.split(","),
  logLevel: logLevel.ERROR,
});
const consumer = kafka.consumer({ groupId: `${topic}.accounting`, maxWaitTimeInMs: 200 });

// Events come at least once. A real consumer keeps the ids beside what it does because of them, in
// one transaction of its database.
const seen = new Set();

function handle(event) {
  // Types and statuses that we do not know are none of our business, and never a payment.
  if (event.type !== "io.paykit.payment.processed.v1" || seen.has(event.id)) return;
  seen.add(event.id);
  const { order_id, status, captured, refunded } = event.data;
  // Money is in minor units, and the totals are totals: nothing has to be added up.
  const kept = (captured?.minor ?? 0) - (refunded?.minor ?? 0);
  console.log(order_id, status, kept, captured?.currency ?? "");
}

async function main() {
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => handle(JSON.parse(message.value.toString())),
  });
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => consumer.disconnect().finally(() => process.exit(0)));
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
