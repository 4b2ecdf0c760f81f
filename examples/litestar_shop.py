"""A shop on Litestar: a product, three ways to pay, a page that tells how the payment stands.

    pip install 'paykit-adapters[demo,litestar]'
    python examples/litestar_shop.py

The pages, and the sandbox that plays the providers, are in ``shop_parts.py``.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, MediaType, Request, get, post
from litestar.exceptions import NotFoundException
from litestar.response import Redirect
from shop_parts import Shop, Way, onward, open_shop, product_page, serve, ship

from paykit.service import AsyncPaymentService
from paykit.webhooks.litestar import paykit_router


def create_app(shop: Shop, service: AsyncPaymentService) -> Litestar:
    """The shop as an application."""

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        async with service:
            await service.subscribe(ship)
            yield

    @get("/", media_type=MediaType.HTML)
    async def product() -> str:
        return product_page()

    @post("/buy/{provider:str}", status_code=303)
    async def buy(provider: Way, request: Request[Any, Any, Any]) -> Redirect:
        ip = request.client.host if request.client else None
        session = await service.create(shop.order(provider, ip=ip), provider=provider)
        return Redirect(onward(session), status_code=303)

    @get("/thanks", media_type=MediaType.HTML)
    async def thanks(payment_id: str = "") -> str:
        """Where browsers come back to. It shows what is on record, and settles nothing."""
        session = await service.session(payment_id)
        if session is None:
            raise NotFoundException
        return shop.payment_page(session)

    payments = paykit_router(service, return_to="/thanks", path="/pay")
    return Litestar([payments, product, buy, thanks], lifespan=[lifespan])


if __name__ == "__main__":
    with open_shop() as shop:
        service = AsyncPaymentService(shop.providers(), database=shop.database)
        serve(create_app(shop, service), shop.listener, ending=service.statuses.close)
