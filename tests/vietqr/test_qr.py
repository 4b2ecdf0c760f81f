"""Images of codes, read back by another decoder (zxing-cpp)."""

import re
import struct
import subprocess
import sys
import zlib

import pytest
import zxingcpp
from hypothesis import given, settings

from paykit import ConfigurationError, InvalidRequest, Money
from paykit.vietqr import VietQRPayload, parse, qr

from .test_payload import FULL, payloads

PAYLOAD = VietQRPayload.of(
    "VCB", "1017595600", amount=Money(150_000, "VND"), purpose="Thanh toán DH1001"
)
QUIET = 4


def grid_of_png(image):
    """The pixels of a greyscale PNG with one bit for each; dark is 1."""
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(image):
        (length,) = struct.unpack(">I", image[at : at + 4])
        name = image[at + 4 : at + 8]
        chunks[name] = chunks.get(name, b"") + image[at + 8 : at + 8 + length]
        at += 12 + length
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (1, 0)
    raw, stride = zlib.decompress(chunks[b"IDAT"]), 1 + (width + 7) // 8
    rows, above = [], bytes(stride - 1)
    for start in range(0, height * stride, stride):
        row = raw[start + 1 : start + stride]
        if raw[start]:
            assert raw[start] == 2  # the filter "Up": the difference to the row above
            row = bytes((one + other) & 0xFF for one, other in zip(row, above, strict=True))
        rows.append(row)
        above = row
    return [[1 - (row[x // 8] >> (7 - x % 8) & 1) for x in range(width)] for row in rows]


def grid_of_svg(image):
    """The modules that the lines of the SVG's dark path cover."""
    size = int(re.search(r'<path fill="#fff" d="M0 0h(\d+)v\1h-\1z"/>', image)[1])
    (path,) = re.findall(r'stroke="#000" d="([^"]+)"', image)
    grid = [[0] * size for _ in range(size)]
    x = y = 0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        steps = [float(number) for number in numbers.split()]
        if command == "M":
            x, y = int(steps[0]), int(steps[1])
        elif command == "m":
            x, y = x + int(steps[0]), y + int(steps[1])
        else:
            length = int(steps[0])
            grid[y][x : x + length] = [1] * length
            x += length
    return grid


def grid_of_text(text):
    """The modules of half blocks, on a dark ground."""
    light = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
    lines = text.split("\n")
    return [[1 - light[block][half] for block in line] for line in lines for half in (0, 1)]


def decode(grid, *, scale=1):
    pixels = [
        bytes(255 * (1 - module) for module in row for _ in range(scale))
        for row in grid
        for _ in range(scale)
    ]
    image = memoryview(b"".join(pixels)).cast("B", (len(pixels), len(pixels[0])))
    (found,) = zxingcpp.read_barcodes(image)
    return found


def quiet_zone(grid, width):
    edges = [*grid[:width], *grid[-width:], *[row[:width] + row[-width:] for row in grid]]
    return not any(any(row) for row in edges) and any(grid[width]) and any(r[width] for r in grid)


@pytest.mark.parametrize("payload", [PAYLOAD, FULL, VietQRPayload.of("MB", "1")], ids=["usual", "full", "short"])  # fmt: skip
def test_every_image_is_read_back(payload):
    text = payload.to_text()
    grids = {
        "png": (grid_of_png(qr.png(payload, scale=5)), 1, QUIET * 5),
        "svg": (grid_of_svg(qr.svg(payload)), 5, QUIET),
        "terminal": (grid_of_text(qr.terminal(payload)), 5, None),
    }
    for kind, (grid, scale, quiet) in grids.items():
        found = decode(grid, scale=scale)
        assert (kind, found.text, found.ec_level) == (kind, text, "M")
        assert found.format == zxingcpp.BarcodeFormat.QRCode
        assert parse(found.text) == payload
        if quiet:
            assert quiet_zone(grid, quiet)


def test_the_three_images_show_the_same_modules():
    png, svg = grid_of_png(qr.png(PAYLOAD, scale=1)), grid_of_svg(qr.svg(PAYLOAD))
    terminal = grid_of_text(qr.terminal(PAYLOAD))
    assert png == svg
    # Two rows of modules make a line, and the last line has one.
    assert terminal[:-1] == png
    assert all(terminal[-1])


def test_a_text_is_drawn_as_it_is():
    for text in (PAYLOAD.to_text(), "https://vnpay.example/qr?x=1", "Thanh toán"):
        assert decode(grid_of_svg(qr.svg(text)), scale=4).text == text
    assert qr.svg(PAYLOAD.to_text()) == qr.svg(PAYLOAD)


def test_an_svg_can_stand_in_a_page_and_in_a_file():
    image = qr.svg(PAYLOAD, scale=3)
    assert image.startswith('<svg xmlns="http://www.w3.org/2000/svg" width="')
    assert image.endswith("</svg>")
    size = len(grid_of_svg(image)) * 3
    assert f'width="{size}" height="{size}"' in image


def test_scales():
    module = len(grid_of_png(qr.png(PAYLOAD, scale=1)))
    assert len(grid_of_png(qr.png(PAYLOAD))) == module * 8
    for draw in (qr.svg, qr.png):
        for scale in (0, -1, 101, 1.5, "2", True, None):
            with pytest.raises(InvalidRequest) as caught:
                draw(PAYLOAD, scale=scale)
            assert caught.value.field == "scale"


@pytest.mark.parametrize("draw", [qr.svg, qr.png, qr.terminal])
def test_what_cannot_be_drawn(draw):
    for nothing in ("", None, b"000201", 5, "x" * 3000):
        with pytest.raises(InvalidRequest) as caught:
            draw(nothing)
        assert caught.value.field == "payload"
    with pytest.raises(InvalidRequest) as caught:
        draw(VietQRPayload(bank_bin="970436", account="1", amount=Money(10**9, "VND")))
    assert caught.value.field == "amount"


@settings(max_examples=20)
@given(payloads)
def test_any_payload_is_read_back(payload):
    assert decode(grid_of_png(qr.png(payload, scale=4))).text == payload.to_text()


def test_without_segno(monkeypatch):
    monkeypatch.setitem(sys.modules, "segno", None)
    for draw in (qr.svg, qr.png, qr.terminal):
        with pytest.raises(ConfigurationError) as caught:
            draw(PAYLOAD)
        assert str(caught.value) == "segno is missing: pip install 'paykit-adapters[qr]'"


def test_nothing_but_an_image_needs_segno():
    code = (
        "import sys; sys.modules['segno'] = None\n"
        "from paykit.vietqr import VietQRPayload, parse\n"
        "print(parse(VietQRPayload.of('VCB', '1017595600').to_text()).bank.short_name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Vietcombank\n"
