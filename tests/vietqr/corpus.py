"""Memos as banks hand them on, from a generator; `memos.jsonl` is a sample of them.

How a code may be disguised is written down here a second time: nothing of it is taken from the code
that is tested. `python -m tests.vietqr.corpus` writes the sample anew.
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from paykit.vietqr.matching import PaymentCodes

SAMPLE = Path(__file__).parent / "memos.jsonl"
FORM = PaymentCodes()

#: `#` is a digit, `@` a digit or capital letter, `{}` what the payer wrote.
BANKS = """
{}
CUSTOMER {}
CUSTOMER MBCT {} @@@@@@@@/######
IBFT {}
IB {}
QR - {}
VQR@@@@@@@@ {}
SEPAY#### 1 {}
ND:{}
ND: {}; tai iPay
CT DEN:############ {}
CT DI:############ {}
BankAPINotify {}
MBVCB.##########.{}.CT tu ############# NGUYEN VAN A toi ########## CONG TY GOM VIET tai VCB
MBVCB.##########.######.{}.CT tu ########## PHAM THI HUE toi ######## CTY GOM VIET (ACB) A Chau
MBVCB.###########.####BFTVG@@@@@@@.{}
############-{}-CHUYEN TIEN-OQCH####@@@@-MOMO############MOMO
############-{}-CHUYEN TIEN-OQCH###@@@@@-MOMO
############-{}
######.######.######.{} FT##############
{} FT##############
{} FT########@@@@@@ GD ######-###### ##:##:##
{} GD ######-###### ##:##:##
{} CKN ###### @@@@@@@@ - TRAN QUOC BAO
{}. Ma giao dich Trace###### Trace ######
{}  Ma giao dich: @@@@@@@@@@
NHAN TU ########## TRACE ###### {}.CT tu
NGUYEN VAN A chuyen tien {}
TRAN THI B CHUYEN KHOAN {} tai ATM
PHAM VAN C ck {} -######-##/##/####
LE THI D Chuyen tien qua so tai khoan {}
Ngan hang TMCP Ky Thuong VN; {}; so GD ##########
VND-TGTT-LE VAN E-{}-##############
ZP@@@@@@@@@@@@ {}
TKP@@@ {}
TF## ######## {} 970422
""".strip().split("\n")

NOTES = """
{}
{}
{}
{} thanh toan
TT {}
TT don hang {}
Thanh toán đơn hàng {}
Thanh toán {} cảm ơn shop
Mua gốm ở tiệm, mã {}
mã đơn: {}
ck {}
Đặng Thị Huệ chuyển tiền {}
Nguyễn Văn Ánh trả tiền đơn {} ạ
{} SĐT 0########
{} - giao trước 5 giờ chiều
[{}]
don "{}" nhe
0######## {} ship Q.# TP.HCM
""".strip("\n").split("\n")

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
ALIKE = {"0": "Oo", "1": "IiLl"}
BREAKS = [" ", "  ", "-", ".", "_", "/", "\n", "\r\n", "\t", "\u00a0", "\u200b", "#", ":", "|", "…"]
JOINTS = ["", " ", " ", "-", ", ", " va "]
CUTS = [25, 35, 40, 50, 70, 100, 140]

T = TypeVar("T")


@dataclass(frozen=True)
class Memo:
    """One memo; `meant` is the code that the payer meant, if it was one."""

    kind: str
    text: str
    meant: str | None
    recoverable: bool


class Dice(random.Random):
    """Only `random()` is promised to give the same numbers in every version of Python."""

    def below(self, end: int) -> int:
        return int(self.random() * end)

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def often(self, probability: float) -> bool:
        return self.random() < probability

    def fill(self, template: str) -> str:
        return "".join(
            self.pick(DIGITS) if letter == "#"
            else self.pick(LETTERS + DIGITS) if letter == "@"
            else letter
            for letter in template
        )  # fmt: skip


def live_codes(form: PaymentCodes) -> list[str]:
    """The codes of 30,000 open orders: two runs of numbers without a gap, and codes of texts."""
    numbers = [*range(20_000), *range(17_000_000, 17_005_000)]
    texts = [form.from_text(f"order-{number}") for number in range(5_000)]
    return [*map(form.from_number, numbers), *texts]


def closed_codes(form: PaymentCodes) -> list[str]:
    """Codes of orders that nobody expects money for any more."""
    return [form.from_number(number) for number in range(20_000, 25_000)]


def bare(text: str) -> str:
    """The text without accents, as most banks pass it on."""
    apart = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(letter for letter in apart if unicodedata.category(letter) != "Mn")


def same_reading(letter: str) -> str:
    """All that reads as this character of a code."""
    for plain, others in ALIKE.items():
        if letter == plain or letter in others:
            return plain + others
    return letter.upper() + letter.lower()


# What happens to a code on its way, so that it is still there.


def split_up(dice: Dice, code: str, breaks: Sequence[str]) -> str:
    places = {dice.below(len(code) - 1) for _ in range(1 + dice.below(4))}
    return "".join(
        letter + (dice.pick(breaks) if place in places else "") for place, letter in enumerate(code)
    )


def lookalikes(dice: Dice, code: str) -> str:
    return "".join(dice.pick(ALIKE.get(letter, letter) + letter) for letter in code)


def full_width(_: Dice, code: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) for letter in code)


def marked(dice: Dice, code: str) -> str:
    marks = ["\u0301", "\u0323", "\u0302\u0309", ""]
    return "".join(letter + dice.pick(marks) for letter in code)


def mixed_case(dice: Dice, code: str) -> str:
    return "".join(dice.pick([letter.lower(), letter]) for letter in code)


# What damages it.


def substituted(dice: Dice, code: str) -> str:
    place = dice.below(len(code))
    others = [item for item in LETTERS + DIGITS if item not in same_reading(code[place])]
    return code[:place] + dice.pick(others) + code[place + 1 :]


def substituted_twice(dice: Dice, code: str) -> str:
    first = substituted(dice, code)
    while True:
        second = substituted(dice, first)
        if sum(a != b for a, b in zip(code, second, strict=True)) == 2:
            return second


def swapped(dice: Dice, code: str) -> str:
    places = [p for p in range(len(code) - 1) if code[p + 1] not in same_reading(code[p])]
    place = dice.pick(places)
    return code[:place] + code[place + 1] + code[place] + code[place + 2 :]


def swapped_apart(dice: Dice, code: str) -> str:
    pairs = [
        (a, b)
        for a in range(len(code)) for b in range(a + 2, len(code))
        if code[b] not in same_reading(code[a])
    ]  # fmt: skip
    a, b = dice.pick(pairs)
    return code[:a] + code[b] + code[a + 1 : b] + code[a] + code[b + 1 :]


def lost(dice: Dice, code: str) -> str:
    place = dice.below(len(code))
    return code[:place] + code[place + 1 :]


def added(dice: Dice, code: str) -> str:
    place = 1 + dice.below(len(code) - 1)
    return code[:place] + dice.pick(LETTERS + DIGITS) + code[place:]


def doubled(dice: Dice, code: str) -> str:
    place = 2 + dice.below(len(code) - 3)
    return code[:place] + code[place] + code[place:]


def front_lost(dice: Dice, code: str) -> str:
    return code[1 + dice.below(4) :]


def end_lost(dice: Dice, code: str) -> str:
    return code[: 2 + dice.below(len(code) - 2)]


INTACT: dict[str, Callable[[Dice, str], str]] = {
    "plain": lambda _, code: code,
    "lower": lambda _, code: code.lower(),
    "mixed case": mixed_case,
    "blanks": lambda dice, code: split_up(dice, code, [" "]),
    "every blank": lambda _, code: " ".join(code),
    "breaks": lambda dice, code: split_up(dice, code, BREAKS),
    "lookalikes": lookalikes,
    "full width": full_width,
    "marks": marked,
    "all at once": lambda dice, code: split_up(
        dice, mixed_case(dice, lookalikes(dice, code)), BREAKS
    ),
}
DAMAGED: dict[str, Callable[[Dice, str], str]] = {
    "substituted": substituted,
    "substituted twice": substituted_twice,
    "swapped": swapped,
    "swapped apart": swapped_apart,
    "lost": lost,
    "added": added,
    "doubled": doubled,
    "front lost": front_lost,
    "end lost": end_lost,
}


# Whole memos.


class Generator:
    """Makes memos about the live codes of a form."""

    def __init__(self, form: PaymentCodes, seed: int) -> None:
        self.form = form
        self.dice = Dice(seed)
        self.live = live_codes(form)
        self.closed = closed_codes(form)
        others = [PaymentCodes("XG", 8), PaymentCodes("DHQ", 9), PaymentCodes("PKT", 8)]
        self.foreign = [other.from_number(n) for other in others for n in range(1000)]

    def around(self, code: str) -> tuple[str, str, str]:
        """The code between what the payer and the banks wrote, which now and then is glued to it."""
        dice = self.dice
        note = dice.fill(dice.pick(NOTES))
        bank = dice.fill(dice.pick(BANKS))
        if dice.often(0.1):
            note = note.replace(" {}", "{}").replace("{} ", "{}")
        before, behind = bank.replace("{}", note).split("{}")
        if dice.often(0.1):
            before += dice.fill(dice.pick(["@@@@", "####", "P", "PK", "TT", "DH"]))
        if dice.often(0.1):
            behind = dice.fill(dice.pick(["####", "@@@@@", "TT", "PK", "PK@", "VND", "#"])) + behind
        return self.passed_on(before, code, behind)

    def passed_on(self, before: str, code: str, behind: str) -> tuple[str, str, str]:
        """What a bank does to all of a memo."""
        dice = self.dice
        if dice.often(0.6):
            before, behind = bare(before), bare(behind)
        if dice.often(0.3):
            gone = dice.pick([" ", ""])
            before, code, behind = (
                "".join(item if item.isalnum() or item.isspace() or unicodedata.combining(item)
                        else gone for item in part)
                for part in (before, code, behind)
            )  # fmt: skip
        if dice.often(0.5):
            change = dice.pick([str.upper, str.lower])
            before, code, behind = change(before), change(code), change(behind)
        return before, code, behind

    def memo(self, kind: str, code: str, *, meant: str | None, recoverable: bool) -> Memo:
        before, shown, behind = self.around(code)
        text = before + shown + behind
        if self.dice.often(0.3):
            cut = self.dice.pick(CUTS)
            if not recoverable or cut >= len(before + shown):
                text = text[:cut]
        return Memo(kind, text, meant, recoverable)

    def intact(self) -> Memo:
        code = self.dice.pick(self.live)
        kind = self.dice.pick([*INTACT])
        return self.memo(kind, INTACT[kind](self.dice, code), meant=code, recoverable=True)

    def damaged(self) -> Memo:
        code = self.dice.pick(self.live)
        kind = self.dice.pick([*DAMAGED])
        text = DAMAGED[kind](self.dice, code)
        if self.dice.often(0.2):
            text = split_up(self.dice, text, [" "])
        return self.memo(kind, text, meant=code, recoverable=False)

    def cut_line(self) -> Memo:
        """The whole line is cut, within the code or behind it."""
        dice = self.dice
        code = dice.pick(self.live)
        before, shown, behind = self.around(code)
        end = len(before) + 1 + dice.below(len(shown + behind))
        whole = end >= len(before + shown)
        text = (before + shown + behind)[:end]
        return Memo("line cut behind" if whole else "line cut within", text, code, whole)

    def cut_note(self) -> Memo:
        """What the payer wrote is cut, and the bank goes on behind it."""
        dice = self.dice
        code = dice.pick(self.live)
        note = dice.fill(dice.pick(NOTES)).replace("{}", code)
        cut = note[: note.index(code) + 1 + dice.below(len(code) - 1)]
        text = dice.fill(dice.pick(BANKS)).replace("{}", cut)
        return Memo("note cut", text, code, recoverable=False)

    def twice(self) -> Memo:
        code = self.dice.pick(self.live)
        shown = code + self.dice.pick(["", " ", " - ", ", ma "]) + code.lower()
        return self.memo("twice", shown, meant=code, recoverable=True)

    def beside(self) -> Memo:
        """A code, and something beside it that is like one."""
        dice = self.dice
        code, other = dice.pick(self.live), dice.pick(self.live)
        if other == code:
            return self.beside()
        kind = dice.pick(["one closed", "one foreign", "one damaged", "one cut"])
        second = {
            "one closed": dice.pick(self.closed),
            "one foreign": dice.pick(self.foreign),
            "one damaged": DAMAGED[dice.pick(["substituted", "swapped"])](dice, other),
            "one cut": end_lost(dice, other),
        }[kind]
        # What follows may complete the code that was cut. Then two stand there, for a person.
        recoverable = kind != "one cut"
        text = dice.pick(JOINTS).join([code, second])
        return self.memo(kind, text, meant=code, recoverable=recoverable)

    def two(self) -> Memo:
        """Two live codes: nobody knows which is meant."""
        dice = self.dice
        code, other = dice.pick(self.live), dice.pick(self.live)
        if other == code:
            return self.two()
        before, shown, behind = self.around(dice.pick(JOINTS).join([code, other]))
        return Memo("two live", before + shown + behind, None, recoverable=False)

    def without(self) -> Memo:
        """No live code at all."""
        dice = self.dice
        kind = dice.pick(["nothing", "random", "only closed", "only foreign"])
        text = {
            "nothing": "",
            "random": self.form.prefix + dice.fill("@" * (self.form.length + dice.below(6))),
            "only closed": dice.pick(self.closed),
            "only foreign": dice.pick(self.foreign),
        }[kind]
        return self.memo(kind, text, meant=None, recoverable=False)

    def make(self) -> Memo:
        chance = self.dice.random()
        for share, make in (
            (0.50, self.intact),
            (0.20, self.damaged),
            (0.08, self.cut_line),
            (0.05, self.cut_note),
            (0.04, self.twice),
            (0.06, self.beside),
            (0.03, self.two),
        ):
            chance -= share
            if chance < 0:
                return make()
        return self.without()


def corpus(form: PaymentCodes, *, seed: int, count: int) -> list[Memo]:
    generator = Generator(form, seed)
    return [generator.make() for _ in range(count)]


def sample() -> str:
    """The text of `memos.jsonl`."""
    memos = corpus(FORM, seed=20_260_301, count=2_500)
    return "".join(json.dumps(asdict(memo), ensure_ascii=False) + "\n" for memo in memos)


def read_sample() -> list[Memo]:
    return [Memo(**json.loads(line)) for line in SAMPLE.read_text("utf-8").split("\n")[:-1]]


if __name__ == "__main__":
    SAMPLE.write_text(sample(), "utf-8")
