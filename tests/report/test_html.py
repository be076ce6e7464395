from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from gpupipe.report import html_page, plan_page

VOID = {"meta", "link", "br", "hr", "img", "input"}
DRAWN = {"rect", "path", "circle"}


class Page(HTMLParser):
    """A page read strictly: every tag closed in turn; its text, its ids, its tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in DRAWN
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text += data

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


def headings(page: Page) -> list[int]:
    return [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]


@pytest.fixture(params=["mortgage", "failed", "plan"])
def shown(request: pytest.FixtureRequest) -> str:
    """Return each kind of page in turn."""
    value = request.getfixturevalue(request.param)
    return plan_page(value) if request.param == "plan" else html_page(value)


def test_a_page_needs_nothing_from_outside(shown: str) -> None:
    bare = shown.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<iframe|<img", bare)
    for tag, attributes in Page(shown).tags:
        assert attributes.get("href", "#")[0] == "#" or (tag == "link" and attributes["href"] == "data:,")
        assert "src" not in attributes


def test_a_page_can_be_read_by_machine_and_by_ear(shown: str) -> None:
    page = Page(shown)
    assert headings(page)[0] == 1 and headings(page).count(1) == 1
    assert all(after - before <= 1 for before, after in zip(headings(page), headings(page)[1:], strict=False))
    assert len(page.ids) == len(set(page.ids))
    leads = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
    assert leads <= set(page.ids)
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    tables = [tag for tag, _ in page.tags].count("table")
    assert tables == [tag for tag, _ in page.tags].count("caption")
    assert all(a.get("aria-label") or a.get("aria-hidden") for tag, a in page.tags if tag == "svg" and "chart" in a["class"])
    assert page.tags[0] == ("html", {"lang": "en"})


def test_a_run_tells_all_its_stages_and_figures(mortgage: dict[str, Any]) -> None:
    page = Page(html_page(mortgage))
    assert [number for number in range(22) if f"stage-{number}" not in page.ids] == []
    for told in (
        "finished", "27.3 s", "1,243,768", "1.4 GB", "Stretch 0 · 3 stages as one query · peak memory 512 MB", "3.2 s",
        "355 MB were copied from one library to another within the host.",
        "1,205,344 rows × 46 columns", "out/features", "96,912", "0.9615", "0.2316",
        "seller <&>_3", "top 20 of 25", "early stopping after round 83", "pipelines/mortgage.py:103", "n_estimators",
        "23 November 2026, 03:00:00 UTC",
    ):  # fmt: skip
        assert told in page.text, told


def test_device_and_fallbacks_are_spoken_of_only_where_there_is_a_device(mortgage: dict[str, Any]) -> None:
    assert "device" not in Page(html_page(mortgage)).text.lower() and "fell back" not in Page(html_page(mortgage)).text
    mortgage["engine"] = "gpu"
    text = Page(html_page(mortgage)).text
    assert "Nothing crossed between host and device. 355 MB were copied" in text
    assert "No stage fell back." in text and "Host ↔ device0 B" in text


def test_scores_stand_apart_from_other_values(mortgage: dict[str, Any]) -> None:
    mortgage["outputs"]["counts"] = {"kept": 1_200, "lost": 7}
    mortgage["output_stages"] = {"counts.kept": 1, "counts.lost": 2, "with_current_status": 20, "without_current_status": 21}
    page = html_page(mortgage)
    scores = Page(page[page.index('<section id="scores"') : page.index('<section id="outputs"')]).text
    outputs = Page(page[page.index('<section id="outputs"') : page.index('<section id="pipeline"')]).text
    assert "0.9615" in scores and "1,200" not in scores
    assert "counts kept1,200" in outputs.replace("\n", "") and "0.9615" not in outputs


def test_behind_every_figure_is_a_table(mortgage: dict[str, Any]) -> None:
    page = html_page(mortgage)
    assert page.count("<figure") == page.count('<details class="data">') + page.count('<figure class="bars">')
    (behind,) = re.findall(r"<summary>Table of ROC curve</summary>(.*?)</details>", page, flags=re.DOTALL)
    assert behind.count("<tr>") == 1 + 2 * 21 and ">1.0000</td></tr>" in behind


def test_stages_of_a_stretch_stand_together_under_its_time(mortgage: dict[str, Any]) -> None:
    page = html_page(mortgage)
    (first, second) = re.findall(r'<tbody class="stretch">.*?</tbody>', page, flags=re.DOTALL)
    assert re.findall(r'id="stage-(\d+)"', first) == ["0", "3", "4"]
    assert re.findall(r'id="stage-(\d+)"', second) == ["1", "7", "8", "9"]
    assert first.count(">shared<") == 3


def test_a_failed_run_shows_its_error_before_all_else(failed: dict[str, Any]) -> None:
    shown = html_page(failed)
    page = Page(shown)
    assert "<script>alert" not in shown
    assert page.text.index("Did you mean 'loan_id'? <script>alert(1)</script>") < page.text.index("Peak memory")
    assert "wired at pipelines/mortgage.py:70" in page.text and "10 ran" in page.text
    assert page.text.count("did not finish") == 12


def test_what_is_known_of_a_graph_or_a_task_stands_with_its_stage(mortgage: dict[str, Any]) -> None:
    mortgage["stages"][3]["facts"] = {"vertices": 4_000, "is <directed>": True}
    assert "vertices 4000 · is <directed> true" in Page(html_page(mortgage)).text


def test_the_drivers_records_stand_beside_the_ledger(mortgage: dict[str, Any]) -> None:
    mortgage["crossings"]["events"] = [
        {"stage": 1, "direction": "device_to_host", "bytes": 2_000_000, "seconds": 0.1, "reason": "rows for a sink", "at_end": True}
    ]
    mortgage["crossings"]["confirmed"] = [
        {"stage": 1, "host_to_device": 512, "device_to_host": 3_000_000, "copies": 1234, "largest": 80_000}
    ]
    text = Page(html_page(mortgage)).text
    row = text[text.index("Confirmed by the driver") :]
    assert all(shown in row for shown in ("2.0 MB", "3.0 MB", "512 B", "1,234", "80.0 kB"))


def test_crossings_are_summed_and_fallbacks_named(mortgage: dict[str, Any]) -> None:
    event = {"stage": 18, "direction": "host_to_device", "bytes": 1_000_000, "seconds": 0.1, "reason": "training"}
    mortgage["crossings"] = {
        "host_to_device_bytes": 3_000_000,
        "device_to_host_bytes": 0,
        "host_copies_bytes": 0,
        "events": [event] * 3,
    }
    mortgage["fallbacks"] = [{"stage": 19, "reason": "no counterpart on the device"}]
    page = Page(html_page(mortgage))
    assert "3.0 MB went from host to device and 0 B from device to host." in page.text
    assert "host to device33.0 MB300 ms" in page.text
    assert "1 stage fell back" in page.text and "no counterpart on the device" in page.text


def test_a_run_on_a_cluster_tells_what_each_worker_came_to(mortgage: dict[str, Any]) -> None:
    worker = {"address": "tcp://10.0.0.1:4000", "threads": 1, "memory_limit": 8_000_000_000, "blocks": 38, "rows": 5_196_235}
    worker |= {"bytes": 1_123_000_000, "seconds": 5.73, "spilled_bytes": 2_000_000_000, "steps": {}}
    mortgage["cluster"] = {
        "dashboard": "http://10.0.0.1:8787/status",
        "workers": [worker, {**worker, "address": "tcp://10.0.0.2:4000", "memory_limit": None, "threads": None}],
        "lost_workers": 2,
        "tasks_done_again": 14,
        "retries": ["blocks of 1 bytes <instead>"],
    }
    page = Page(html_page(mortgage))
    assert "2 workers; 4.0 GB were spilled to disk; 2 workers were lost, and 14 tasks were done again." in page.text
    assert "tcp://10.0.0.1:400018.0 GB385,196,2351.1 GB5.7 s2.0 GB" in page.text
    assert "With blocks of 1 bytes <instead>" in page.text
    assert headings(page)[0] == 1


def test_a_report_with_nothing_in_it_is_a_page(mortgage: dict[str, Any]) -> None:
    mortgage.update(stages=[], stretches=[], outputs={}, curves=[], models=[], parameters={}, versions={}, file=None)
    mortgage["memory"] = {"peak_bytes": 1000, "samples": []}
    mortgage["crossings"]["events"] = []
    page = Page(html_page(mortgage))
    assert "The run gave out nothing." in page.text and "The peak was 1.0 kB" in page.text


def test_values_of_every_kind_are_shown(mortgage: dict[str, Any]) -> None:
    mortgage["outputs"] = {
        "nothing": None, "yes": True, "text": "<&>", "loss": {"log_loss": None, "confusion": [[1, 2]]},
        "kept": {"rows": 3, "columns": 2, "path": None},
    }  # fmt: skip
    mortgage["models"][0].update(importance=None, history={"train rmse": [None, float("nan")]}, features=None)
    mortgage["models"][1].update(importance=[["a", None], ["b", 1]], history={"logloss": [0.5]})
    mortgage["curves"][0].update(kind="other", label=None, auc=None, x=[0, None, 1], y=[0, 1, 1])
    page = Page(html_page(json.loads(json.dumps(mortgage))))
    for told in ("null", "true", "<&>", "3 rows × 2 columns", "[[1, 2]]", "stage 20", "logloss, last 0.5000"):
        assert told in page.text, told


def test_a_spike_in_a_long_run_stays_on_the_page(mortgage: dict[str, Any]) -> None:
    samples = [[i / 20, 1e8 + 1e6 * (i % 7)] for i in range(100_000)]
    samples[77_777][1] = 9e9
    mortgage["memory"] = {"peak_bytes": 1, "samples": samples}
    shown = html_page(mortgage)
    assert "peak 9.0 GB" in shown
    (area,) = re.findall(r'class="area" d="([^"]*)"', shown)
    assert area.count("L") <= 1001


def test_an_interrupted_run_says_so(mortgage: dict[str, Any]) -> None:
    mortgage.update(status="interrupted")
    assert "The run was stopped before it ended." in Page(html_page(mortgage)).text


def test_a_plan_tells_what_is_read_and_every_schema(plan: dict[str, Any]) -> None:
    page = Page(plan_page(plan))
    for told in (
        "4 of 31 columns",
        "current_loan_delinquency_status",
        'col("monthly_reporting_period") >= 2000-01-01',
        "every row",
    ):
        assert told in page.text, told
    assert [tag for tag, _ in page.tags].count("details") == 16
    assert [number for number in range(22) if f"stage-{number}" not in page.ids] == []


@pytest.mark.parametrize("seed", range(3))
def test_sixty_stages_with_awkward_names_are_a_page(
    mortgage: dict[str, Any], dag: Callable[[int, int], list[dict[str, Any]]], seed: int
) -> None:
    mortgage.update(stages=dag(60, seed), stretches=[])
    assert len([name for name in Page(html_page(mortgage)).ids if name.startswith("stage-")]) == 60
