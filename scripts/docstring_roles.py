"""For the docs site: read docstrings as they are written here.

mkdocstrings renders docstrings as Markdown. Ours are plain text with three habits of
reStructuredText, which this translates: roles (``:class:`Money```) become links or code, a
paragraph that ends in two colons introduces a code block, and ``#:`` comments describe attributes.
The fields of a class become one table, instead of a heading for each.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|attr|data|mod):`(~?)([\w.]+)`")
_LITERAL = re.compile(r"^(?P<text>.*?)::$", re.MULTILINE)
_COMMENT = re.compile(r"#: (.*)")
_RULE = re.compile(r"^=+(?: +=+)+$", re.MULTILINE)


class DocstringRoles(griffe.Extension):
    """Translates the docstrings of every object that is loaded."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Translate the docstring of ``obj``, or make one of its ``#:`` comment."""
        if obj.docstring is None and isinstance(obj, griffe.Attribute):
            text = _comment(obj)
            if text:
                obj.docstring = griffe.Docstring(text, parent=obj)
        if obj.docstring is not None:
            obj.docstring.value = _translate(obj.docstring.value, obj)

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Put the fields of ``cls`` into a table at the end of its docstring."""
        fields = [
            member
            for name, member in cls.members.items()
            if isinstance(member, griffe.Attribute)
            and not name.startswith("_")
            and "property" not in member.labels
        ]
        if fields and cls.docstring is not None:
            rows = [_row(field, enum="Enum" in str(cls.bases)) for field in fields]
            head = "| field | type | default | |\n|---|---|---|---|\n"
            if all(not row[1] for row in rows):
                head = "| name | value | |\n|---|---|---|\n"
                rows = [(name, value, note) for name, _, value, note in rows]
            body = "\n".join(f"| {' | '.join(row)} |" for row in rows)
            cls.docstring.value = f"{cls.docstring.value}\n\n{head}{body}"
            for field in fields:
                cls.del_member(field.name)


def _row(field: griffe.Attribute, *, enum: bool) -> tuple[str, ...]:
    """The name, type, default and description of a field, as cells of a Markdown table."""
    note = field.docstring.value if field.docstring else ""
    kind = "" if enum else str(field.annotation or "")
    cells = (field.name, kind, _default(field.value), note)
    return (*(_code(cell) for cell in cells[:3]), cells[3].replace("\n", " "))


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def _default(value: str | griffe.Expr | None) -> str:
    """What stands behind the equals sign, or in ``attrs.field(default=…)``."""
    if not isinstance(value, griffe.ExprCall):
        return "" if value is None else str(value)
    given = {
        argument.name: str(argument.value)
        for argument in value.arguments
        if isinstance(argument, griffe.ExprKeyword)
    }
    return given.get("default") or (f"{given['factory']}()" if "factory" in given else "")


def _translate(text: str, obj: griffe.Object) -> str:
    text = _ROLE.sub(lambda match: _link(match[2], obj, short=bool(match[1])), text)
    if _RULE.search(text):
        text = _fence_tables(text)
    return _LITERAL.sub(lambda match: f"{match['text']}:" if match["text"] else "", text)


def _link(path: str, obj: griffe.Object, *, short: bool) -> str:
    shown = path.rpartition(".")[2] if short or not path.startswith("paykit.") else path
    if path.startswith("paykit."):
        return f"[`{shown}`][{path}]"
    try:
        target = obj.resolve(path)
    except griffe.NameResolutionError:
        return f"`{path}`"
    return f"[`{path}`][{target}]" if target.startswith("paykit.") else f"`{path}`"


def _fence_tables(text: str) -> str:
    """Show a simple table as it is typed."""
    lines = text.split("\n")
    rules = [number for number, line in enumerate(lines) if _RULE.fullmatch(line)]
    lines.insert(rules[-1] + 1, "```")
    lines.insert(rules[0], "```text")
    return "\n".join(lines)


def _comment(obj: griffe.Attribute) -> str:
    """The ``#:`` comment behind an attribute, or the lines of it that stand before."""
    if not isinstance(obj.filepath, list) and obj.lineno and obj.endlineno:
        lines = obj.lines_collection[obj.filepath]
        behind = _COMMENT.search(lines[obj.endlineno - 1])
        if behind:
            return behind[1]
        before: list[str] = []
        number = obj.lineno - 2
        while number >= 0 and (match := _COMMENT.fullmatch(lines[number].strip())):
            before.insert(0, match[1])
            number -= 1
        return "\n".join(before)
    return ""
