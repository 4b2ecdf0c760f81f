"""The banking app: it reads a code, shows what it asks for, and pays it rightly or wrongly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import quote

import attrs
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ...money import Money
from ..edge import UnreadableError, read_form
from .code import Code, read_code

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..config import SandboxConfig
    from ..deliveries import Deliveries
    from ..faults import Faults
    from ..pages import Pages
    from ..summary import PaymentSummary
    from .config import BankAccount
    from .ledger import Bank, Transfer

_SEE_OTHER: Final = 303
_MOST: Final = 499_999_999
_MEMO_LENGTH: Final = 50


@attrs.frozen
class Order:
    """One transfer that the payer orders: how much, with which memo, how late."""

    amount: int
    memo: str
    late: timedelta = timedelta(0)


_Way = Callable[[Code, timedelta], tuple[Order, ...]]

#: What the page offers beside paying rightly.
WAYS: Final[dict[str, _Way]] = {
    "exact": lambda code, _late: (Order(code.amount, code.memo),),
    "less": lambda code, _late: (Order(max(1, code.amount - code.amount // 10 - 1), code.memo),),
    "more": lambda code, _late: (Order(code.amount + code.amount // 10 + 1, code.memo),),
    "twice": lambda code, _late: (Order(code.amount, code.memo),) * 2,
    "halves": lambda code, _late: (
        Order(code.amount // 2, code.memo),
        Order(code.amount - code.amount // 2, code.memo),
    ),
    "broken": lambda code, _late: (Order(code.amount, mistyped(code.memo)),),
    "blank": lambda code, _late: (Order(code.amount, ""),),
    "late": lambda code, late: (Order(code.amount, code.memo, late),),
}


def mistyped(memo: str) -> str:
    """The memo with one character typed wrong, in the middle."""
    if not memo:
        return "X"
    middle = len(memo) // 2
    wrong = "7" if memo[middle] != "7" else "4"
    return memo[:middle] + wrong + memo[middle + 1 :]


class BankSimulator:
    """The pages under ``/bank``."""

    name: ClassVar = "bank"
    title: ClassVar = "Bank app"

    def __init__(
        self,
        config: SandboxConfig,
        *,
        deliveries: Deliveries,
        faults: Faults,
        pages: Pages,
        bank: Bank,
    ) -> None:
        del deliveries, faults
        self._config = config
        self._pages = pages
        self._bank = bank

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        return [
            Route("/", self._open),
            Route("/pay", self._pay, methods=["POST"]),
            Route("/accounts/{number}/transactions", self._statement),
        ]

    def summaries(self) -> list[PaymentSummary]:
        """The transfers in a line each, the oldest first."""
        return self._bank.summaries()

    async def _open(self, request: Request) -> Response:
        text = request.query_params.get("qr", "")
        paid = request.query_params.getlist("paid")
        return self._page(text, paid=paid)

    def _page(self, text: str, *, paid: list[str] | None = None, problem: str = "") -> Response:
        code: Code | None = None
        account: BankAccount | None = None
        if text and not problem:
            try:
                code = read_code(text)
                account = self._account(code)
            except UnreadableError as error:
                problem = str(error)
        numbers = {int(item) for item in paid or () if item.isascii() and item.isdecimal()}
        return self._pages.render(
            "bank_app.html",
            status=400 if problem else 200,
            text=text,
            code=code,
            account=account,
            amount=Money(code.amount, "VND").format() if code and code.amount else None,
            lateness=self._bank.config.lateness,
            receipts=[
                (one, Money(one.amount, "VND").format())
                for account in self._bank.config.accounts
                for one in self._bank.statement(account.number)
                if one.number in numbers
            ],
            accounts=self._bank.config.accounts,
            problem=problem,
        )

    def _account(self, code: Code) -> BankAccount:
        account = self._bank.account(code.bin, code.account)
        if account is None:
            raise UnreadableError("this bank does not know the account in the code")
        return account

    async def _pay(self, request: Request) -> Response:
        try:
            form = await read_form(request, self._config.max_body)
        except UnreadableError as error:
            return self._page("", problem=str(error))
        text = form.get("qr", "")
        try:
            code = read_code(text)
            account = self._account(code)
            orders = self._orders(code, form)
        except UnreadableError as error:
            return self._page(text, problem=str(error))
        now = self._config.clock()
        booked = [self._book(account, order, now) for order in orders]
        query = "".join(f"&paid={one.number}" for one in booked)
        return RedirectResponse(
            f"{self._config.root}/bank/?qr={quote(text, safe='')}{query}", status_code=_SEE_OTHER
        )

    def _book(self, account: BankAccount, order: Order, now: datetime) -> Transfer:
        return self._bank.credit(account, amount=order.amount, memo=order.memo, at=now + order.late)

    def _orders(self, code: Code, form: dict[str, str]) -> tuple[Order, ...]:
        way = form.get("way", "")
        if way != "own" and not code.amount:
            raise UnreadableError("the code names no amount: enter one")
        if way in WAYS:
            return WAYS[way](code, self._bank.config.lateness)
        amount, memo = form.get("amount", ""), " ".join(form.get("memo", "").split())
        if not (amount.isascii() and amount.isdecimal() and 0 < int(amount[:12]) <= _MOST):
            raise UnreadableError("the amount is not a whole number of đồng below 500,000,000")
        if len(amount) > 12 or len(memo) > _MEMO_LENGTH or not memo.isprintable():  # noqa: PLR2004
            raise UnreadableError(f"the memo is longer than {_MEMO_LENGTH} letters")
        return (Order(int(amount), memo),)

    async def _statement(self, request: Request) -> Response:
        """What the owner of an account reads in online banking, as JSON."""
        number = request.path_params["number"]
        after = request.query_params.get("after", "0")
        last = int(after) if after.isascii() and after.isdecimal() and len(after) < 10 else 0  # noqa: PLR2004
        found = self._bank.statement(number, after=last)
        return JSONResponse(
            {
                "transactions": [
                    {
                        "number": one.number,
                        "amount": one.amount,
                        "text": one.text,
                        "reference": one.reference,
                        "at": one.at.isoformat(),
                    }
                    for one in found
                ]
            }
        )
