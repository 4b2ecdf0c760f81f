"""The page of the command line says what ``--help`` says."""

import click
import pytest

from paykit.cli.commands import cli

from .support.markdown import DOCS, section

PAGE = DOCS / "cli.md"


def commands(group, *names):
    """Every command that does something, by its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield pytest.param(command, id=" ".join([*names, name]))


def cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def options(command):
    """What its help says of each option, as rows of a table."""
    with click.Context(command) as context:
        told = [one for one in command.params if isinstance(one, click.Option)]
        records = [option.get_help_record(context) for option in told]
    return [f"| `{cell(names)}` | {cell(text)} |" for names, text in records]


@pytest.mark.parametrize("command", list(commands(cli)))
def test_every_option_is_on_the_page(command, request):
    name = request.node.callspec.id
    told = section(PAGE, f"paykit {name}").split("\n")
    rows = [line for line in told if line.startswith("| `")]
    assert rows == options(command)


def test_every_section_is_a_command():
    headings = [line.strip("# ") for line in PAGE.read_text().split("\n") if line.startswith("##")]
    told = {
        heading.removeprefix("paykit ") for heading in headings if heading.startswith("paykit ")
    }
    assert told == {parameter.id for parameter in commands(cli)}
