"""What the simulators of card gateways share. Each adds its own API, words, and signatures.

The card's number is typed into the sandbox and stays there; not even the sandbox keeps it. The
parts, each with ``routes()`` for the simulator to mount:

* :mod:`.numbers` – test cards: a :class:`~.numbers.CardTable` says what each number does.
  ``COMMON_CARDS`` behave alike at all gateways; a gateway adds the numbers that it documents.
  :func:`~.numbers.read_card` makes a :class:`~.numbers.Card` of what the payer typed.
* :mod:`.field` – :class:`~.field.CardField` is the field in the shop's page. The shop loads
  ``/static/card-field.js`` and calls ``PaykitCardField.mount(element, {gateway})``, then
  ``tokenize()``. The simulator gives the function that turns a card into the gateway's token.
* :mod:`.challenges` – :class:`~.challenges.Challenges` is the bank's 3-D Secure page, opened by a
  redirect, or by ``PaykitCardField.handle({gateway, clientSecret | action})``.
* :mod:`.hosted` – :class:`~.hosted.HostedPages` is the gateway's own page with a card form.
* :mod:`.state` – a :class:`~.state.CardPayment` with its hold, captures, refunds and disputes.
* :mod:`.till` – :class:`~.till.Till` moves money between them, and tells the simulator (its
  :class:`~.till.Events`) what has happened, at once or when its time has come.
* :mod:`.desk` – :class:`~.desk.Desk`: what bank, scheme and payer do later, as buttons and as
  ``POST /<gateway>/_sandbox/{id}/{action}``.
* :mod:`.keys` – :class:`~.keys.Keys`: idempotency keys, with replay and conflict.
"""
# Imports nothing: a simulator takes the parts that it needs.
