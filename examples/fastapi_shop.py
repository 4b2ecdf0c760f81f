"""A shop on FastAPI: a product, three ways to pay, a page that tells how the payment stands.

    pip install 'paykit-adapters[demo,fastapi]'
    python examples/fastapi_shop.py

The pages, and the sandbox that plays the providers, are in ``shop_parts.py``.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from shop_parts import Shop, Way, onward, open_shop, order_page, product_page, serve, ship

from paykit.service import AsyncPaymentService
from paykit.webhooks import MountOptions, OrderTokens
from paykit.webhooks.fastapi import paykit_router


def create_app(shop: Shop, service: AsyncPaymentService) -> FastAPI:
    """The shop as an application."""
    tokens = OrderTokens(shop.secret)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service:
            await service.subscribe(ship)
            yield

    app = FastAPI(lifespan=lifespan, default_response_class=HTMLResponse)
    options = MountOptions(order_tokens=tokens)
    app.include_router(paykit_router(service, return_to="/thanks", prefix="/pay", options=options))

    @app.get("/")
    async def product() -> str:
        return product_page()

    @app.post("/buy/{provider}")
    async def buy(provider: Way, request: Request) -> RedirectResponse:
        ip = request.client.host if request.client else None
        session = await service.create(shop.order(provider, ip=ip), provider=provider)
        return RedirectResponse(onward(session), 303)

    @app.get("/thanks")
    async def thanks(payment_id: str = "") -> str:
        """Where browsers come back to. It shows what is on record, and settles nothing."""
        session = await service.session(payment_id)
        if session is None:
            raise HTTPException(404)
        order_id = session.reference
        query = urlencode({"token": tokens.make(order_id)})
        return shop.payment_page(session, order_url=f"/orders/{order_id}?{query}")

    @app.get("/orders/{order_id}")
    async def order(order_id: str, token: str = "") -> str:
        """The page of an order, for those who have its token: the number alone can be guessed."""
        if not tokens.allow(order_id, token):
            raise HTTPException(404)
        return order_page(order_id, token)

    return app


if __name__ == "__main__":
    with open_shop() as shop:
        service = AsyncPaymentService(shop.providers(), database=shop.database)
        serve(create_app(shop, service), shop.listener, ending=service.statuses.close)
