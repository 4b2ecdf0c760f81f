"""The sandbox's test cards, by what they do."""

from paykit.sandbox.cards.numbers import COMMON_CARDS

from .conftest import SANDBOX


def number_of(says):
    """The number of the test card that does this at every gateway."""
    [number] = [card.number for card in COMMON_CARDS if card.says == says]
    return number


async def tokenize(town, gateway, says):
    """What the gateway's field in the shop's page makes of a card."""
    typed = {"number": number_of(says), "expiry": "12/34", "cvc": "123", "name": "Lan"}
    answer = await town.browser.post(f"{SANDBOX}/{gateway}/card-field", json=typed)
    return answer.json()["token"]
