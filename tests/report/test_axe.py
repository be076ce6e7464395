"""Pages held to WCAG 2.2 AA by axe-core, in Chromium, light and dark; and what a keyboard reaches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gpupipe.report import html_page, plan_page
from gpupipe.report.preview import preview_cards
from tests.browser import Browser, Tab, open_browser
from tests.report.test_cards import card

AXE = Path(__file__).parents[2] / ".axe/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FOUND = """axe.run({runOnly: %s}).then(found => window.found = found.violations.map(
  one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 160)).slice(0, 3).join(' | ')));"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start one browser for all pages."""
    with open_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def opened(browser: Browser, page: str, folder: Path, scheme: str = "light") -> Tab:
    """Return a tab that shows the page, in a colour scheme."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    tab = browser.open((folder / "page.html").as_uri())
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.wait("document.readyState === 'complete' && document.body.innerText.length > 0")
    return tab


def with_everything(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report in which every kind of part stands, with times."""
    for number, stage in enumerate(report["stages"]):
        stage["spans"] = [[number, 0.8]]
    table = pa.table({"a": [1, None], " ": ["long " * 30, "<b>"], **{f"c{number}": [[number], None] for number in range(60)}})
    report["cards"] = [card("plainly")]
    report["previews"] = list(preview_cards({"rows": table}, {"rows": 0}, {}))
    report["outputs"]["positives"] = 96_912
    return report


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core here: npm install --prefix .axe --no-save axe-core@4.14.1")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["mortgage", "failed", "plan"])
def test_axe_finds_nothing(browser: Browser, kind: str, scheme: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    given = request.getfixturevalue(kind)
    page = plan_page(given) if kind == "plan" else html_page(with_everything(given))
    tab = opened(browser, page, tmp_path, scheme)
    tab.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    tab.value(AXE.read_text(encoding="utf-8"))
    tab.value(FOUND % json.dumps(RULES))
    assert tab.wait("window.found && JSON.stringify(window.found)") == "[]"
    tab.close()


def test_a_keyboard_reaches_links_tables_and_what_unfolds(browser: Browser, mortgage: dict[str, Any], tmp_path: Path) -> None:
    tab = opened(browser, html_page(with_everything(mortgage)), tmp_path)
    reached = set()
    for _ in range(200):
        tab.press("Tab")
        reached.add(tab.value("document.activeElement.tagName + '.' + document.activeElement.className"))
        if tab.value("document.activeElement.tagName === 'SUMMARY'"):
            break
    assert {"A.", "DIV.scroll", "SUMMARY."} <= reached
    tab.press("Enter")
    assert tab.wait("document.activeElement.parentElement.open")
    tab.close()


def test_of_200_stages_the_longest_stand_on_the_line_of_time(browser: Browser, mortgage: dict[str, Any], dag: Any, tmp_path: Path) -> None:
    mortgage.update(stages=dag(200, 1), stretches=[])
    for number, stage in enumerate(mortgage["stages"]):
        stage["spans"] = [[number * 0.1, 0.1]]
    page = html_page(mortgage)
    assert page.count('class="lane ') == 40 and "and 160 shorter ones, 16.0 s together" in page
    tab = opened(browser, page, tmp_path)
    assert tab.value("document.querySelectorAll('tr[id^=stage-]').length") == 200
    tab.close()
