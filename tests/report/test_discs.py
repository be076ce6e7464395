"""Drawings of discs: places on axes with one scale, links below, labels where there is room, texts escaped."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from gpupipe.report.cards import is_card, sections_of
from gpupipe.report.discs import Disc, disc_chart

DISCS = [Disc(0, 0, 1, "0", "the <first>"), Disc(3, 0, 0.5, "1", "second"), Disc(0, 4, 0.02, "2", "third", -0.5)]


def circles(drawn: str) -> list[dict[str, str]]:
    """Return the circles of a figure."""
    return [element.attrib for element in ET.fromstring(drawn).iter() if element.tag.endswith("circle")]


def test_distances_keep_their_ratio() -> None:
    drawn = disc_chart("Three", DISCS, [(0, 1, 4.0), (0, 2, 1.0)], None)
    first, second, third = circles(drawn)
    across = float(second["cx"]) - float(first["cx"])
    up = float(first["cy"]) - float(third["cy"])
    assert across / 3 == pytest.approx(up / 4, rel=1e-3) and across > 0 and up > 0
    assert float(first["r"]) == pytest.approx(across / 3, rel=1e-3)
    assert float(third["r"]) == 3.0 and third["class"] == "disc s1"
    widths = [float(width) for width in re.findall(r'class="link" stroke-width="([\d.]+)"', drawn)]
    assert widths == [4.5, 9.0]  # as the roots of 1 and 4, the weak one below
    assert "the &lt;first&gt;" in drawn and ">2</text>" not in drawn  # too small a disc for its label


def test_with_axes_radii_are_pixels() -> None:
    drawn = disc_chart("Places", DISCS, [], ("east", "north"))
    assert [circle["r"] for circle in circles(drawn)] == ["3", "3", "3"]
    assert "east" in drawn and "north" in drawn


def test_a_card_is_held_to_its_form() -> None:
    disc = {"x": 0, "y": 0, "radius": 1, "label": "a", "told": "a"}
    card = {"title": "Discs", "parts": [{"kind": "discs", "title": "t", "discs": [disc, disc], "links": [[0, 1, 2.0]]}]}
    assert is_card(card) and sections_of([card], {})["Results"][1]["parts"][0]["kind"] == "chart"
    card["parts"][0]["links"] = [[0, 2, 1.0]]  # type: ignore[index]
    assert not is_card(card)
