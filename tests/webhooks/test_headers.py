"""The headers that prove a notice of SePay or Casso, in every wrong form, and the clock beside them."""

from datetime import timedelta

import pytest

from .senders import NOW, SECONDS, SENDERS, Call

BY = {sender.key: sender for sender in SENDERS}
SEPAY, KEY, CASSO, TOKEN = BY["sepay"], BY["sepay-key"], BY["casso"], BY["casso-v1"]
GATEWAY, STRIPE = BY["sepaypg"], BY["stripe"]
ARABIC = {ord(str(digit)): 0x660 + digit for digit in range(10)}

#: A time as nobody may write it.
TIMES = {
    "underscore": lambda time: f"{time[:4]}_{time[4:]}",
    "plus": lambda time: f"+{time}",
    "minus": lambda time: f"-{time}",
    "blank": lambda time: f" {time}",
    "blank behind": lambda time: f"{time} ",
    "tab": lambda time: f"{time}\t",
    "decimal": lambda time: f"{time}.0",
    "decimal comma": lambda time: f"{time},5",
    "exponent": lambda time: f"{time[0]}.{time[1:]}e9",
    "Arabic-Indic": lambda time: time.translate(ARABIC),
    "full-width": lambda time: time.translate({k: 0xFF10 + v - 0x660 for k, v in ARABIC.items()}),
    "one digit Arabic-Indic": lambda time: time[:-1] + "\u0660",
    "superscript": lambda time: time[:-1] + "²",
    "hex": lambda time: hex(int(time)),
    "40 digits": lambda time: "1" * 40,
    "zeros in front": lambda time: time.zfill(40),
    "empty": lambda time: "",
    "letters": lambda time: "now",
    "ISO": lambda time: "2026-03-01T09:00:00Z",
    "twice": lambda time: f"{time},{time}",
    "NaN": lambda time: "nan",
}


@pytest.mark.parametrize("spell", TIMES.values(), ids=TIMES)
def test_a_time_that_is_not_plain_digits_though_signed(shop, spell):
    number = shop.number()
    sepay, casso = SEPAY.notice(number), CASSO.notice(number)
    time = spell(str(SECONDS))
    shop.expect(SEPAY, SEPAY.call(sepay.body, seconds=time), "unproven")
    time = spell(f"{SECONDS}000")
    shop.expect(CASSO, CASSO.call(casso.body, milliseconds=time), "unproven")
    stripe = STRIPE.notice(number)
    shop.expect(STRIPE, STRIPE.call(stripe.body, seconds=spell(str(SECONDS))), "unproven")


@pytest.mark.parametrize("time", ["0", "1", "99999999999", str(SECONDS - 10**9), str(SECONDS * 10)])
def test_a_time_of_another_age_though_signed(shop, time):
    shop.expect(SEPAY, SEPAY.call(SEPAY.notice(shop.number()).body, seconds=time), "stale")


@pytest.mark.parametrize("time", ["0", "1", str(SECONDS), "9999999999999", f"{SECONDS}000"[:-1]])
def test_casso_counts_milliseconds(shop, time):
    shop.expect(CASSO, CASSO.call(CASSO.notice(shop.number()).body, milliseconds=time), "stale")


@pytest.mark.parametrize(
    ("sender", "seconds", "outcome"),
    [
        (SEPAY, -300, "orphan"),
        (SEPAY, -301, "stale"),
        (SEPAY, -3_600, "stale"),
        (SEPAY, 300, "orphan"),
        (SEPAY, 301, "stale"),
        (SEPAY, 600, "stale"),
        (CASSO, -86_400, "orphan"),
        (CASSO, -86_401, "stale"),
        (CASSO, 300, "orphan"),
        (CASSO, 301, "stale"),
        (CASSO, 600, "stale"),
        (STRIPE, -300, "orphan"),
        (STRIPE, -301, "stale"),
        (STRIPE, 300, "orphan"),
        (STRIPE, 301, "stale"),
        (STRIPE, 600, "stale"),
        # The others tell no signed time, so a late delivery of theirs is as good as any.
        (BY["adyen"], -86_400 * 30, "orphan"),
        (BY["zalopay"], -86_400 * 30, "orphan"),
        (BY["payos"], -86_400 * 30, "orphan"),
        (KEY, -86_400 * 30, "orphan"),
        (TOKEN, -86_400 * 30, "orphan"),
        (GATEWAY, 86_400 * 30, "orphan"),
    ],
    ids=str,
)
def test_the_clock_both_ways(shop, sender, seconds, outcome):
    call = sender.notice(shop.number(), at=NOW + timedelta(seconds=seconds))
    shop.expect(sender, call, outcome)


@pytest.mark.parametrize("skew", [-240, 240])
def test_our_own_clock_may_be_off_by_minutes(shop, skew):
    shop.clock.pass_(seconds=skew)
    try:
        shop.expect(SEPAY, SEPAY.notice(shop.number()), "orphan")
        shop.expect(CASSO, CASSO.notice(shop.number()), "orphan")
        shop.clock.pass_(seconds=2 * skew)
        shop.expect(SEPAY, SEPAY.notice(shop.number()), "stale")
        shop.expect(CASSO, CASSO.notice(shop.number()), "stale" if skew < 0 else "orphan")
    finally:
        shop.clock.pass_(seconds=-3 * skew)


def test_who_is_refused_as_stale_is_not_forgotten(shop):
    number = shop.number()
    old = SEPAY.notice(number, at=NOW - timedelta(minutes=10))
    shop.expect(SEPAY, old, "stale")
    shop.expect(SEPAY, SEPAY.notice(number), "orphan")  # as SePay sends it again
    shop.expect(SEPAY, old, "stale")


#: X-SePay-Signature, where it is not "sha256=" and the digest.
SEPAY_SCHEMES = [
    "{}", "={}", "sha256", "sha256=", "sha256==", "sha256:{}", "sha256 {}", "SHA256={}",
    "Sha256={}", " sha256={}", "sha256= {}", "sha512={}", "sha1={}", "md5={}", "none=", "v1={}",
    "sha256={0},sha256={0}", "t=1,sha256={}", "sha256=sha256={}", "{}=sha256", "hmac-sha256={}",
    "sha\u0662\u0665\u0666={}", "sha256\u200b={}", "Apikey {}", "null", "undefined",
]  # fmt: skip


@pytest.mark.parametrize("scheme", SEPAY_SCHEMES)
def test_sepay_by_another_scheme(shop, scheme):
    call = SEPAY.notice(shop.number())
    header = scheme.format(SEPAY.proof(call))
    shop.expect(SEPAY, call.with_header(SEPAY.header, header), "unproven")


def test_sepay_with_its_time_missing_or_twice(shop):
    call = SEPAY.notice(shop.number())
    time = str(SECONDS)
    for times in ([], [""], [time, time], [time, "1"], [f"{time}, {time}"], [str(SECONDS + 1)]):
        shop.expect(SEPAY, call.with_header("X-SePay-Timestamp", *times), "unproven")
    # Signed without a time at all: the body alone, or after a dot.
    bare = SEPAY.call(call.body, seconds="").with_header("X-SePay-Timestamp")
    shop.expect(SEPAY, bare, "unproven")
    shop.expect(SEPAY, call, "orphan")


#: Authorization, where it is not "Apikey" and the key.
KEY_SCHEMES = [
    "{}", "Apikey", "Apikey ", "Apikey  {}", "Apikey\t{}", "Apikey{}", "apikey {}", "APIKEY {}",
    "ApiKey {}", "API-Key {}", " Apikey {}", "Apikey {} ", "Apikey: {}", "Apikey={}", "Bearer {}",
    "Bearer Apikey {}", "Apikey Bearer {}", "Apikey Apikey {}", "Basic {}", "Token {}",
    "Apikey {0}, Apikey {0}", "Apikey {0},{0}", "Apikey null", "Apikey undefined", "Apikey None",
    "Apikey ''", 'Apikey "{}"', "Apikey %20", "Apikey \u00e9", "\uff21pikey {}", "Apikey\u00a0{}",
    "sha256={}",
]  # fmt: skip


@pytest.mark.parametrize("scheme", KEY_SCHEMES)
def test_sepay_by_another_way_to_show_the_key(shop, scheme):
    call = KEY.notice(shop.number())
    header = scheme.format(KEY.secret)
    shop.expect(KEY, call.with_header(KEY.header, header), "unproven")


def test_the_key_counts_in_its_own_header_only(shop):
    call = KEY.notice(shop.number())
    for name in ("X-Api-Key", "Proxy-Authorization", "Apikey", "X-Secret-Key", "Secure-Token"):
        elsewhere = call.with_header(KEY.header).with_header(name, f"Apikey {KEY.secret}")
        shop.expect(KEY, elsewhere, "unproven")
    for name in ("Authorization", "X-Api-Key", "Secure-Token"):
        moved = GATEWAY.notice(shop.number()).with_header(GATEWAY.header)
        shop.expect(GATEWAY, moved.with_header(name, GATEWAY.secret), "unproven")
        moved = TOKEN.notice(shop.number()).with_header(TOKEN.header)
        other = "X-Secret-Key" if name == "Secure-Token" else name
        shop.expect(TOKEN, moved.with_header(other, TOKEN.secret), "unproven")


def test_a_key_is_no_proof_where_a_signature_is_due(shop):
    body = SEPAY.notice(shop.number()).body
    by_key = Call(body, (("content-type", "application/json"),))
    for shown in (f"Apikey {SEPAY.secret}", f"Apikey {KEY.secret}", "Apikey "):
        shop.expect(SEPAY, by_key.with_header("Authorization", shown), "unproven")
    for shown in (CASSO.secret, TOKEN.secret, ""):
        call = Call(CASSO.notice(shop.number()).body, by_key.headers)
        shop.expect(CASSO, call.with_header("Secure-Token", shown), "unproven")
    # and a signature none where a key is
    shop.expect(SEPAY, SEPAY.notice(shop.number()), "unproven", key=KEY.key)
    shop.expect(CASSO, CASSO.notice(shop.number()), "unproven", key=TOKEN.key)


#: X-Casso-Signature, where it is not "t=…,v1=…".
CASSO_SCHEMES = [
    "{d}", "v1={d}", "t={t}", "t={t},", "t={t},v1=", "t={t},v1", "v1={d},t={t}", "t={t}, v1={d}",
    " t={t},v1={d}", "t={t},v1={d},", "t={t};v1={d}", "t={t} v1={d}", "t={t},v0={d}",
    "t={t},v2={d}", "t={t},V1={d}", "T={t},v1={d}", "t=1,t={t},v1={d}", "t={t},t=1,v1={d}",
    "t={t},v1=0,v1={d}", "t={t},v1={d},v1=0", "t={t},v1={d},v0=0", "t={t}&v1={d}", "t:{t},v1:{d}",
    "t={t},v1=sha512={d}", "t=,v1={d}", "{t},{d}", "t={t},v1={d}\u200b",
]  # fmt: skip


@pytest.mark.parametrize("scheme", CASSO_SCHEMES)
def test_casso_by_another_scheme(shop, scheme):
    call = CASSO.notice(shop.number())
    header = scheme.format(t=f"{SECONDS}000", d=CASSO.proof(call))
    shop.expect(CASSO, call.with_header(CASSO.header, header), "unproven")


@pytest.mark.parametrize(
    ("time", "outcome"),
    [("1", "stale"), (str(SECONDS - 10**9), "stale"), ("9999999999", "stale"), ("0", "unproven")],
)
def test_a_time_of_stripe_of_another_age_though_signed(shop, time, outcome):
    call = STRIPE.call(STRIPE.notice(shop.number()).body, seconds=time)
    shop.expect(STRIPE, call, outcome)


#: Stripe-Signature; {t} is the time, {d} the digest, {w} a wrong one.
STRIPE_HEADERS = {
    "t={t},v1={d}": "orphan",
    "v1={d},t={t}": "orphan",
    "t={t},v1={w},v1={d}": "orphan",  # while a secret is rolled
    "t={t},v1={d},v1={w}": "orphan",
    "t={t},v1={d},v0={w}": "orphan",  # a decoy
    "t={t},v1={d},v2={w}": "orphan",
    "t={t},v0={d}": "unproven",
    "t={t},v2={d}": "unproven",
    "t={t},V1={d}": "unproven",
    "t={t},sha256={d}": "unproven",
    "t={t},v1=": "unproven",
    "t={t},v1": "unproven",
    "t={t}": "unproven",
    "v1={d}": "unproven",
    "{d}": "unproven",
    "t={t},t={t},v1={d}": "unproven",
    "t=1,t={t},v1={d}": "unproven",
    "t={t},t=1,v1={d}": "unproven",
    "t={t}; v1={d}": "unproven",
    "t={t}, v1={d}": "unproven",
    "t={t},v1={w}": "unproven",
    "t={t},v1=0x{d}": "unproven",
    "t={t},v1={d}=": "unproven",
    "t={t},v1={d},": "unproven",
    ",t={t},v1={d}": "unproven",
    "t={t},v1=nonsense,v1={d}": "orphan",  # one match is enough
    "t={t},v1={d},v1=bad_signature": "orphan",
    "t={t},v1=nonsense,v1={w}": "unproven",
    "t={t},v1=nonsense": "unproven",
    "T={t},v1={d}": "unproven",
}


@pytest.mark.parametrize(("form", "outcome"), STRIPE_HEADERS.items())
def test_forms_of_stripes_header(shop, form, outcome):
    genuine = STRIPE.notice(shop.number())
    header = form.format(t=SECONDS, d=STRIPE.proof(genuine), w="0" * 64)
    shop.expect(STRIPE, genuine.with_header(STRIPE.header, header), outcome)


def test_a_hundred_signatures_of_stripe(shop):
    genuine = STRIPE.notice(shop.number())
    many = ",".join(["v1=" + "0" * 64] * 100)
    header = f"t={SECONDS},{many},v1={STRIPE.proof(genuine)}"
    shop.expect(STRIPE, genuine.with_header(STRIPE.header, header), "unproven")
