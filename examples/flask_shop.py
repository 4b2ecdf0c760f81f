"""A shop on Flask: a product, three ways to pay, a page that tells how the payment stands.

    pip install 'paykit-adapters[demo,flask]'
    python examples/flask_shop.py

The pages, and the sandbox that plays the providers, are in ``shop_parts.py``.
"""

from flask import Flask, abort, redirect, request
from shop_parts import Shop, onward, open_shop, product_page, ship
from werkzeug import Response
from werkzeug.serving import make_server

from paykit.service import PaymentService
from paykit.webhooks import MountOptions
from paykit.webhooks.flask import paykit_blueprint


def create_app(shop: Shop, service: PaymentService) -> Flask:
    """The shop as an application."""
    app = Flask(__name__)
    options = MountOptions(most_held=20)  # pages that wait; each holds a thread of the server
    payments = paykit_blueprint(service, return_to="/thanks", options=options)
    app.register_blueprint(payments, url_prefix="/pay")

    @app.get("/")
    def product() -> str:
        return product_page()

    @app.post("/buy/<any(vnpay, momo, payos):provider>")
    def buy(provider: str) -> Response:
        session = service.create(shop.order(provider, ip=request.remote_addr), provider=provider)
        return redirect(onward(session), 303)

    @app.get("/thanks")
    def thanks() -> str:
        """Where browsers come back to. It shows what is on record, and settles nothing."""
        session = service.session(request.args.get("payment_id", ""))
        if session is None:
            abort(404)
        return shop.payment_page(session)

    return app


if __name__ == "__main__":
    with open_shop() as shop, PaymentService(shop.providers(), database=shop.database) as service:
        service.subscribe(ship)
        app = create_app(shop, service)
        host, port = shop.listener.getsockname()
        server = make_server(host, port, app, threaded=True, fd=shop.listener.fileno())
        server.serve_forever()
