"""The suite for providers that want an access token, and what it finds in those that misuse it."""

from pathlib import Path

import pytest

from paykit import HttpRequest, HttpResponse, PayPal
from paykit.providers.paypal import oauth
from paykit.testing.conformance import ProviderConformance
from paykit.testing.conformance.data import CaseFolder
from paykit.testing.factories.paypal import authority

PAYPAL = Path(__file__).parents[1] / "providers" / "paypal"
FOLDER = CaseFolder.read(PAYPAL)


def named(*ids):
    return [case for case in FOLDER.cases if case.id in ids]


def test_the_token_comes_before_every_case():
    (case,) = named("fetch-partly-captured")
    assert [exchange.method for exchange in case.exchanges] == ["POST", "GET"]
    assert case.exchanges[0] is FOLDER.session.exchange
    token = HttpRequest("POST", "https://api-m.sandbox.paypal.com/v1/oauth2/token")
    assert case.is_session(token)
    assert not case.is_session(HttpRequest("GET", token.url))
    assert case.only_asks
    (refused,) = named("fetch-not-sent-path")
    assert refused.exchanges == ()
    (own,) = named("create-new-token")
    assert len(own.exchanges) == 4
    assert not own.only_asks


def test_a_folder_without_a_session(tmp_path):
    (tmp_path / "config.toml").write_text("now = 2026-01-02T03:04:05Z\n[config]\n", "utf-8")
    (tmp_path / "one.case.toml").write_text('command = "void"\n[error]\ntype = "NotFound"\n')
    read = CaseFolder.read(tmp_path)
    assert read.session is None
    assert not read.cases[0].is_session(HttpRequest("POST", "https://a.example/token"))


def test_the_authority_of_the_folder_is_that_of_the_factory():
    from cryptography.x509 import load_pem_x509_certificate

    recorded = load_pem_x509_certificate(FOLDER.config["webhook_roots"].encode())
    made = load_pem_x509_certificate(authority().encode())
    assert recorded.public_key() == made.public_key()
    assert recorded.subject == made.subject


class NeverRenews(PayPal):
    """Takes the first refusal of its token for the last word."""

    def send(self, request, read):
        token = yield from self._token()
        response = yield _with(request, token)
        return self.understand(request, response, read)


class RenewsForEver(PayPal):
    """Fetches a token, and another one, as long as it is refused."""

    def send(self, request, read):
        while True:
            token = yield from self._token()
            response = yield _with(request, token)
            if response.status != 401:
                return self.understand(request, response, read)
            token.refused = True


class KeepsARefusedToken(PayPal):
    """Tries the same token again."""

    def send(self, request, read):
        token = yield from self._token()
        response = yield _with(request, token)
        if response.status == 401:
            response = yield _with(request, token)
        return self.understand(request, response, read)


class TriesAgainAfterAFault(PayPal):
    """Repeats what may have moved money."""

    def send(self, request, read):
        token = yield from self._token()
        response = yield _with(request, token)
        if response.status >= 500:
            response = yield _with(request, token)
        return self.understand(request, response, read)


class AsksForATokenEachTime(PayPal):
    """Has no use for its cache."""

    def _token(self):
        self._tokens = oauth.TokenCache()
        return (yield from super()._token())


class BelievesTheBody(PayPal):
    """A signature over a checksum is enough for it."""

    def get_typed(self, path, shape):
        kind, part_id = path.split("/")[-2:]
        if kind == "captures":
            from paykit.providers.paypal.wire import Capture

            body = self.delivery.json()["resource"]
            return Capture.read({**body, "id": part_id}, provider="paypal"), body
        return (yield from super().get_typed(path, shape))

    def verify(self, delivery):
        self.delivery = delivery
        return super().verify(delivery)


class LetsNotFoundOut(PayPal):
    """Lets PayPal's "no such thing" out as an error of PayPal's, so that a forged webhook comes for ever."""

    def _find(self, path, shape):
        answer, _ = yield from self.get_typed(path, shape)
        return answer


def _with(request, token):
    import attrs

    headers = (*request.headers, ("Authorization", token.authorization))
    return attrs.evolve(request, headers=headers)


def suite(broken):
    return type("Suite", (ProviderConformance,), {"provider": broken, "cases": PAYPAL})()


def call(name):
    (found,) = (one for one in FOLDER.calls if one.id == name)
    return found


@pytest.mark.parametrize(
    ("broken", "check", "about"),
    [
        (NeverRenews, "test_case", named("create-new-token")),
        (RenewsForEver, "test_unreadable_answer", named("fetch-partly-captured")),
        (KeepsARefusedToken, "test_case", named("create-new-token")),
        (TriesAgainAfterAFault, "test_unreadable_answer", named("refund-part")),
        (AsksForATokenEachTime, "test_case", named("complete")),
        (BelievesTheBody, "test_recorded_call", [call("webhook-forged-amount")]),
        (BelievesTheBody, "test_recorded_call", [call("webhook-unknown-capture")]),
        (LetsNotFoundOut, "test_recorded_call", [call("webhook-unknown-capture")]),
    ],
)
def test_what_is_broken_is_found(broken, check, about):
    from paykit.testing.conformance.base import Wire

    (one,) = about
    arguments = (one, Wire) if check == "test_case" else (one,)
    getattr(suite(PayPal), check)(*arguments)
    with pytest.raises(AssertionError):
        getattr(suite(broken), check)(*arguments)


def test_the_answer_to_a_token_may_be_broken_in_any_way():
    """The session's exchange is looked at like any other."""
    checks = suite(PayPal)
    (case,) = named("fetch-partly-captured")
    checks.test_unreadable_answer(case)
    checks.test_answer_with_a_wrong_field(case)
    assert isinstance(FOLDER.session.exchange.answer, HttpResponse)
    assert FOLDER.session.optional == ("scope", "app_id", "nonce")
