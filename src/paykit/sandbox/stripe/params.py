"""The parameters of each operation, as in API version 2026-10-28.endive.

Source: the type annotations of the PyPI package ``stripe`` 16.1.0.
"""

from __future__ import annotations

from typing import Final

from .fields import (
    Address,
    Blank,
    Currency,
    Flag,
    Many,
    Metadata,
    OffSession,
    OneOf,
    Record,
    Rule,
    Text,
    Whole,
    elsewhere,
)

#: Until this version, methods could be listed; now they are allowed or excluded.
ALLOWED_TYPES_SINCE: Final = "2026-10-28"

_CAPTURES: Final = OneOf(("automatic", "automatic_async", "manual"))
_USAGE: Final = OneOf(("off_session", "on_session"))
_EXPAND: Final = Many(Text(), most=20)
_TYPES: Final = Many(Text())
_ADDRESS: Final = Record(
    dict.fromkeys("city country line1 line2 postal_code state".split(), Text())
)
_SHIPPING: Final = Record(
    {
        "address": _ADDRESS,
        **dict.fromkeys("carrier name phone tracking_number".split(), Text()),
    },
    required=("address", "name"),
)
_BILLING: Final = Record(
    {
        "address": Blank(_ADDRESS),
        "email": Blank(Text()),
        "name": Blank(Text()),
        "phone": Blank(Text()),
        "tax_id": Text(),
    }
)
_AUTOMATIC: Final = Record(
    {"enabled": Flag(), "allow_redirects": OneOf(("always", "never"))}, required=("enabled",)
)
_MANDATE: Final = Record(
    {
        "customer_acceptance": Record(
            {
                "accepted_at": Whole(),
                "type": OneOf(("offline", "online")),
                "offline": Record({}),
                "online": Record(
                    {"ip_address": Text(), "user_agent": Text()},
                    required=("ip_address", "user_agent"),
                ),
            },
            required=("type",),
        )
    },
    required=("customer_acceptance",),
)
_RADAR: Final = Record({"session": Text(), "referrer": Blank(Text())})
_IF_AVAILABLE: Final = OneOf(("if_available", "never"))
_THREE_D: Final = OneOf(("any", "automatic", "challenge"))
_CREDENTIAL: Final = OneOf(("installment", "recurring", "unscheduled"))
_NETWORK: Final = Text(40)

CARD_OPTIONS: Final = Record(
    {
        "capture_method": Blank(OneOf(("manual",))),
        "moto": Flag(),
        "network": _NETWORK,
        "request_extended_authorization": _IF_AVAILABLE,
        "request_incremental_authorization": _IF_AVAILABLE,
        "request_multicapture": _IF_AVAILABLE,
        "request_overcapture": _IF_AVAILABLE,
        "request_three_d_secure": _THREE_D,
        "require_cvc_recollection": Flag(),
        "setup_credential_usage": _CREDENTIAL,
        "setup_future_usage": Blank(OneOf(("none", "off_session", "on_session"))),
        "statement_descriptor_suffix_kana": Blank(Text(22)),
        "statement_descriptor_suffix_kanji": Blank(Text(17)),
        "stored_credential_usage": _CREDENTIAL,
        **elsewhere("cvc_token installments mandate_options three_d_secure"),
    }
)
SETUP_CARD_OPTIONS: Final = Record(
    {
        "moto": Flag(),
        "network": _NETWORK,
        "request_three_d_secure": _THREE_D,
        "setup_credential_usage": _CREDENTIAL,
        **elsewhere("mandate_options three_d_secure"),
    }
)


def _options(card: Rule) -> Record:
    """By kind of method; the sandbox has cards."""
    return Record({"card": card})


_EXCLUDED: Final = "excluded_payment_method_types"
_ATTEMPT: Final[dict[str, Rule]] = {
    "allowed_payment_method_types": _TYPES,
    "confirmation_token": Text(),
    _EXCLUDED: Blank(_TYPES),
    "expand": _EXPAND,
    "mandate_data": Blank(_MANDATE),
    "payment_method": Text(),
    "return_url": Address(),
    "use_stripe_sdk": Flag(),
    **elsewhere("payment_method_data"),
}
_PAYMENT: Final[dict[str, Rule]] = {
    **_ATTEMPT,
    "capture_method": _CAPTURES,
    "error_on_requires_action": Flag(),
    "mandate": Text(),
    "off_session": OffSession(),
    "payment_method_options": _options(Blank(CARD_OPTIONS)),
    "radar_options": _RADAR,
    "receipt_email": Blank(Text()),
    "setup_future_usage": Blank(_USAGE),
    "shipping": Blank(_SHIPPING),
    **elsewhere("amount_details hooks payment_details"),
}
CREATE_INTENT: Final = Record(
    {
        **_PAYMENT,
        # There is nothing yet that an empty text could unset.
        _EXCLUDED: _TYPES,
        "receipt_email": Text(),
        "setup_future_usage": _USAGE,
        "shipping": _SHIPPING,
        "amount": Whole(),
        "automatic_payment_methods": _AUTOMATIC,
        "confirm": Flag(),
        "confirmation_method": OneOf(("automatic", "manual")),
        "currency": Currency(),
        "customer": Text(),
        "description": Text(1000),
        "metadata": Metadata(),
        "statement_descriptor": Text(22),
        "statement_descriptor_suffix": Text(22),
        **elsewhere(
            "application_fee_amount customer_account on_behalf_of payment_method_configuration "
            "transfer_data transfer_group"
        ),
    },
    required=("amount", "currency"),
)
CONFIRM_INTENT: Final = Record({**_PAYMENT, **elsewhere("amount_to_confirm")})
CAPTURE_INTENT: Final = Record(
    {
        "amount_to_capture": Whole(1),
        "expand": _EXPAND,
        "final_capture": Flag(),
        "metadata": Metadata(unsets=True),
        "statement_descriptor": Text(22),
        "statement_descriptor_suffix": Text(22),
        **elsewhere("amount_details application_fee_amount hooks payment_details transfer_data"),
    }
)
CANCEL_INTENT: Final = Record(
    {
        "cancellation_reason": OneOf(
            ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
        ),
        "expand": _EXPAND,
    }
)
INCREMENT_INTENT: Final = Record(
    {
        "amount": Whole(1),
        "description": Text(1000),
        "expand": _EXPAND,
        "metadata": Metadata(unsets=True),
        "statement_descriptor": Text(22),
        **elsewhere("amount_details application_fee_amount hooks payment_details transfer_data"),
    },
    required=("amount",),
)
CREATE_REFUND: Final = Record(
    {
        "amount": Whole(1),
        "charge": Text(),
        "expand": _EXPAND,
        "metadata": Metadata(),
        "payment_intent": Text(),
        "reason": OneOf(("duplicate", "fraudulent", "requested_by_customer")),
        **elsewhere(
            "currency customer instructions_email origin refund_application_fee reverse_transfer"
        ),
    }
)
CREATE_SETUP: Final = Record(
    {
        **_ATTEMPT,
        _EXCLUDED: _TYPES,
        "automatic_payment_methods": _AUTOMATIC,
        "confirm": Flag(),
        "customer": Text(),
        "description": Text(1000),
        "metadata": Metadata(),
        "payment_method_options": _options(SETUP_CARD_OPTIONS),
        "usage": _USAGE,
        **elsewhere(
            "attach_to_self customer_account flow_directions on_behalf_of "
            "payment_method_configuration single_use"
        ),
    }
)
CONFIRM_SETUP: Final = Record(
    {
        **{name: rule for name, rule in _ATTEMPT.items() if name != _EXCLUDED},
        "payment_method_options": _options(SETUP_CARD_OPTIONS),
    }
)
CANCEL_SETUP: Final = Record(
    {
        "cancellation_reason": OneOf(("abandoned", "duplicate", "requested_by_customer")),
        "expand": _EXPAND,
    }
)
CREATE_METHOD: Final = Record(
    {
        "allow_redisplay": OneOf(("always", "limited", "unspecified")),
        "billing_details": _BILLING,
        "card": Record(
            {
                "cvc": Text(4),
                "exp_month": Whole(1, 12),
                "exp_year": Whole(0, 9999),
                "number": Text(40),
                "token": Text(),
                "networks": Record({"preferred": Text()}),
            }
        ),
        "expand": _EXPAND,
        "metadata": Metadata(),
        "type": OneOf(("card",)),
        **elsewhere("customer payment_method radar_options"),
    },
    required=("type",),
)
ATTACH_METHOD: Final = Record(
    {"customer": Text(), "expand": _EXPAND, **elsewhere("customer_account")},
    required=("customer",),
)
CREATE_CUSTOMER: Final = Record(
    {
        "address": Blank(_ADDRESS),
        "description": Text(),
        "email": Text(512),
        "expand": _EXPAND,
        "metadata": Metadata(),
        "name": Text(256),
        "phone": Text(20),
        "preferred_locales": Many(Text(10)),
        "shipping": Blank(
            Record(
                {"address": _ADDRESS, "name": Text(), "phone": Text()},
                required=("address", "name"),
            )
        ),
        **elsewhere(
            "balance business_name cash_balance individual_name invoice_prefix invoice_settings "
            "next_invoice_sequence payment_method source tax tax_exempt tax_id_data test_clock "
            "validate"
        ),
    }
)
_PRODUCT: Final = Record(
    {
        "name": Text(),
        "description": Text(),
        "images": Many(Text(), most=8),
        "metadata": Metadata(),
        "unit_label": Text(12),
        **elsewhere("tax_code tax_details"),
    },
    required=("name",),
)
_LINE: Final = Record(
    {
        "price_data": Record(
            {
                "currency": Currency(),
                "product_data": _PRODUCT,
                "tax_behavior": OneOf(("exclusive", "inclusive", "unspecified")),
                "unit_amount": Whole(),
                **elsewhere("product recurring unit_amount_decimal"),
            },
            required=("currency", "product_data", "unit_amount"),
        ),
        "quantity": Whole(1, 999_999),
        "metadata": Metadata(),
        **elsewhere("adjustable_quantity price tax_rates"),
    },
    required=("price_data", "quantity"),
)
CREATE_SESSION: Final = Record(
    {
        "allowed_payment_method_types": _TYPES,
        "cancel_url": Address(),
        "client_reference_id": Text(200),
        "currency": Currency(),
        "customer": Text(),
        "customer_creation": OneOf(("always", "if_required")),
        "customer_email": Text(800),
        "excluded_payment_method_types": _TYPES,
        "expand": _EXPAND,
        "expires_at": Whole(),
        "line_items": Many(_LINE),
        "locale": Text(10),
        "metadata": Metadata(),
        "mode": OneOf(("payment", "setup")),
        "payment_intent_data": Record(
            {
                "capture_method": _CAPTURES,
                "description": Text(1000),
                "metadata": Metadata(),
                "receipt_email": Text(),
                "setup_future_usage": _USAGE,
                "shipping": Record(
                    {
                        **_SHIPPING.members,
                        "address": Record(_ADDRESS.members, required=("line1",)),
                    },
                    required=("address", "name"),
                ),
                "statement_descriptor": Text(22),
                "statement_descriptor_suffix": Text(22),
                **elsewhere("application_fee_amount on_behalf_of transfer_data transfer_group"),
            }
        ),
        "payment_method_options": _options(
            Record(
                {
                    "capture_method": OneOf(("manual",)),
                    "request_extended_authorization": _IF_AVAILABLE,
                    "request_incremental_authorization": _IF_AVAILABLE,
                    "request_multicapture": _IF_AVAILABLE,
                    "request_overcapture": _IF_AVAILABLE,
                    "request_three_d_secure": _THREE_D,
                    "setup_future_usage": _USAGE,
                    "statement_descriptor_suffix_kana": Text(22),
                    "statement_descriptor_suffix_kanji": Text(17),
                    **elsewhere("installments restrictions"),
                }
            )
        ),
        "setup_intent_data": Record(
            {"description": Text(1000), "metadata": Metadata(), **elsewhere("on_behalf_of")}
        ),
        "submit_type": OneOf(("auto", "book", "donate", "pay")),
        "success_url": Address(),
        "ui_mode": OneOf(("hosted_page",)),
        **elsewhere(
            "adaptive_pricing after_expiration allow_promotion_codes automatic_tax "
            "billing_address_collection branding_settings consent_collection custom_fields "
            "custom_text customer_account customer_update discounts integration_identifier "
            "invoice_creation managed_payments name_collection optional_items origin_context "
            "payment_method_collection payment_method_configuration payment_method_data "
            "permissions phone_number_collection redirect_on_completion return_url "
            "saved_payment_method_options shipping_address_collection shipping_options "
            "subscription_data tax_id_collection wallet_options"
        ),
    },
    required=("mode", "success_url"),
)
READ: Final = Record({"expand": _EXPAND})
READ_INTENT: Final = Record({"expand": _EXPAND, "client_secret": Text()})
_PAGE: Final[dict[str, Rule]] = {
    "expand": _EXPAND,
    "limit": Whole(1, 100),
    "starting_after": Text(),
    **elsewhere("ending_before created"),
}
LIST_REFUNDS: Final = Record({**_PAGE, "charge": Text(), "payment_intent": Text()})
LIST_SESSIONS: Final = Record(
    {
        **_PAGE,
        "payment_intent": Text(),
        "status": OneOf(("complete", "expired", "open")),
        **elsewhere("customer customer_account customer_details payment_link subscription"),
    }
)
#: Accepted from callers of an older version.
LEGACY: Final[dict[str, Rule]] = {"payment_method_types": _TYPES}
