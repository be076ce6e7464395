from __future__ import annotations

import re

import pytest

from gpupipe.report import style
from gpupipe.report.charts import STYLES


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def colours(declarations: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]+)", declarations))


@pytest.mark.parametrize("page", [style._LIGHT_PAGE, style._DARK_PAGE])
def test_text_and_curves_of_a_page_stand_out_from_their_ground(page: str) -> None:
    names = colours(page)
    for ground in ("ground", "card", "soft"):
        assert min(contrast(names[text], names[ground]) for text in ("ink", "quiet", "accent")) >= 4.5
    for word in ("good", "bad", "warn"):
        assert contrast(names[word], names[f"{word}-soft"]) >= 4.5
    assert contrast(names["ink"], names["bad-soft"]) >= 4.5
    for mark in (*(f"s{number}" for number in range(STYLES)), "bar"):
        assert contrast(names[mark], names["card"]) >= 3


@pytest.mark.parametrize(("declarations", "line", "fill"), [(style._LIGHT_DAG, 0, 1), (style._DARK_DAG, 2, 3)])
def test_text_and_frames_of_the_drawing_stand_out(declarations: str, line: int, fill: int) -> None:
    names = colours(declarations)
    for kind in style._KIND_COLOURS.values():
        assert min(contrast(names[text], kind[fill]) for text in ("i", "m", "a")) >= 4.5
        assert contrast(kind[line], kind[fill]) >= 4.5  # the chips of the page write in the colour of the line
    assert contrast(names["m"], names["g"]) >= 4.5


def test_every_rule_is_closed() -> None:
    for sheet in (style.DAG_CSS, style.PAGE_CSS):
        assert sheet.count("{") == sheet.count("}")
