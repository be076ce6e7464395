from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gpupipe.report import draw_text
from gpupipe.report.markup import display_width

Dag = Callable[[int, int], list[dict[str, Any]]]

LITTLE = [
    {"id": 0, "name": "ReadCsv", "label": "loans", "kind": "source", "inputs": [], "where": "p.py:1",
     "pushed": {"columns": ["loan_id", "dti"], "of": 31, "filter": "dti > 3"}},
    {"id": 1, "name": "Clip", "kind": "row", "inputs": [0], "where": "p.py:2"},
    {"id": 2, "name": "ReadCsv", "label": "names", "kind": "source", "inputs": [], "where": "p.py:3"},
    {"id": 3, "name": "Join", "kind": "table", "inputs": [0, 1, 2], "where": "p.py:4"},
]  # fmt: skip

DRAWN = """\
○      0 loans · ReadCsv · source           p.py:1
│        reads 2 of 31 columns: loan_id, dti
│        where dti > 3
├─●    1 Clip · row stage ← 0               p.py:2
│ │ ○  2 names · ReadCsv · source           p.py:3
◆─┴─╯  3 Join · table verb ← 0, 1, 2 ⇒ out  p.py:4"""


def test_a_little_pipeline_is_drawn_with_rails() -> None:
    assert draw_text(LITTLE, {"out": 3}) == DRAWN


@pytest.mark.parametrize("n_stages", [1, 3, 20, 60, 200])
def test_it_is_at_most_100_columns_wide_and_names_every_stage_and_its_inputs(dag: Dag, n_stages: int) -> None:
    stages = dag(n_stages, 5)
    drawn = draw_text(stages)
    assert max(map(display_width, drawn.splitlines())) <= 100
    for stage in stages:
        (row,) = [row for row in drawn.splitlines() if f" {stage['id']} " in row.split("·")[0].split("←")[0] and stage["where"] in row]
        assert not stage["inputs"] or f"← {', '.join(map(str, dict.fromkeys(stage['inputs'])))}" in row


def test_too_many_rails_give_way_to_a_list() -> None:
    sources = [{"id": number, "name": "ReadCsv", "kind": "source", "inputs": [], "where": "p.py:1"} for number in range(40)]
    drawn = draw_text([*sources, {"id": 40, "name": "Concat", "kind": "table", "inputs": list(range(40)), "where": "p.py:2"}])
    assert drawn.splitlines()[0].startswith("•   0 ReadCsv")
    assert max(map(display_width, drawn.splitlines())) <= 100


def test_control_characters_of_a_name_do_not_reach_the_terminal() -> None:
    drawn = draw_text([{"id": 0, "name": "a\x1b[31m\nb", "kind": "row", "inputs": [], "where": "p\r.py:1"}])
    assert "\x1b" not in drawn and "\r" not in drawn and len(drawn.splitlines()) == 1
