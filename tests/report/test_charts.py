from __future__ import annotations

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gpupipe.report.charts import Axis, Band, DrawnCurve, area_chart, grid, line_chart, room_for, thinned, tick_text, ticks

X = Axis(0.0, 1.0, 40.0, 440.0, "along")
Y = Axis(0.0, 1.0, 340.0, 20.0, "up")


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.071, 0.62), (1, 100), (0, 3.2e9), (-5, 5), (1e-9, 2e-9)])
def test_ticks_are_few_even_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 3 <= len(found) <= 11
    assert all(low - 1e-9 <= tick <= high * (1 + 1e-9) for tick in found)
    steps = [after - before for before, after in itertools.pairwise(found)]
    assert max(steps) == pytest.approx(min(steps))


@pytest.mark.parametrize(("high", "expected"), [(2, [1, 2]), (4, [1, 2, 3, 4]), (12, [2, 4, 6, 8, 10, 12]), (1, [1])])
def test_ticks_of_whole_values_are_whole(high: int, expected: list[float]) -> None:
    assert ticks(1, high, whole=True) == expected


def test_values_of_the_upward_axis_have_room() -> None:
    """Long ones, such as those of a learning rate that stays 0.004, push the chart to the right; a digit takes 0.6 of 11 pixels."""
    y = Axis(0.0036, 0.0044, 290.0, 30.0, "", tick_text)
    start = room_for(y)
    texts = re.findall(r'class="tick end" x="([0-9.]+)"[^>]*>([^<]*)<', grid(Axis(1.0, 2.0, start, 486.0), y))
    assert "0.0044" in [text for _, text in texts]
    assert all(float(end) - 0.64 * 11 * len(text) >= 0 for end, text in texts)
    assert room_for(Axis(0.0, 1.0, 290.0, 30.0, "", tick_text)) == 46


def test_thinning_keeps_both_ends_and_the_shape() -> None:
    points = [(i / 10_000, (i / 10_000) ** 0.2) for i in range(10_001)]
    places = thinned(points, X, Y)
    assert len(places) <= (400 + 320) / 0.7 + 2, "a path of that many pixels, in steps of 0.7"
    assert (places[0], places[-1]) == ((40.0, 340.0), (440.0, 20.0))
    assert max(abs(a[1] - b[1]) for a, b in itertools.pairwise(places)) < 60  # the first step alone is steep


def test_curves_have_a_legend_in_words_and_survive_gaps() -> None:
    chart = line_chart("ROC <1>", [DrawnCurve("a & b", [(0, 0), (0.5, float("nan")), (1, 1)]), DrawnCurve("none", [])], X, Y, diagonal=True)
    figure = ET.fromstring(chart)
    assert [item.text or (item[0].tail or "") for item in figure.iter("li")] == ["a & b", "none"]
    assert figure[1].attrib["aria-label"] == "ROC <1>: a & b; none"
    assert "nan" not in chart


def test_a_band_lies_between_its_ends_and_is_in_the_legend() -> None:
    band = Band("80 % <interval>", [(0, 0.25), (1, 0.5)], [(0, 0.5), (1, 1.0)])
    chart = line_chart("ahead", [DrawnCurve("forecast", [(0, 0.4), (1, 0.75)])], X, Y, bands=[band])
    figure = ET.fromstring(chart)
    assert 'class="band" d="M40 260L440 180L440 20L40 180z"' in chart
    assert chart.index('class="band"', chart.index("viewBox")) < chart.index('class="line s0" d="M40 212')
    assert [item[0].tail for item in figure.iter("li")] == ["forecast", "80 % <interval>"]
    assert figure[1].attrib["aria-label"] == "ahead: forecast; 80 % <interval>"


def test_a_band_of_a_curve_is_told_from_others_and_so_is_the_ninth_curve() -> None:
    curves = [DrawnCurve(f"c{number}", [(0, 0.4), (1, 0.75)]) for number in range(9)]
    bands = [Band(f"b{number}", [(0, 0.25), (1, 0.5)], [(0, 0.5), (1, 1.0)], number) for number in range(9)]
    chart = line_chart("arms", curves, X, Y, bands=bands)
    for kind in ("line", "band"):
        found = re.findall(rf'class="({kind}[^"]*)" d="M40', chart)
        assert found == [*(f"{kind} s{number}" for number in range(8)), f"{kind} s0 more"]
    css = (Path(line_chart.__code__.co_filename).parent / "templates" / "page.css").read_text()
    dashes = [re.findall(rf"\.s{number}:is\(\.line,\.band\)\{{stroke:var\(--s{number}\)(.*?)\}}", css) for number in range(8)]
    assert all(len(found) == 1 for found in dashes) and len({found[0] for found in dashes}) == 8
    assert all(f".s{number}:is(.dot,.band){{fill:var(--s{number})}}" in css for number in range(8))


def test_the_area_marks_its_peak() -> None:
    chart = area_chart("memory", [(0.0, 0.2), (0.5, 0.8), (1.0, 0.3)], X, Y, 0.8, "peak 0.8")
    peak = 340 - 0.8 * 320
    assert f'd="M40 {peak:g}H440"' in chart and "peak 0.8" in chart
    assert re.search(r'class="area" d="M40 276L240 84L440 244V340H40z"', chart)
