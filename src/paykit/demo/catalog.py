"""What the shop sells. Prices are in đồng."""

from __future__ import annotations

from typing import Final

import attrs

from ..money import Money


@attrs.frozen(slots=True, kw_only=True)
class Product:
    """One thing to buy. ``name`` is Vietnamese, ``kind`` says in English what it is."""

    slug: str
    name: str
    kind: str
    place: str
    text: str
    price: Money
    #: How many there are. Only card payments ask: their money can be held until the goods are.
    stock: int = 500


_ALL: Final = (
    Product(
        slug="phin",
        name="Cà phê phin",
        kind="Coffee filter and beans",
        place="Buôn Ma Thuột",
        price=Money(185_000, "VND"),
        text="An aluminium filter for one slow cup, with 200 g of dark roasted beans.",
    ),
    Product(
        slug="sen",
        name="Trà sen",
        kind="Lotus tea",
        place="Tây Hồ",
        price=Money(320_000, "VND"),
        text="Green tea scented with the lotus of the West Lake. A tin of 100 g.",
    ),
    Product(
        slug="non",
        name="Nón lá bài thơ",
        kind="Conical hat",
        place="Huế",
        price=Money(150_000, "VND"),
        text="Two layers of palm leaf with a poem between them. Hold it against the light.",
    ),
    Product(
        slug="gom",
        name="Bát gốm men lam",
        kind="Blue glazed bowl",
        place="Bát Tràng",
        price=Money(265_000, "VND"),
        text="Thrown by hand and painted in cobalt blue. No two of them are the same.",
    ),
    Product(
        slug="den",
        name="Đèn lồng lụa",
        kind="Silk lantern",
        place="Hội An",
        price=Money(210_000, "VND"),
        text="A bamboo frame under silk. It folds flat for the journey and opens like an umbrella.",
    ),
    Product(
        slug="lua",
        name="Khăn lụa tơ tằm",
        kind="Silk scarf",
        place="Vạn Phúc",
        price=Money(480_000, "VND"),
        text="Woven from mulberry silk on a wooden loom, 180 cm long.",
        stock=1,
    ),
)

PRODUCTS: Final = {product.slug: product for product in _ALL}
