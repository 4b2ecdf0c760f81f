"""PayPal's errors: the names, the sentences, the HTTP status of each.

The sentences are those of PayPal's published API description, where they differ from one operation
to the next. https://developer.paypal.com/api/rest/reference/orders/v2/errors/
"""

from __future__ import annotations

from typing import Any, Final

_NAMES: Final = {
    400: (
        "INVALID_REQUEST",
        "Request is not well-formed, syntactically incorrect, or violates schema.",
    ),
    401: (
        "AUTHENTICATION_FAILURE",
        (
            "Authentication failed due to missing authorization header, or invalid authentication "
            "credentials."
        ),
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: (
        "RESOURCE_CONFLICT",
        "The server has detected a conflict while processing this request.",
    ),
    415: (
        "UNSUPPORTED_MEDIA_TYPE",
        "The server does not support the request payload's media type.",
    ),
    422: (
        "UNPROCESSABLE_ENTITY",
        (
            "The requested action could not be performed, semantically incorrect, or failed "
            "business validation."
        ),
    ),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: ("SERVICE_UNAVAILABLE", "Service Unavailable."),
}
#: Issues with another status than 422.
_STATUS: Final = {
    "INVALID_ARRAY_MAX_ITEMS": 400,
    "INVALID_ARRAY_MIN_ITEMS": 400,
    "INVALID_PARAMETER_SYNTAX": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "INVALID_STRING_LENGTH": 400,
    "MALFORMED_REQUEST_JSON": 400,
    "MISSING_REQUIRED_PARAMETER": 400,
    "NOT_SUPPORTED": 400,
    "PAYPAL_REQUEST_ID_REQUIRED": 400,
    "PAYEE_ACCOUNT_NOT_VERIFIED": 403,
    "PERMISSION_DENIED": 403,
    "INVALID_RESOURCE_ID": 404,
    "PREVIOUS_REQUEST_IN_PROGRESS": 409,
}
_CURRENCY_TEXT: Final = (
    "Currency code is invalid or is not currently supported. Please refer https://developer.paypal"
    ".com/{}/reference/currency-codes/ for list of supported currency codes."
)
#: What each issue says; for some it depends on the operation, or on the API that it belongs to.
_TEXTS: Final = {
    "ACTION_DOES_NOT_MATCH_INTENT": "Order was created with an intent to 'CAPTURE'. Please use "
    "v2/checkout/orders/order_id/capture to complete the transaction or alternately Create an "
    "order with an intent of 'AUTHORIZE'.",
    # Not in the published description.
    "orders.capture ACTION_DOES_NOT_MATCH_INTENT": "Order was created with an intent to "
    "'AUTHORIZE'. Please use v2/checkout/orders/order_id/authorize to complete the transaction or "
    "alternately create an order with an intent of 'CAPTURE'.",
    "AMOUNT_MISMATCH": "Should equal item_total + tax_total + shipping + handling + insurance - "
    "shipping_discount - discount.",
    "AUTHORIZATION_ALREADY_CAPTURED": "Authorization has previously been captured.",
    "AUTHORIZATION_DENIED": "An denied authorization cannot be captured.",
    "AUTHORIZATION_EXPIRED": "An expired authorization cannot be captured.",
    "AUTHORIZATION_VOIDED": "A voided authorization cannot be captured or reauthorized. ",
    "AUTH_CAPTURE_CURRENCY_MISMATCH": "Currency of capture must be the same as currency of "
    "authorization.",
    "AUTH_CAPTURE_NOT_ENABLED": "Authorization and Capture feature is not enabled for the "
    "merchant. Make sure that the recipient of the funds is a verified business account.",
    "AUTH_CURRENCY_MISMATCH": "The currency specified during reauthorization should be the same as "
    "the currency specified in the original authorization. Please check the currency of the "
    "authorization for which you are trying to reauthorize and try again.",
    "CANNOT_BE_NEGATIVE": "Must be greater than or equal to 0. If the currency supports decimals, "
    "only two decimal place precision is supported.",
    "CANNOT_BE_VOIDED": "A reauthorization cannot be voided. Please void the original parent "
    "authorization.",
    "CANNOT_BE_ZERO_OR_NEGATIVE": "Must be greater than zero. If the currency supports decimals, "
    "only two decimal place precision is supported.",
    "CAPTURE_FULLY_REFUNDED": "The capture has already been fully refunded",
    "COMPLIANCE_VIOLATION": "Transaction is declined due to compliance violation.",
    "DECIMALS_NOT_SUPPORTED": "Currency does not support decimals. Please refer to https://"
    "developer.paypal.com/docs/api/reference/currency-codes/ for more information.",
    "DECIMAL_PRECISION": "If the currency supports decimals, only two decimal place precision is "
    "supported.",
    "DUPLICATE_INVOICE_ID": "Duplicate Invoice ID detected. To avoid a potential duplicate "
    "transaction your account setting requires that Invoice Id be unique for each transaction.",
    "payments.capture DUPLICATE_INVOICE_ID": "Requested invoice_id has been previously captured. "
    "Possible duplicate transaction.",
    "payments.refund DUPLICATE_INVOICE_ID": "Invoice ID was previously used to refund a capture.",
    "DUPLICATE_REFERENCE_ID": "`reference_id` must be unique if multiple `purchase_unit` are "
    "provided.",
    "INSTRUMENT_DECLINED": "The instrument presented  was either declined by the processor or "
    "bank, or it can't be used for this payment.",
    "INVALID_ARRAY_MAX_ITEMS": "The number of items in an array parameter is too large.",
    "INVALID_ARRAY_MIN_ITEMS": "The number of items in an array parameter is too small.",
    "INVALID_CURRENCY_CODE": _CURRENCY_TEXT.format("api/rest"),
    "payments INVALID_CURRENCY_CODE": _CURRENCY_TEXT.format("docs/api"),
    "INVALID_PARAMETER_SYNTAX": "The value of a field does not conform to the expected format.",
    "INVALID_PARAMETER_VALUE": "A parameter value is not valid.",
    "payments INVALID_PARAMETER_VALUE": "The value of a field is invalid.",
    "INVALID_RESOURCE_ID": "Specified resource ID does not exist. Please check the resource ID and "
    "try again.",
    "INVALID_STRING_LENGTH": "The value of a field is either too short or too long",
    "payments INVALID_STRING_LENGTH": "The value of a field is either too short or too long.",
    "ITEM_TOTAL_MISMATCH": "Should equal sum of (unit_amount * quantity) across all items for a "
    "given purchase_unit.",
    "ITEM_TOTAL_REQUIRED": "If item details are specified (items.unit_amount and items.quantity) "
    "corresponding amount.breakdown.item_total is required.",
    "MALFORMED_REQUEST_JSON": "The request JSON is not well formed.",
    "MAX_CAPTURE_AMOUNT_EXCEEDED": "Capture amount exceeds allowable limit. Please contact "
    "customer service or your account manager to request the change to your overage limit. The "
    "default overage limit is 115%, which allows the sum of all captures to be up to 115% of the "
    "order amount. The ability to over capture is subjected to regulatory approvals.",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": "You have exceeded the maximum number of payment "
    "attempts.",
    "MAX_VALUE_EXCEEDED": "Should be less than or equal to 999999999999999.99.",
    "MISSING_REQUIRED_PARAMETER": "A required field / parameter is missing",
    "orders.create MISSING_REQUIRED_PARAMETER": "A required parameter is missing.",
    "payments MISSING_REQUIRED_PARAMETER": "A required field / parameter is missing.",
    "MULTI_CURRENCY_ORDER": "Multiple differing values of currency_code are not supported. Entire "
    "Order request must have the same currency_code.",
    "NOT_SUPPORTED": "This field is not currently supported.",
    "ORDER_ALREADY_AUTHORIZED": "Order already authorized.If 'intent=AUTHORIZE' only one "
    "authorization per order is allowed.",
    "ORDER_ALREADY_CAPTURED": "Order already captured.If 'intent=CAPTURE' only one capture per "
    "order is allowed.",
    "ORDER_COMPLETION_IN_PROGRESS": "The order was created with processing_instruction of "
    "ORDER_COMPLETE_ON_PAYMENT_APPROVAL. The customer has approved the payment and PayPal is still "
    "in the process of capturing the order on your behalf as instructed. Please try your request "
    "again.",
    "ORDER_NOT_APPROVED": "Payer has not yet approved the Order for payment. Please redirect the "
    "payer to the 'rel':'approve' url returned as part of the HATEOAS links within the Create "
    "Order call.",
    "orders.capture ORDER_NOT_APPROVED": "Payer has not yet approved the Order for payment. Please "
    "redirect the payer to the 'rel':'approve' url returned as part of the HATEOAS links within "
    "the Create Order call or provide a valid `payment_source` in the request.",
    "PAYEE_ACCOUNT_INVALID": "Payee account specified is invalid. Please check the "
    "`payee.email_address` or `payee.merchant_id` specified and try again. Ensure that either  "
    "`payee.merchant_id` or `payee.email_address` is specified.",
    "PAYEE_ACCOUNT_NOT_VERIFIED": "Payee has not verified their account with PayPal. The selected "
    "payment method requires the recipient to have a verified PayPal account before transactions "
    "can be processed on their behalf.",
    "PAYEE_BLOCKED_TRANSACTION": "The Fraud settings for this seller are such that this payment "
    "cannot be executed.",
    "PAYER_ACCOUNT_RESTRICTED": "PAYER_ACCOUNT_RESTRICTED",
    "PAYER_ACTION_REQUIRED": "Transaction cannot complete successfully, instruct the buyer to "
    "return to PayPal.",
    "PAYER_CANNOT_PAY": "Payer cannot pay for this transaction. Please contact the payer to find "
    "other ways to pay for this transaction.",
    "orders.create PAYER_CANNOT_PAY": "Combination of payer and payee settings mean that this "
    "buyer cannot pay this seller.",
    "PAYPAL_REQUEST_ID_REQUIRED": "A PayPal-Request-Id is required if you are trying to process "
    "payment for an Order. Please specify a PayPal-Request-Id or Create the Order without a "
    "'payment_source' specified.",
    "PENDING_CAPTURE": "Cannot initiate a refund as the capture is pending. Capture is typically "
    "pending when the payer has funded the transaction using e-check/bank funded.",
    "PERMISSION_DENIED": "You do not have permission to access or perform operations on this "
    "resource.",
    "PREFERRED_PAYMENT_SOURCE_MISMATCH": "Payment Source must exactly match the Preferred Payment "
    "Source that was provided during order creation.",
    "PREVIOUSLY_CAPTURED": "Authorization has been previously captured and hence cannot be voided.",
    "PREVIOUSLY_VOIDED": "Authorization has been previously voided and hence cannot be voided "
    "again.",
    "PREVIOUS_REQUEST_IN_PROGRESS": "A previous request on this resource is currently in progress. "
    "Please wait for sometime and try again. It is best to space out the initial and the "
    "subsequent request(s) to avoid receiving this error.",
    # Not in the published description, but what PayPal's own sandbox says.
    "REAUTHORIZATION_TOO_SOON": "A reauthorization is only allowed once from Day 4 to Day 29 since "
    "the date of the original authorization.",
    "REAUTHORIZATION_NOT_SUPPORTED": "A reauthorize cannot be attempted on an authorization_id "
    "that is the result of a prior reauthorization or on an authorization made on an Order saved "
    "using the `v2/orders/id/save` API.",
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING": "Transaction failed. Redirect the payer to select "
    "another funding source.",
    "REFERENCE_ID_REQUIRED": "'reference_id' is required for each 'purchase_unit' if multiple "
    "'purchase_unit' are provided.",
    "REFUND_AMOUNT_EXCEEDED": "The refund amount must be less than or equal to the capture amount "
    "that has not yet been refunded.",
    "REFUND_CAPTURE_CURRENCY_MISMATCH": "Refund must be in the same currency as the capture",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "Capture could not be refunded due to insufficient funds. "
    "Please check to see if you have sufficient funds in your PayPal account or if the bank "
    "account linked to your PayPal account is verified and has sufficient funds.",
    "REFUND_NOT_ALLOWED": "Capture cannot be refunded.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "Refunds are not allowed on this capture due to a "
    "chargeback on the card or bank. Please contact the payee to resolve the chargeback.",
    "REFUND_TIME_LIMIT_EXCEEDED": "You are over the time limit to perform a refund on this capture",
    "TAX_TOTAL_MISMATCH": "Should equal sum of (tax * quantity) across all items for a given "
    "purchase_unit.",
    "TAX_TOTAL_REQUIRED": "If item details are specified (items.tax_total and items.quantity) "
    "corresponding amount.breakdown.tax_total is required.",
    "TRANSACTION_DISPUTED": "Partial refunds cannot be offered at this time because there is an "
    "open case on this transaction. Visit the PayPal Resolution Center to review this case.",
    "TRANSACTION_REFUSED": "The request was refused.",
    "payments TRANSACTION_REFUSED": "PayPal's internal controls prevent authorization from being "
    "captured.",
    "UNSUPPORTED_INTENT": "`intent=AUTHORIZE` is not supported for multiple purchase units. Only "
    "`intent=CAPTURE` is supported.",
}
_INFORMATION: Final = "https://developer.paypal.com/api/rest/reference/{}/errors/#{}"
_PAGES: Final = {"orders": "orders/v2", "payments": "payments/v2", "webhooks": "webhooks/v1"}
_HTTP_OF_NAME: Final = {name: status for status, (name, _) in _NAMES.items()}


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """PayPal says no. ``details`` are its issues, without their sentences.

    ``redirect`` is where the payer can put it right. A ``final`` refusal is about an attempt that
    was made: the same request id gets it again.
    """

    def __init__(
        self,
        status: int,
        *details: dict[str, str],
        redirect: str | None = None,
        final: bool = False,
    ) -> None:
        self.status = status
        self.details = details
        self.redirect = redirect
        self.final = final
        super().__init__(f"{status} {' '.join(detail['issue'] for detail in details)}")

    def body(self, operation: str, debug_id: str) -> dict[str, Any]:
        """The answer to ``operation``, such as ``orders.create``."""
        name, message = _NAMES[self.status]
        page = _PAGES[operation.partition(".")[0]]
        links = [
            {"href": _INFORMATION.format(page, one), "rel": "information_link", "method": "GET"}
            for one in dict.fromkeys(_word(operation, each["issue"]) for each in self.details)
        ]
        if self.redirect:
            links.append({"href": self.redirect, "rel": "redirect", "method": "GET"})
        body: dict[str, Any] = {"name": name, "message": message, "debug_id": debug_id}
        if self.details:
            body["details"] = [
                {**one, "issue": issue, "description": _text(operation, issue)}
                for one in self.details
                for issue in [_word(operation, one["issue"])]
            ]
        return {**body, "links": links}


def refusal(issue: str, field: str = "", value: object = None, **how: Any) -> Refusal:
    """The refusal with one issue; its status follows from it."""
    return Refusal(_STATUS.get(issue, 422), detail(issue, field, value), **how)


def detail(issue: str, field: str = "", value: object = None) -> dict[str, str]:
    """One entry of ``details``. The value is shown if it is a text."""
    entry = {"issue": issue}
    if field:
        entry |= {"field": field, "location": "body"}
    if isinstance(value, str):
        entry["value"] = value
    return entry


def named(code: str) -> Refusal | None:
    """The refusal with this issue, or the failure with this name, if there is one."""
    if code in _TEXTS and " " not in code:
        return refusal(code)
    return Refusal(_HTTP_OF_NAME[code]) if code in _HTTP_OF_NAME else None


def _word(operation: str, issue: str) -> str:
    """The API of orders has one word for all wrong decimals, that of payments has two."""
    orders = operation.startswith("orders.")
    return "DECIMAL_PRECISION" if orders and issue == "DECIMALS_NOT_SUPPORTED" else issue


def _text(operation: str, issue: str) -> str:
    api = operation.partition(".")[0]
    for key in (f"{operation} {issue}", f"{api} {issue}"):
        if key in _TEXTS:
            return _TEXTS[key]
    return _TEXTS[issue]
