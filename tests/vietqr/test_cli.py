"""``paykit qr``."""

import os
import pty
import subprocess
import sys

import pytest

from paykit import Money
from paykit.vietqr import VietQRPayload, qr

ASKED = [
    "--bank",
    "VCB",
    "--account",
    "1017595600",
    "--amount",
    "150000",
    "--purpose",
    "Đơn DH1001",
]
PAYLOAD = VietQRPayload.of("VCB", "1017595600", amount=Money(150_000, "VND"), purpose="Don DH1001")


def run(*arguments, without=()):
    missing = "; ".join(f"sys.modules[{name!r}] = None" for name in without) or "pass"
    code = f"import sys; {missing}; from paykit.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "qr", *arguments],
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_in_the_terminal():
    ended = run(*ASKED)
    assert (ended.returncode, ended.stdout.decode()) == (0, f"{qr.terminal(PAYLOAD)}\n")
    # People see whom they are about to pay.
    said = "Vietcombank  account 1017595600  150000 VND  Don DH1001\n"
    assert ended.stderr.decode() == said


@pytest.mark.parametrize(
    ("form", "made"),
    [
        ("text", f"{PAYLOAD.to_text()}\n".encode()),
        ("svg", f"{qr.svg(PAYLOAD)}\n".encode()),
        ("png", qr.png(PAYLOAD)),
    ],
)
def test_to_a_pipe_and_to_a_file(form, made, tmp_path):
    ended = run(*ASKED, "--format", form)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, made, b"")
    file = tmp_path / "code"
    ended = run(*ASKED, "--format", form, "--output", str(file))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert file.read_bytes() == made


def test_a_card_and_no_amount():
    ended = run("--bank", "970403", "--account", "9704031101234567", "--card", "--format", "text")
    assert ended.stdout.decode() == (
        "00020101021138600010A00000072701300006970403011697040311012345670208QRIBFTTC53037045802VN63044F52\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bank", "BVB", "--account", "1"], "Error: bank: 'BVB' may be BaoViet Bank (970438) and BVBank (970454): give the BIN\n"),
        (["--bank", "VCB", "--account", "1", "--amount", "0"], "Error: amount: must be from 1 đồng, of up to 13 digits\n"),
        (["--bank", "VCB", "--account", "1", "--amount", "500000000"], "Error: amount: a transfer is below 500.000.000\u00a0₫\n"),
        (["--bank", "VCB", "--account", "1-2"], "Error: account: an account is 1 to 19 letters and digits\n"),
        (["--bank", "VCB", "--account", "1", "--purpose", "x" * 26], "Error: purpose: 26 characters, at most 25 are allowed\n"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_in_one_line(arguments, said):
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout, ended.stderr.decode()) == (1, b"", said)


def test_a_file_that_cannot_be_written(tmp_path):
    ended = run(*ASKED, "--output", str(tmp_path / "no" / "such" / "folder"))
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.decode().startswith("Error: Could not open file ")


def test_a_png_is_not_thrown_into_a_terminal():
    mine, theirs = pty.openpty()
    code = "from paykit.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "qr", *ASKED, "--format", "png"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    os.close(mine)
    said = b"Error: a PNG cannot be shown in a terminal: give --output\n"
    assert (ended.returncode, ended.stderr) == (1, said)


def test_without_segno():
    ended = run(*ASKED, without=["segno"])
    assert (ended.returncode, ended.stdout, ended.stderr.decode()) == (
        1,
        b"",
        "Error: segno is missing: pip install 'paykit-adapters[qr]'\n",
    )
    assert run(*ASKED, "--format", "text", without=["segno"]).returncode == 0
