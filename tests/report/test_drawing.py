from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gpupipe.report import draw_svg, draw_text

Dag = Callable[[int, int], list[dict[str, Any]]]
SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def boxes(svg: str) -> dict[str, ET.Element]:
    return {group.attrib["data-stage"]: group for group in parsed(svg).iter(f"{SVG}g") if "data-stage" in group.attrib}


def texts(group: ET.Element) -> list[str]:
    return [text.text or "" for text in group.iter(f"{SVG}text")]


@pytest.mark.parametrize("n_stages", [0, 1, 3, 20, 60])
def test_every_stage_and_every_edge_is_drawn(dag: Dag, n_stages: int) -> None:
    stages = dag(n_stages, 7)
    svg = draw_svg(stages)
    assert sorted(map(int, boxes(svg))) == list(range(n_stages))
    edges = {(int(g.attrib["data-from"]), int(g.attrib["data-to"])) for g in parsed(svg).iter(f"{SVG}g") if "data-from" in g.attrib}
    assert edges == {(source, stage["id"]) for stage in stages for source in stage["inputs"]}


def test_the_drawing_needs_nothing_from_outside(plan: dict[str, Any]) -> None:
    svg = draw_svg(plan["stages"], plan["outputs"]).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|@import|<script|<image|xlink", svg)
    assert "prefers-color-scheme:dark" in svg


def test_the_same_stages_give_the_same_drawing(dag: Dag) -> None:
    assert draw_svg(dag(60, 1)) == draw_svg(dag(60, 1))
    assert draw_text(dag(60, 1)) == draw_text(dag(60, 1))


def test_names_are_escaped_and_cut_but_whole_in_the_tooltip() -> None:
    name = "<b a=\"1\">&amp; 'x' \x00\x1b[31m" + "貸付" * 40
    svg = draw_svg([{"id": 0, "name": name, "kind": "source", "inputs": [], "pushed": {"columns": ["<"], "of": 2, "filter": "a < 'b'"}}])
    box = boxes(svg)["0"]
    assert "貸付" * 40 in (box.findtext(f"{SVG}title") or "")
    assert texts(box)[0].startswith("<b a=\"1\">&amp; 'x' \\x00\\x") and texts(box)[0].endswith("…")
    assert texts(box)[2:4] == ["reads 1 of 2 columns", "where a < 'b'"]


def test_a_box_tells_columns_filter_rows_and_output(mortgage: dict[str, Any]) -> None:
    drawn = boxes(draw_svg(mortgage["stages"], {"features": 11, "table": 11}))
    assert texts(drawn["0"])[:3] == ["performance", "ReadCsv · source", "reads 4 of 31 columns"]
    assert texts(drawn["0"])[-1] == "1,205,344 × 4 · stretch 0"
    assert texts(drawn["5"])[-1] == "1,166,870 × 9 · 2.9 s"
    assert texts(drawn["11"])[-1] == "outputs: features, table"
    assert "column_1: Float64, never null" in (drawn["3"].findtext(f"{SVG}title") or "")


def test_the_legend_names_the_kinds_that_occur_and_no_others(plan: dict[str, Any]) -> None:
    legend = {text.text for group in parsed(draw_svg(plan["stages"][:9])).findall(f"{SVG}g") for text in group.findall(f"{SVG}text")}
    assert legend == {"source", "row stage", "key stage", "table verb"}


def test_what_was_fitted_is_dashed_and_what_was_not_reached_says_so(plan: dict[str, Any]) -> None:
    svg = draw_svg(plan["stages"], unreached={21})
    dashed = {g.attrib["data-from"] for g in parsed(svg).iter(f"{SVG}g") if g.get("class") == "l f" and "data-from" in g.attrib}
    assert dashed == {"15", "18", "19"}
    assert [number for number, box in boxes(svg).items() if "did not finish" in texts(box)] == ["21"]


def test_stages_lead_to_their_links(plan: dict[str, Any]) -> None:
    leads = [anchor.attrib["href"] for anchor in parsed(draw_svg(plan["stages"], link="#stage-")).iter(f"{SVG}a")]
    assert leads == [f"#stage-{number}" for number in range(22)]
    assert not list(parsed(draw_svg(plan["stages"])).iter(f"{SVG}a"))
