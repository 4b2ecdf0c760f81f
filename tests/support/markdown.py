"""Reads the documentation as its readers do: code blocks, tables, headings, links."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))

_PART = re.compile(
    r"^```(?P<language>\S*)\n(?P<code>.*?)^```$|^<!-- (?P<order>run|not run): (?P<text>.*?) -->$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block, or a line of setting-up that only the tests see (``<!-- run: … -->``)."""

    language: str
    code: str
    line: int
    skipped: str = ""  #: the reason of a ``<!-- not run: … -->`` before the block


def blocks(path: Path) -> Iterator[Block]:
    """Every fenced block and hidden line of a page, in order."""
    text = path.read_text()
    skipped = ""
    for part in _PART.finditer(text):
        line = text.count("\n", 0, part.start()) + 1
        if part["order"] == "not run":
            skipped = part["text"]
        elif part["order"] == "run":
            yield Block("python", part["text"], line)
        else:
            yield Block(part["language"], part["code"], line + 1, skipped)
            skipped = ""


def prose(path: Path) -> str:
    """The page without its fenced blocks and comments."""
    return _PART.sub("", path.read_text())


def links(path: Path) -> list[str]:
    """Where the page links to."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "`", prose(path)))


def anchors(path: Path) -> set[str]:
    """The fragments of the page's headings, as Python-Markdown makes them."""
    return {_slug(heading) for heading in _HEADING.findall(prose(path))}


def _slug(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def section(path: Path, heading: str) -> str:
    """The text below a heading, up to the next one of the same or a higher level."""
    text = path.read_text()
    mark = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert mark, f"{path.name} has no heading {heading!r}"
    rest = text[mark.end() :]
    end = re.search(rf"^#{{1,{len(mark[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(path: Path, *columns: str) -> list[list[str]]:
    """The rows of the one table of a page whose header begins with these columns."""
    header = "".join(f"| {column} " for column in columns) + "|"
    lines = path.read_text().split("\n")
    (start,) = (number for number, line in enumerate(lines) if line.startswith(header))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" |")])
    return rows


def code(cell: str) -> list[str]:
    """The words in backticks of a cell."""
    return re.findall(r"`([^`]*)`", cell)
