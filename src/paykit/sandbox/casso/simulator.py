"""Casso's webhook and its list of transactions.

https://developer.casso.vn (webhook v2: sorted JSON under HMAC-SHA512; v1: a shared token)
"""

from __future__ import annotations

import hmac
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...http import HttpRequest, HttpResponse
from ..bank.notifier import BankNotifier
from ..deliveries import Verdict
from ..times import local_text
from .config import CassoConfig

if TYPE_CHECKING:
    from starlette.requests import Request

    from ..bank.ledger import Transfer

_OK = 200
_PAGE_SIZES = range(1, 101)
_UNAUTHORIZED = 401


class CassoSimulator(BankNotifier[CassoConfig]):
    """Watches one account of the pretended bank."""

    name: ClassVar = "casso"
    title: ClassVar = "Casso"

    def webhook(self, transfer: Transfer, now: datetime) -> HttpRequest:
        """The call about one transfer."""
        item = _transaction(transfer)
        headers = {"Content-Type": "application/json"}
        if self.config.version == "v1":
            old = {
                "id": item["id"],
                "tid": item["reference"],
                "description": item["description"],
                "amount": item["amount"],
                "cusum_balance": item["runningBalance"],
                "when": item["transactionDateTime"],
                "bank_sub_acc_id": item["accountNumber"],
                "subAccId": item["accountNumber"],
            }
            headers["Secure-Token"] = self.config.secure_token
            return HttpRequest(
                "POST", self.config.webhook_url, headers, _dump({"error": 0, "data": [old]})
            )
        body = {"error": 0, "data": item}
        moment = str(int(now.timestamp() * 1000))
        text = f"{moment}.".encode() + _dump(body, sort=True)
        digest = hmac.new(self.config.webhook_key.encode(), text, "sha512").hexdigest()
        headers["X-Casso-Signature"] = f"t={moment},v1={digest}"
        return HttpRequest("POST", self.config.webhook_url, headers, _dump(body))

    def judge(self, response: HttpResponse) -> Verdict:
        """HTTP 200 ends it."""
        return Verdict(settled=response.status == _OK, note=f"HTTP {response.status}")

    def routes(self) -> list[Route]:
        """The routes, relative to the mount."""
        return [Route("/v2/transactions", self._list)]

    async def _list(self, request: Request) -> Response:
        if not hmac.compare_digest(
            request.headers.get("authorization", "").encode(),
            f"Apikey {self.config.api_key}".encode(),
        ):
            return JSONResponse(
                {"error": _UNAUTHORIZED, "message": "Unauthorized", "data": None},
                status_code=_UNAUTHORIZED,
            )
        query = request.query_params
        page = _number(query.get("page", "1")) or 1
        size = _number(query.get("pageSize", "10"))
        size = size if size in _PAGE_SIZES else 10
        since = query.get("fromDate", "")
        found = [
            item
            for item in map(_old_names, self.bank.statement(self.config.account.number))
            if item["when"][: len(since)] >= since
        ]
        return JSONResponse(
            {
                "error": 0,
                "message": "success",
                "data": {
                    "page": page,
                    "pageSize": size,
                    "totalPages": -(-len(found) // size),
                    "totalRecords": len(found),
                    "records": found[(page - 1) * size : page * size],
                },
            }
        )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0  # noqa: PLR2004


def _transaction(transfer: Transfer) -> dict[str, Any]:
    return {
        "id": transfer.number,
        "reference": transfer.reference,
        "description": transfer.text,
        "amount": transfer.amount,
        "runningBalance": 25_000_000,
        "transactionDateTime": local_text(transfer.at),
        "accountNumber": transfer.account.number,
        "bankName": transfer.account.bank,
        "bankAbbreviation": "VPB",
        "virtualAccountNumber": "",
        "virtualAccountName": "",
        "counterAccountName": "NGUYEN VAN A",
        "counterAccountNumber": "0123456789",
        "counterAccountBankId": "970415",
        "counterAccountBankName": "VietinBank",
    }


def _old_names(transfer: Transfer) -> dict[str, Any]:
    """A transfer in the list, which kept the names of the first API."""
    item = _transaction(transfer)
    return {
        "id": item["id"],
        "tid": item["reference"],
        "description": item["description"],
        "amount": item["amount"],
        "cusumBalance": item["runningBalance"],
        "when": item["transactionDateTime"],
        "bankSubAccId": item["accountNumber"],
        "corresponsiveName": item["counterAccountName"],
        "corresponsiveAccount": item["counterAccountNumber"],
    }


def _dump(body: dict[str, Any], *, sort: bool = False) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=sort).encode()
