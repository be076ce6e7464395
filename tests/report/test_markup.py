from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from gpupipe.report.markup import cut, cut_start, display_width, element, escape


def test_any_character_survives_a_parser() -> None:
    text = "".join(map(chr, [*range(0x250), *range(0xD7F0, 0xE010), 0xFFFE, 0xFFFF, 0x1F600]))
    parsed = ET.fromstring(element("a", escape(text), title=text).encode("utf-8"))
    assert (parsed.text or "")[-1] == chr(0x1F600)
    assert "<" in parsed.attrib["title"] and "\x00" not in parsed.attrib["title"]


@pytest.mark.parametrize("width", range(1, 12))
def test_what_is_cut_fits(width: int) -> None:
    for text in ("delinquency", "貸付の特徴量", "e\u0301" * 9, ""):
        assert display_width(cut(text, width)) <= width
        assert display_width(cut_start(text, width)) <= width
