"""Hostile input to the webhooks of all these providers: one table for all of them.

Whatever is refused is refused with the provider's own bytes, and leaves no row behind. What is not
proven is not even read, where the proof does not stand in the body itself.
"""

import gzip
import json

import attrs
import pytest

from .mounts import LIMIT
from .senders import (
    EVERYBODY,
    JSON,
    MISSING,
    OTHERS,
    SAMES,
    SENDERS,
    Call,
    hexdigest,
)


def each(senders):
    return pytest.mark.parametrize("sender", senders, ids=lambda sender: sender.key)


EACH = each(SENDERS)
SIGNS = {"adyen", "zalopay", "payos", "sepay", "casso", "checkoutcom", "stripe"}
#: Where a key signs what is said, and does not merely come along.
SIGNED = each([one for one in SENDERS if one.key in SIGNS])
BY_HEADER = each([one for one in SENDERS if one.header])
IN_THE_BODY = each([one for one in SENDERS if not one.header])


def in_place_of(body):
    """A whole body, and what is there instead of it."""
    return {
        "not UTF-8": b"\xff{",
        "Latin-1": body.replace(b"VND", b"\xe9") + b"\xe9",
        "UTF-16": body.decode().encode("utf-16"),
        "UTF-16 without a mark": body.decode().encode("utf-16-le"),
        "UTF-32": body.decode().encode("utf-32"),
        "a byte order mark": b"\xef\xbb\xbf" + body,
        "overlong": body + b"\xc0\xa2",
        "a list": b"[" + body + b"]",
        "a number": b"1",
        "a text": json.dumps(body.decode()).encode(),
        "null": b"null",
        "nothing": b"",
        "blanks": b"  \r\n",
        "a form": b"id=1&content=PK&transferType=in&transferAmount=150000",
        "multipart": b"--x\r\ncontent-disposition: form-data; name=id\r\n\r\n1\r\n--x--\r\n",
        "XML": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a/>",
        "60,000 lists": b"[" * 60_000,
        "a form feed": b"\x0c" + body,
        "a no-break space": b"\xc2\xa0" + body,
    }


BODIES = list(in_place_of(b"{}"))


@EACH
@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_is_no_object_in_utf_8(shop, sender, what):
    genuine = sender.notice(shop.number())
    body = in_place_of(genuine.body)[what]
    # A header may prove even this; then it is the body that is at fault.
    shop.expect(sender, sender.call(body), "unreadable")
    # Without the proof, nobody looks at it if the proof is a header.
    bare = Call(body, (("content-type", JSON),))
    shop.expect(sender, bare, "unproven" if sender.header else "unreadable")


@EACH
def test_an_object_with_nothing_in_it(shop, sender):
    shop.expect(sender, Call(b"{}"), "unproven")
    if sender.header:
        # Casso: no data, which is not an error; but its envelope says whether there was one.
        shop.expect(sender, sender.call(b"{}"), "unreadable")


# Proofs. In a header or in the body, one table.

PROOFS = {
    "missing": lambda proof: MISSING,
    "empty": lambda proof: "",
    "a blank": lambda proof: " ",
    "cut by one": lambda proof: proof[:-1],
    "without its start": lambda proof: proof[1:],
    "half": lambda proof: proof[: len(proof) // 2],
    "one character": lambda proof: proof[0],
    "one more": lambda proof: proof + "0",
    "twice": lambda proof: proof * 2,
    "with a blank": lambda proof: proof + " ",
    "with a blank in front": lambda proof: " " + proof,
    "with a line": lambda proof: proof + "\t",
    "in upper case": lambda proof: proof.upper(),
    "in quotes": lambda proof: f'"{proof}"',
    "0x": lambda proof: "0x" + proof,
    "not ASCII": lambda proof: "é" * len(proof),
    "one letter not ASCII": lambda proof: proof[:-1] + "é",
    "full-width digits": lambda proof: proof.translate(
        {ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}
    ) + "\uff10",
    "zeros": lambda proof: "0" * len(proof),
    "reversed": lambda proof: proof[::-1],
    "a comma list": lambda proof: f"{proof},{proof}",
    "10,000 characters": lambda proof: "a" * 10_000,
}  # fmt: skip


@EACH
@pytest.mark.parametrize("forge", PROOFS.values(), ids=PROOFS)
def test_a_proof_that_is_not_quite_it(shop, sender, forge):
    genuine = sender.notice(shop.number())
    shop.expect(sender, sender.prove(genuine, forge(sender.proof(genuine))), "unproven")


@EACH
def test_every_beginning_of_the_proof(shop, sender):
    genuine = sender.notice(shop.number())
    proof = sender.proof(genuine)
    for length in range(len(proof)):
        shop.expect(sender, sender.prove(genuine, proof[:length]), "unproven")


@SIGNED
def test_keys_that_are_not_ours(shop, sender):
    number = shop.number()
    for secret in ("", " ", sender.secret[:-1], f"one-{sender.secret}", sender.secret.upper()):
        shop.expect(sender, sender.notice(number, secret=secret), "unproven")
    # Another algorithm, and no key at all.
    call = sender.notice(number)
    digests = {hexdigest(sender.secret, call.body), hexdigest("", call.body, "sha512")}
    for digest in digests - {sender.proof(call)}:  # that of the body alone may be the right one
        shop.expect(sender, sender.prove(call, digest), "unproven")


@SIGNED
def test_a_genuine_proof_over_another_body(shop, sender):
    number = shop.number()
    shop.create(sender, number, amount=1)
    cheap, dear = sender.notice(number, amount=1), sender.notice(number, amount=2)
    shop.expect(sender, sender.prove(dear, sender.proof(cheap)), "unproven")
    shop.expect(sender, cheap, "one")


@pytest.mark.parametrize("proof", [None, 0, 1, True, [], {}, [["x"]], 1.5], ids=repr)
@IN_THE_BODY
def test_a_proof_in_the_body_that_is_no_text(shop, sender, proof):
    shop.expect(sender, sender.prove(sender.notice(shop.number()), proof), "unproven")


@BY_HEADER
def test_a_header_twice_is_none(shop, sender):
    call = sender.notice(shop.number())
    right = dict(call.headers)[sender.header]
    for values in ((right, right), (right, "x"), ("x", right), ("", right), (f"{right}, {right}",)):
        shop.expect(sender, call.with_header(sender.header, *values), "unproven")
    # Names of headers are not told apart by their case.
    lower = call.with_header(sender.header).with_header(sender.header.swapcase(), right)
    shop.expect(sender, lower, "orphan")


# Who posts whose notice where.


@EACH
def test_one_providers_notice_at_all_the_others(shop, sender):
    number = shop.number()
    call = sender.notice(number)
    for other in EVERYBODY:
        if (other.name, other.header) != (sender.name, sender.header):
            shop.expect(sender, call, "unproven", key=other.key)
    shop.expect(sender, call, "orphan")


@pytest.mark.parametrize(
    ("sender", "other"), list(zip(SENDERS, OTHERS, strict=True)), ids=lambda s: s.key
)
def test_two_merchants_are_two(shop, sender, other):
    number = shop.number()
    mine, theirs = shop.create(sender, number), shop.create(other, number)
    shop.expect(sender, sender.notice(number), "unproven", key=other.key)
    if other.name != "zalopay":
        shop.expect(sender, other.notice(number), "unproven")
    assert [shop.state(one)[0] for one in (mine, theirs)] == ["requires_action"] * 2
    shop.expect(sender, sender.notice(number), "one")
    shop.expect(other, other.notice(number), "one")


@pytest.mark.parametrize(
    ("sender", "other"), list(zip(SENDERS, SAMES, strict=True)), ids=lambda s: s.key
)
def test_two_accounts_with_one_key(shop, sender, other):
    number = shop.number()
    told = sender.notice(number)
    # A notice names its app or its bank account; those of payOS and of the gateway name neither.
    named = sender.name in {"adyen", "zalopay", "sepay", "casso"}
    shop.expect(sender, told, "unreadable" if named else "orphan", key=other.key)
    shop.expect(sender, told, "orphan")


# Around the body.


@EACH
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post(shop, sender, method):
    rows = shop.rows()
    shop.parsed = 0
    answer, headers = shop.request(method, sender.key, sender.notice(shop.number()))
    assert (answer.status, headers["allow"]) == (405, "POST")
    assert (shop.rows(), shop.parsed) == (rows, 0)


@EACH
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (("content-encoding", "gzip"), 415),
        (("content-encoding", "br"), 415),
        (("content-encoding", "gzip, identity"), 415),
        (("content-length", str(LIMIT + 1)), 413),
        (("content-length", "9" * 40), 413),
    ],
)
def test_what_is_refused_before_it_is_read(shop, sender, header, status):
    call = sender.notice(shop.number())
    packed = attrs.evolve(call, body=gzip.compress(call.body)).with_header(*header)
    answer, made, changed = shop.post(sender, packed)
    assert (answer.status, made, changed, shop.parsed) == (status, (0, 0), False, 0)


@EACH
def test_a_large_body(shop, sender):
    call = sender.notice(shop.number())
    whole = attrs.evolve(call, body=call.body + b" " * (LIMIT - len(call.body)))
    shop.expect(sender, sender.call(whole.body) if sender.header else whole, "orphan")
    answer, made, changed = shop.post(sender, attrs.evolve(whole, body=whole.body + b" "))
    assert (answer.status, made, changed, shop.parsed) == (413, (0, 0), False, 0)


@EACH
@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "é",
        "a" * 5_000,
    ],
)
def test_the_content_type_decides_nothing(shop, sender, content_type):
    call = sender.notice(shop.number()).with_header("Content-Type", content_type)
    shop.expect(sender, call, "orphan")
    shop.expect(sender, call.with_header("Content-Type"), "still kept")


@EACH
def test_who_forwards_it_decides_nothing(shop, sender):
    forged = sender.prove(sender.notice(shop.number()), "0" * 64)
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Original-URL", "X-HTTP-Method"):
        shop.expect(sender, forged.with_header(name, "172.236.138.20"), "unproven")
