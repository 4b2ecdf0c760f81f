"""A shop on aiohttp: a product, three ways to pay, a page that tells how the payment stands.

    pip install 'paykit-adapters[aiohttp,demo]'
    python examples/aiohttp_shop.py

The pages, and the sandbox that plays the providers, are in ``shop_parts.py``.
"""

from collections.abc import AsyncIterator

from aiohttp import web
from shop_parts import Shop, onward, open_shop, product_page, ship

from paykit.service import AsyncPaymentService
from paykit.webhooks.aiohttp import paykit_routes


def create_app(shop: Shop) -> web.Application:
    """The shop as an application."""
    service = AsyncPaymentService(shop.providers(), database=shop.database)

    async def running(_app: web.Application) -> AsyncIterator[None]:
        async with service:
            await service.subscribe(ship)
            yield

    async def let_go(_app: web.Application) -> None:
        service.statuses.close()  # of the pages that wait for news, or aiohttp waits for them

    app = web.Application()
    app.cleanup_ctx.append(running)
    app.on_shutdown.append(let_go)
    app.add_routes(paykit_routes(service, return_to="/thanks", prefix="/pay"))
    routes = web.RouteTableDef()

    @routes.get("/")
    async def product(_request: web.Request) -> web.Response:
        return page(product_page())

    @routes.post("/buy/{provider:vnpay|momo|payos}")
    async def buy(request: web.Request) -> web.Response:
        provider = request.match_info["provider"]
        session = await service.create(shop.order(provider, ip=request.remote), provider=provider)
        raise web.HTTPSeeOther(onward(session))

    @routes.get("/thanks")
    async def thanks(request: web.Request) -> web.Response:
        """Where browsers come back to. It shows what is on record, and settles nothing."""
        session = await service.session(request.query.get("payment_id", ""))
        if session is None:
            raise web.HTTPNotFound
        return page(shop.payment_page(session))

    app.add_routes(routes)
    return app


def page(html: str) -> web.Response:
    """A page for browsers."""
    return web.Response(text=html, content_type="text/html")


if __name__ == "__main__":
    with open_shop() as shop:
        web.run_app(create_app(shop), sock=shop.listener, print=None)
