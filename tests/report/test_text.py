from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from rich.console import Console

from gpupipe.report.text import print_summary


def printed(report: dict[str, Any], page: str | None = None, width: int = 110) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_summary(report, console, page=page)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_run_is_told_in_short(mortgage: dict[str, Any]) -> None:
    told = printed(mortgage, "out/report.html")
    assert told.startswith("✓ mortgage  cpu engine · 27.3 s · peak memory 1.4 GB\n")
    assert "355 MB were copied from one library to another within the host." in " ".join(told.split()) and "device" not in told
    lines = [line.split() for line in told.splitlines()]
    assert ["3", "stages", "as", "one", "query", "3.2", "s"] in lines
    assert ["10", "features", "Join", "1,243,456", "1,205,344", "444", "MB", "1.1", "s"] in lines
    assert ["features", "1,205,344", "rows", "×", "46", "columns", "out/features"] in lines
    assert ["report", "out/report.html"] in lines


def test_a_failed_run_ends_with_its_error(failed: dict[str, Any]) -> None:
    told = printed(failed)
    assert told.startswith("✕ mortgage")
    assert "ColumnError: Expected a column 'loan_idd', got none." in told
    assert told.rstrip().endswith("wired at pipelines/mortgage.py:70")
    assert ["21", "scores,", "without", "status", "Evaluate", "–", "–", "–", "–"] in [line.split() for line in told.splitlines()]


def test_brackets_in_names_are_not_markup(mortgage: dict[str, Any]) -> None:
    mortgage["stages"][10]["label"] = "[bold]x[/]"
    mortgage["outputs"] = {"[red]": "[/red]"}
    mortgage["fallbacks"] = [{"stage": 10, "reason": "[link]"}]
    told = printed(mortgage)
    assert "[bold]x[/]" in told and "[red]" in told and "[/red]" in told and "fell back: [link]" in told


def test_of_a_very_long_pipeline_the_long_stages_are_told(
    mortgage: dict[str, Any], dag: Callable[[int, int], list[dict[str, Any]]]
) -> None:
    stages = [{**stage, "seconds": 20.0 if stage["id"] == 77 else 0.001} for stage in dag(120, 3)]
    mortgage.update(stages=stages, stretches=[], crossings={**mortgage["crossings"], "events": []})
    told = printed(mortgage)
    assert "and 119 short stages" in told
    assert any(line.split()[:1] == ["77"] for line in told.splitlines())
