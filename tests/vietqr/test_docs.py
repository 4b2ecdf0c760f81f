"""The tables of ``docs/vietqr.md`` say what the code says."""

import re

import attrs

from paykit.vietqr import MAX_PURPOSE, TRANSFER_LIMIT, VietQRPayload, rules

from ..support.markdown import DOCS, code, section, table

PAGE = DOCS / "vietqr.md"


def test_fields():
    rows = {code(row[0])[0]: row[1:] for row in table(PAGE, "attribute", "field", "at most")}
    assert set(rows) == {field.name for field in attrs.fields(VietQRPayload)}
    for name, (path, rule) in rules.TEXTS.items():
        assert code(rows[name][0]) == [path]
        longest = int(re.match(r"\d+", rows[name][1])[0])
        digits = "digits" in rows[name][1]
        assert rule(("1" if digits else "A") * longest) == ""
        if name != "consumer_data_request":
            assert rule("1" * (longest + 1)) != ""
    assert rules.account_trouble("A" * int(rows["account"][1])) == ""
    assert rules.account_trouble("A" * (int(rows["account"][1]) + 1)) != ""


def test_numbers():
    text = " ".join(PAGE.read_text("utf-8").split())
    assert f"digits and blanks, {MAX_PURPOSE} at most" in text
    limit = f"{TRANSFER_LIMIT.minor:,} ₫"
    assert f"below {limit}" in section(PAGE, "Limits").replace("\n", " ")
