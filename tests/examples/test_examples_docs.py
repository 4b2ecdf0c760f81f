"""docs/examples.md lists the examples, and shows what is in their files."""

from ..support.markdown import DOCS, ROOT, blocks, code, table

PAGE = DOCS / "examples.md"
#: What the shops have in common is no example.
PARTS = {"shop_pages", "shop_parts.py"}


def test_every_example_is_listed():
    there = {path.name for path in (ROOT / "examples").iterdir() if path.name[0] not in "._"}
    rows = table(PAGE, "example", "what it shows", "how to run it")
    assert {name for example, *_ in rows for name in code(example)} == there - PARTS


def test_the_page_shows_what_is_in_the_files():
    parts = [(block.skipped, block.code) for block in blocks(PAGE) if block.skipped]
    assert len(parts) == 5
    for said, part in parts:
        assert part in (ROOT / said.removeprefix("a part of ")).read_text(), said
