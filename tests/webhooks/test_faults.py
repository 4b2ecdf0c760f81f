"""Our own faults, changes of keys, restarts: the rest of what an endpoint goes through."""

import sqlite3
from datetime import timedelta

import pytest

from paykit import ConfigurationError
from paykit.service import database as opening

from .mounts import fastapi, plain
from .senders import NOW, SECRETS, SENDERS
from .shops import Shop

EACH = pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.key)


@pytest.fixture(params=[plain, fastapi], ids=["asgi", "fastapi"])
def mount(request):
    return request.param


def opened(shops, mount, folder, senders=SENDERS, **settings):
    shops.append(Shop(mount, folder, senders, **settings))
    return shops[-1]


@pytest.fixture
def shops():
    """What is opened is closed."""
    running = []
    yield running
    for shop in running:
        shop.close()


@EACH
def test_a_bug_of_ours_makes_it_come_again(shops, mount, tmp_path, sender, caplog):
    shop = opened(shops, mount, tmp_path, [sender])
    number = shop.number()
    payment = shop.create(sender, number)
    call = sender.notice(number)
    parse = shop.provider(sender).parse

    def broken(verified):
        raise KeyError("a bug")

    shop.provider(sender).parse = broken
    answer, _ = shop.request("POST", sender.key, call)
    assert answer.reply == sender.come_again
    assert "failed inside" in caplog.text
    assert not [secret for secret in SECRETS if secret in caplog.text]
    shop.provider(sender).parse = parse
    shop.expect(sender, call, "one")
    assert shop.state(payment) == ("succeeded", None)


@EACH
def test_a_locked_database_makes_it_come_again(shops, mount, tmp_path, sender, monkeypatch, caplog):
    monkeypatch.setattr(opening, "_LOCK_SECONDS", 0.02)
    shop = opened(shops, mount, tmp_path, [sender])
    number = shop.number()
    payment = shop.create(sender, number)
    call, rows = sender.notice(number), shop.rows()
    other = sqlite3.connect(shop.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer, _ = shop.request("POST", sender.key, call)
    assert answer.reply == sender.come_again
    assert "database is locked" in caplog.text
    assert sender.reference(number) not in caplog.text
    other.execute("ROLLBACK")
    other.close()
    assert shop.rows() == rows
    shop.expect(sender, call, "one")
    assert shop.state(payment) == ("succeeded", None)


@EACH
def test_it_is_known_after_a_restart_and_after_a_day(tmp_path, sender):
    shop = Shop(plain, tmp_path, [sender])
    number, stranger = shop.number(), shop.number()
    payment = shop.create(sender, number)
    shop.expect(sender, sender.notice(number), "one")
    shop.expect(sender, sender.notice(stranger), "orphan")
    shop.close()
    shop = Shop(plain, tmp_path, [sender])
    try:
        shop.expect(sender, sender.notice(number), "again taken")
        shop.expect(sender, sender.notice(stranger), "still kept")
        shop.clock.pass_(hours=25)
        later = sender.notice(number, at=NOW + timedelta(hours=25))
        if sender.name == "zalopay":  # its times are signed, and the same in each repeat
            later = sender.notice(number)
        shop.expect(sender, later, "again taken")
        assert shop.state(payment) == ("succeeded", None)
    finally:
        shop.close()


FORMER = {
    "adyen": "previous_hmac_keys",
    "zalopay": "previous_key2s",
    "payos": "previous_checksum_keys",
    "sepay": "previous_webhook_secrets",
    "sepay-key": "previous_api_keys",
    "casso": "previous_security_keys",
    "casso-v1": "previous_secure_tokens",
    "sepaypg": "previous_ipn_secrets",
    "checkoutcom": "previous_signature_keys",
    "stripe": "previous_webhook_secrets",
}


@EACH
def test_a_key_is_changed(shops, tmp_path, sender):
    old = sender.former
    shop = opened(shops, plain, tmp_path, [sender], **{FORMER[sender.key]: (old,)})
    numbers = [shop.number() for _ in range(2)]
    for number in numbers:
        shop.create(sender, number)
    shop.expect(sender, sender.notice(numbers[0], secret=old), "one")
    shop.expect(sender, sender.notice(numbers[1]), "one")
    shop.expect(sender, sender.notice(numbers[1], secret="neither-of-the-two"), "unproven")
    (tmp_path / "after").mkdir()
    after = opened(shops, plain, tmp_path / "after", [sender])
    after.expect(sender, sender.notice(numbers[0], secret=old), "unproven")


@EACH
@pytest.mark.parametrize("nothing", ["", " ", "\t\n", None, b""], ids=repr)
def test_no_key_no_account(sender, nothing):
    proofs = {"key2", "checksum_key", "webhook_secret", "api_key", "security_key", "secure_token",
              "ipn_secret", "hmac_key", "signature_key"}  # fmt: skip
    settings = sender.settings()
    (proof,) = [name for name in settings if name in proofs and settings[name] == sender.secret]
    for wrong in ({**settings, proof: nothing}, {**settings, FORMER[sender.key]: (nothing,)}):
        with pytest.raises(ConfigurationError) as caught:
            sender.make.from_dict(wrong)
        assert sender.secret not in str(caught.value)
    left_out = {name: value for name, value in settings.items() if name != proof}
    with pytest.raises(ConfigurationError):
        sender.make.from_dict(left_out)


@EACH
def test_an_empty_variable_is_no_key(sender):
    config = sender.make.Config
    for nothing in ("", "  "):
        environ = {
            config.variable(name): nothing if value == sender.secret else str(value)
            for name, value in sender.settings().items()
        }
        with pytest.raises(ConfigurationError):
            config.from_env(environ=environ)
