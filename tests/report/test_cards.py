"""Cards: any kind of result stands on the page by plain values, and nothing in them is taken for HTML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import ArtefactError
from gpupipe.core.want import Want
from gpupipe.kernels.png import png_text
from gpupipe.report import html_page
from gpupipe.report.cards import MOST_ROWS, OF_CARDS, is_card
from gpupipe.report.descriptions import is_description

PICTURE = png_text(np.eye(4))
SHOWN = f'<img src="data:image/png;base64,{PICTURE}" alt="'
ATTACK = "\"'><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}\u202e\x00</script>"


def card(text: str) -> dict[str, Any]:
    """Return a card with the text wherever a text can stand."""
    return {
        "stage": 3,
        "section": text,
        "title": text,
        "parts": [
            {"kind": "text", "text": text},
            {"kind": "facts", "title": text, "values": {text: text, "n": 3, "several": [text, 1.5]}},
            {"kind": "table", "title": text, "columns": [text, "n"], "rows": [[text, 1], [{"stage": 3}, None], [{"stage": text}, 2]]},
            {"kind": "bars", "title": text, "bars": [[text, 2], ["b", 1.0]]},
            {"kind": "lines", "title": text, "x": text, "y": text, "curves": [{"label": text, "x": [1, 2], "y": [0.5, None]}]},
            {"kind": "pictures", "title": text, "columns": [text, 2], "rows": [[text, PICTURE, None], ["b", None, PICTURE]]},
            {"kind": "discs", "title": text, "x": text, "y": text, "discs": [{"x": 0, "y": 1, "radius": 20, "label": text, "told": text}]},
        ],
    }


def test_every_kind_of_part_is_shown_and_links_lead(mortgage: dict[str, Any]) -> None:
    mortgage["cards"] = [card("plainly"), {**card("again"), "section": None, "stage": None}]
    page = html_page(mortgage)
    assert {part["kind"] for part in card("x")["parts"]} == set(OF_CARDS)
    assert '<a href="#cards-0">plainly</a>' in page and '<a href="#cards-1">Results</a>' in page
    section = page[page.index('<section id="cards-0"') : page.index('<section id="cards-1"')]
    assert section.count('href="#stage-3"') == 2 and section.count("<figure") == 3
    assert '<td class="num">1</td>' in section and "<dt>several</dt><dd>plainly, 1.5</dd>" in section


def test_nothing_in_a_card_is_taken_for_markup_or_for_a_template(mortgage: dict[str, Any]) -> None:
    mortgage["cards"] = [card(ATTACK)]
    page = html_page(mortgage)
    assert page.count(SHOWN) == 2 and "<img" not in page.replace(SHOWN, "")
    assert "{{ 7*7 }}" in page and "\u202e" not in page and "\x00" not in page
    assert page.count("</script>") == 1
    assert not re.search(r'(?:aria-label|href|class|id)="[^"]*"[^ >/][^>]*onerror', page)


def test_each_value_of_a_report_is_escaped(mortgage: dict[str, Any]) -> None:
    """Put the attack in place of every text of a report, one after the other, as whoever writes a report.json can."""
    places: list[tuple[Any, Any]] = []

    def collect(value: Any) -> None:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, str):
                places.append((value, key))
            elif isinstance(inner, dict | list):
                collect(inner)

    mortgage["cards"] = [card("x")]
    mortgage["checkpoints"] = {"folder": "x", "taken": [1], "kept": [], "skipped": [], "remarks": [{"stages": [1], "text": "x"}]}
    collect(mortgage)
    assert len(places) > 300
    for holder, key in places[:: max(1, len(places) // 150)] + places[-60:]:
        before, holder[key] = holder[key], ATTACK
        try:
            page = html_page(mortgage)
            assert "<img" not in page.replace(SHOWN, "") and page.count("</script>") == 1, key
        except ArtefactError:  # where no text can stand, such as the kind of a part
            pass
        holder[key] = before


@pytest.mark.parametrize(
    "parts",
    [
        [{"kind": "html", "text": "<b>"}],
        [{"kind": "drawing", "title": "x", "drawn": "<script>alert(1)</script>"}],
        [{"kind": "chart", "drawn": "<script>alert(1)</script>"}],
        [{"kind": "bars", "title": "x", "bars": [["a", "b"]]}],
        [{"kind": "pictures", "title": "x", "columns": ["a"], "rows": [["b"]]}],
        [{"kind": "pictures", "title": "x", "columns": ["a"], "rows": [["b", 'x" onerror="alert(1)']]}],
        [{"kind": "pictures", "title": "x", "columns": ["a"], "rows": [["b", "data:text/html;base64,PHNjcmlwdD4="]]}],
        [{"kind": "lines", "title": "x", "curves": [{"label": "x", "x": [1], "y": []}]}],
        [{"kind": "lines", "title": "x", "curves": [], "bands": [{"label": "x", "x": [1], "low": [1]}]}],
        [{"kind": "facts", "title": "x", "values": 3}],
        [{"kind": "table", "title": "x", "columns": ["a", "b"], "rows": [[1]]}],
        "text",
        None,
    ],
)
def test_a_card_of_another_form_is_refused(parts: Any, mortgage: dict[str, Any]) -> None:
    made = {"title": "x", "parts": parts}
    assert not is_card(made) and not is_description({"cards": [made]})
    mortgage["cards"] = [made]
    with pytest.raises(ArtefactError, match="Expected a report of the form that gpupipe writes"):
        html_page(mortgage)


def test_epochs_and_counts_have_whole_ticks(mortgage: dict[str, Any]) -> None:
    """Three epochs have the marks 1, 2, 3; a loss between them has fractions."""
    curve = {"label": "loss", "x": [1, 2, 3], "y": [0.5, 0.25, 0.125]}
    lines = {"kind": "lines", "title": "Loss by epoch", "x": "epoch", "y": "", "curves": [curve]}
    mortgage["cards"] = [{"title": "Training", "parts": [lines]}]
    page = html_page(mortgage)
    chart = page[page.index('aria-label="Loss by epoch') :]
    chart = chart[: chart.index("</svg>")]
    assert re.findall(r'class="tick mid"[^>]*>([^<]*)<', chart) == ["1", "2", "3"]
    assert "0.3" in re.findall(r'class="tick end"[^>]*>([^<]*)<', chart)


def test_an_error_in_a_template_compiles_nothing(mortgage: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold Jinja2 to what `make fuzz` found: to show an error nicely, it would run code that it makes."""
    mortgage["error"] = {"type": "StageError", "message": "x", "notes": 3}  # no list, which shows where they are printed
    rewritten: list[Any] = []
    monkeypatch.setattr("jinja2.debug.rewrite_traceback_stack", lambda **_: rewritten.append(1))
    with pytest.raises(ArtefactError, match="'int' object is not iterable"):
        html_page(mortgage)
    assert not rewritten


def test_a_long_table_is_cut_and_says_so(mortgage: dict[str, Any]) -> None:
    part = {"kind": "table", "title": "t", "columns": ["n"], "rows": [[number] for number in range(MOST_ROWS + 7)]}
    mortgage["cards"] = [{"title": "x", "parts": [part]}]
    mortgage["stages"][0]["schema"] = [[f"c{number}", "Float64", True] for number in range(100_000)]
    page = html_page(mortgage)
    assert "and 7 more rows, which report.json has" in page and "and 98,000 more rows" in page and "100,000 columns" in page


class Counted(Barrier):
    """Counts rows, and tells of it in a card."""

    kind = "value"

    def wants(self, *schemas: Any) -> tuple[Want, ...]:
        return (Want(lambda _, frame: frame.select(nw.len()), "arrow"),)

    def plan(self, *schemas: Any) -> Any:
        return nw.Int64()

    def conclude(self, engine: Any, results: Any, progress: Any, planned: Any = None) -> Any:
        return results[0].column(0)[0].as_py()

    def describe(self, result: Any) -> dict[str, Any]:
        return {
            "cards": [{"title": "Counted", "section": "Counts", "parts": [{"kind": "facts", "title": "n", "values": {"rows": result}}]}]
        }


def test_what_a_stage_says_of_its_result_stands_in_the_report_also_where_it_was_kept(tmp_path: Path) -> None:
    from gpupipe.core.node import Value

    table = gp.FromFrame(pl.DataFrame({"a": [1, 2, 3]})).node()
    pipeline = gp.Pipeline("p", n=Value(Counted(), (table,)))
    for resume in (False, True):
        report = pipeline.run("cpu", checkpoints=str(tmp_path / "kept"), resume=resume).report
        (told,) = report["cards"]
        assert told["stage"] == 1 and told["parts"][0]["values"] == {"rows": 3}
        assert "<dt>rows</dt><dd>3</dd>" in html_page(report)
    assert report["checkpoints"]["taken"] == [1]
