"""Which fields a request has, and what may stand in them; one that Adyen does not know is refused.

https://docs.adyen.com/api-explorer/Checkout/72/overview
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from ..edge import is_return_url
from ..rules import Kind, OneOf, Rule, Text
from .errors import Refusal

_LONG: Final = 200_000
_FLAG: Final = Kind(bool)
_OBJECT: Final = Kind(dict)
_LIST: Final = Kind(list)


def _text(most: int = _LONG, *, blank: bool = True) -> Text:
    return Text(most, required=False, blank=blank)


def _one_of(*words: str) -> OneOf:
    return OneOf(words, required=False)


@attrs.frozen
class Integer:
    """A whole number of 32 or 64 bits; the JSON type counts."""

    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        good = type(value) is int and -(2**63) <= value < 2**63
        return "" if good else "must be a number"


@attrs.frozen
class Texts:
    """An object of texts."""

    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        good = isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
        return "" if good else "must be an object of texts"


@attrs.frozen
class ReturnUrl:
    """An absolute address to which a shopper may be sent."""

    required: bool = False

    def problem(self, value: object) -> str:
        """What is wrong with ``value``."""
        good = isinstance(value, str) and len(value) <= 1024 and is_return_url(value)  # noqa: PLR2004
        return "" if good else "is invalid"


@attrs.frozen
class Record:
    """The fields of one object. ``required`` ones have an error of their own by their name."""

    name: str
    fields: Mapping[str, Rule]
    required: Mapping[str, str] = attrs.field(factory=dict)

    def check(self, body: Mapping[str, Any]) -> None:
        """Refuse what is missing, unknown or wrong, the first of it."""
        unknown = sorted(set(body) - set(self.fields))
        if unknown:
            names = ", ".join(unknown)[:200]
            text = f"Structure of {self.name} contains the following unknown fields: [{names}]"
            raise Refusal("structure", text)
        for name, error in self.required.items():
            if body.get(name) in (None, ""):
                raise Refusal(error, name)
        for name, value in body.items():
            if problem := self.fields[name].problem(value):
                error = "return url" if name == "returnUrl" else "structure"
                raise Refusal(error, f"Field '{name}' {problem}")


def _all(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_MODEL: Final = _one_of("CardOnFile", "Subscription", "UnscheduledCardOnFile")
_SHOPPER: Final = Text(256, required=False)
#: What the two ways to begin a payment have in common.
_SHARED: Final[Mapping[str, Rule]] = {
    **_all(
        _OBJECT,
        """accountInfo additionalAmount amount applicationInfo authenticationData billingAddress
        company deliveryAddress fundOrigin fundRecipient mandate mpiData platformChargebackLogic
        riskData shopperName threeDS2RequestData""",
    ),
    **_all(_LIST, "lineItems splits"),
    **_all(
        _text(),
        """countryCode dateOfBirth deliverAt mcc recurringExpiry recurringFrequency
        redirectFromIssuerMethod redirectToIssuerMethod shopperLocale shopperStatement""",
    ),
    **_all(
        _FLAG,
        """enableOneClick enablePayOut enableRecurring storePaymentMethod threeDSAuthenticationOnly
        trustedShopper""",
    ),
    "additionalData": Texts(),
    "captureDelayHours": Integer(),
    "channel": _one_of("iOS", "Android", "Web"),
    "merchantAccount": _text(),
    "merchantOrderReference": _text(1000),
    "metadata": Texts(),
    "recurringProcessingModel": _MODEL,
    "reference": _text(80),
    "returnUrl": ReturnUrl(),
    "shopperEmail": _text(256),
    "shopperIP": _text(50),
    "shopperInteraction": _one_of("Ecommerce", "ContAuth", "Moto", "POS"),
    "shopperReference": _SHOPPER,
    "socialSecurityNumber": _text(50),
    "store": _text(64),
    "telephoneNumber": _text(64),
}
_ASKED: Final[Mapping[str, str]] = {
    "amount": "no amount",
    "reference": "no reference",
}

PAYMENT: Final = Record(
    "PaymentRequest",
    {
        **_SHARED,
        **_all(
            _OBJECT,
            """bankAccount browserInfo dccQuote enhancedSchemeData installments
            merchantRiskIndicator order paymentMethod paymentValidations shopperTaxInfo
            surcharge""",
        ),
        **_all(_LIST, "subMerchants"),
        **_all(_text(), "deliveryDate orderReference sessionValidity"),
        "checkoutAttemptId": _text(256),
        "deviceFingerprint": _text(5000),
        "entityType": _one_of("NaturalPerson", "CompanyName"),
        "fraudOffset": Integer(),
        "industryUsage": _one_of("delayedCharge", "installment", "noShow"),
        "localizedShopperStatement": Texts(),
        "origin": _text(80),
        "shopperConversionId": _text(256),
    },
    {**_ASKED, "paymentMethod": "no method", "returnUrl": "no return url"},
)
METHOD: Final = Record(
    "CardDetails",
    {
        **_all(
            _text(15_000),
            """encryptedCardNumber encryptedExpiryMonth encryptedExpiryYear encryptedPassword
            encryptedSecurityCode holderName""",
        ),
        **_all(
            _text(),
            """billingSequenceNumber brand checkoutAttemptId cupsecureplus.smscode cvc
            encryptedCard expiryMonth expiryYear fastlaneData networkPaymentReference number
            recurringDetailReference sdkData shopperNotificationReference srcCorrelationId
            srcDigitalCardId srcScheme srcTokenReference threeDS2SdkVersion""",
        ),
        "fundingSource": _one_of("credit", "debit", "prepaid"),
        "storedPaymentMethodId": _text(64),
        "type": _text(),
    },
)
AMOUNT: Final = Record(
    "Amount",
    {"currency": Text(3, required=False), "value": Integer()},
    {"currency": "missing", "value": "missing"},
)
DETAILS: Final = Record(
    "PaymentDetailsRequest",
    {
        "authenticationData": _OBJECT,
        "details": _OBJECT,
        "paymentData": _text(),
        "threeDSAuthenticationOnly": _FLAG,
    },
    {"details": "missing"},
)
COMPLETION: Final = Record(
    "PaymentCompletionDetails",
    _all(
        _text(),
        """MD PaReq PaRes authorization_token billingToken cupsecureplus.smscode
        facilitatorAccessToken oneTimePasscode orderID payerID payload paymentID paymentStatus
        redirectResult resultCode returnUrlQueryString threeDSResult threeds2.challengeResult
        threeds2.fingerprint vaultToken""",
    ),
)
_MODIFICATION: Final[Mapping[str, Rule]] = {
    "applicationInfo": _OBJECT,
    "merchantAccount": _text(),
    "reference": _text(80),
}
_SOME: Final[Mapping[str, Rule]] = {
    **_MODIFICATION,
    **_all(_LIST, "lineItems splits"),
    "amount": _OBJECT,
}
CAPTURE: Final = Record(
    "PaymentCaptureRequest",
    {
        **_SOME,
        **_all(_OBJECT, "enhancedSchemeData platformChargebackLogic"),
        "subMerchants": _LIST,
    },
    {"amount": "no amount"},
)
CANCEL: Final = Record("PaymentCancelRequest", _MODIFICATION)
CANCEL_BY_REFERENCE: Final = Record(
    "StandalonePaymentCancelRequest",
    {**_MODIFICATION, "paymentReference": _text(80)},
    {"paymentReference": "missing"},
)
REFUND: Final = Record(
    "PaymentRefundRequest",
    {
        **_SOME,
        "capturePspReference": _text(),
        "enhancedSchemeData": _OBJECT,
        "merchantRefundReason": _one_of(
            "FRAUD", "CUSTOMER REQUEST", "RETURN", "DUPLICATE", "OTHER"
        ),
        "store": _text(),
    },
    {"amount": "no amount"},
)
REVERSAL: Final = Record("PaymentReversalRequest", _MODIFICATION)
UPDATE: Final = Record(
    "PaymentAmountUpdateRequest",
    {
        **_SOME,
        "adjustAuthType": _one_of("cardholderInitiatedTransaction", "merchantInitiatedTransaction"),
        "adjustAuthorisationData": _text(),
        "industryUsage": _one_of("delayedCharge", "installment", "noShow"),
        "mpiData": _OBJECT,
    },
    {"amount": "no amount"},
)
_PAGE: Final[Mapping[str, Rule]] = {
    **_SHARED,
    **_all(_LIST, "allowedPaymentMethods blockedPaymentMethods"),
    **_all(_OBJECT, "installmentOptions"),
    **_all(_FLAG, "showRemovePaymentMethodButton splitCardFundingSources"),
    "expiresAt": _text(),
    "storeFiltrationMode": _one_of("exclusive", "inclusive", "skipFilter"),
    "storePaymentMethodMode": _one_of("askForConsent", "disabled", "enabled"),
    "themeId": _text(),
}
SESSION: Final = Record(
    "CreateCheckoutSessionRequest",
    {**_PAGE, "mode": _one_of("embedded", "hosted"), "showInstallmentAmount": _FLAG},
    {**_ASKED, "returnUrl": "no return url"},
)
LINK: Final = Record(
    "PaymentLinkRequest",
    {
        **_PAGE,
        **_all(_LIST, "requiredShopperFields"),
        **_all(_FLAG, "manualCapture reusable"),
        "deviceFingerprint": _text(5000),
        "description": _text(),
    },
    _ASKED,
)
LINK_CHANGE: Final = Record("UpdatePaymentLinkRequest", {"status": _text()}, {"status": "missing"})
STORE: Final = Record(
    "StoredPaymentMethodRequest",
    {
        **_all(_text(), "merchantAccount shopperEmail shopperIP"),
        "paymentMethod": _OBJECT,
        "recurringProcessingModel": _MODEL,
        "shopperReference": _SHOPPER,
    },
    {
        "paymentMethod": "no method",
        "recurringProcessingModel": "missing",
        "shopperReference": "no shopper",
    },
)
METHODS: Final = Record(
    "PaymentMethodsRequest",
    {
        **_all(_OBJECT, "amount browserInfo order"),
        **_all(_LIST, "allowedPaymentMethods blockedPaymentMethods"),
        **_all(
            _text(),
            """countryCode merchantAccount shopperConversionId shopperEmail shopperIP shopperLocale
            store telephoneNumber""",
        ),
        "additionalData": Texts(),
        "channel": _one_of("iOS", "Android", "Web"),
        "shopperReference": _SHOPPER,
        "splitCardFundingSources": _FLAG,
        "storeFiltrationMode": _one_of("exclusive", "inclusive", "skipFilter"),
    },
)
