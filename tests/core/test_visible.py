from __future__ import annotations

import json
import unicodedata

from gpupipe.core.visible import escaped_json, visible

LETTERS = "aä貸付שלום مرحبا e\u0301 👩\u200d👩\u200d👧 \n\t"  # a zero-width joiner makes one family of three


def test_letters_of_every_script_stay() -> None:
    assert visible(LETTERS) == LETTERS


def test_every_control_character_and_mark_of_direction_is_spelled_out() -> None:
    directions = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    marks = "\u061c\u200e\u200f"  # which are of no class of their own
    for code in range(0x110000):
        char = chr(code)
        unseen = unicodedata.bidirectional(char) in directions or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in marks
        assert (visible(char) != char) == (unseen and char not in "\n\t"), hex(code)
        assert visible(char).isprintable() or not unseen or char in "\n\t"


def test_json_means_the_same() -> None:
    value = {"\x9b\u202e": "\x1b[2J\udc80\u2028" + LETTERS}
    text = escaped_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(text) == value
    assert visible(text) == text
