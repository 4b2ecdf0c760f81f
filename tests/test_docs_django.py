"""The page of the Django app: its tables are those of the code, and its blocks are a site that runs.

The first line of each block names the file of the site that it belongs to.
"""

import os
import re
import subprocess
import sys
from ast import literal_eval

import attrs
import pytest

from .support.markdown import DOCS, ROOT, blocks, code, table

PAGE = DOCS / "django.md"
APP = ROOT / "src" / "paykit" / "django"
#: What the page leaves to the reader, and what it promises beside its own test.
MORE = """
from django.test import TestCase

from paykit import Customer, Money, PaymentRequest
from paykit.django import service

from .placing import place


class PageTests(TestCase):
    def test_a_payment_that_is_placed(self):
        order = PaymentRequest(
            reference="ORDER-2-1",
            order_id="ORDER-2",
            amount=Money(150_000, "VND"),
            return_url="https://shop.example/pay/returns/vnpay",
            customer=Customer(ip="203.0.113.9"),
        )
        session = place(order)
        assert [one.payment_id for one in service().payments().items] == [session.payment_id]
        shown = self.client.get("/thanks", {"payment_id": session.payment_id})
        assert shown.content.decode() == f"{session.amount.format()}: requires_action"

    def test_the_application(self):
        from shop.asgi import application

        assert callable(application)
"""


def test_every_setting_is_on_the_page():
    from paykit.django.conf import SETTINGS, Setting

    missing = attrs.fields(Setting).default.default
    told = {code(name)[0]: default for name, default, _ in table(PAGE, "setting", "default")}
    assert list(told) == list(SETTINGS)
    for name, setting in SETTINGS.items():
        if setting.default is not missing:
            assert literal_eval(*code(told[name])) == setting.default, name
    assert told["PROVIDERS"] == told["RETURN_TO"] == "must be given"


def test_every_check_is_on_the_page():
    told = [name for name, _ in table(PAGE, "id", "what is wrong")]
    sources = "".join((APP / name).read_text() for name in ("conf.py", "checks.py"))
    assert told == sorted(set(re.findall(r"paykit\.[EW]\d{3}", sources)))


def test_every_endpoint_is_on_the_page():
    from paykit.webhooks.receiver import PATHS

    rows = table(PAGE, "name", "arguments", "path below the prefix")
    told = {code(name)[0]: code(path)[0] for name, _, path in rows}
    assert told == {f"paykit:{kind}": path.removeprefix("/") for kind, path in PATHS.items()}


@pytest.fixture
def site(tmp_path):
    """The site of the page in a folder; returns how to run its ``manage.py``."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def run(*words):
        done = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    run("-m", "django", "startproject", "shop", ".")
    settings = tmp_path / "shop" / "settings.py"
    for block in blocks(PAGE):
        if block.language == "py":
            name, own = re.fullmatch(r"# (shop/\w+\.py)\n(.*)", block.code, re.DOTALL).groups()
            file = tmp_path / name
            before = file.read_text() if file == settings else ""
            file.write_text(before + own)
    (tmp_path / "shop" / "test_page.py").write_text(MORE)
    return run


def test_the_site_of_the_page_runs(site):
    site("manage.py", "migrate")
    told = site("manage.py", "check", "--database", "default")
    assert told == "System check identified no issues (0 silenced).\n"
    told = site("manage.py", "test")
    assert "ORDER-1 is succeeded: 150000 VND\n" in told
    assert re.search(r"^Ran 3 tests in .*\n\nOK\n", told, re.MULTILINE)
    told = site("manage.py", "paykit_relay", "--once")
    assert told == "Ended.\n"
    site("manage.py", "paykit_reconcile")


@pytest.mark.parametrize("command", ["paykit_relay", "paykit_reconcile"])
def test_the_options_of_the_commands_are_on_the_page(command):
    source = (APP / "management" / "commands" / f"{command}.py").read_text()
    options = re.findall(r'"(--[a-z-]+)"', source)
    assert options
    for option in options:
        assert f"`{option}" in PAGE.read_text(), option
