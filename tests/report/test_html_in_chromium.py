"""The pages in a real browser: they render, their script runs, nothing is complained of, nothing is fetched."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gpupipe.report import html_page

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=1280,2000", "--enable-logging=stderr",
)  # fmt: skip
# Put behind the page's own script: what a reader would see goes into the DOM that is dumped.
PROBE = """<script>
window.addEventListener('load', function () {
  document.querySelector('.gp-dag .n[data-stage="10"]').dispatchEvent(new PointerEvent('pointerenter'));
  document.body.dataset.hot = document.querySelectorAll('.gp-dag .hot').length;
  document.body.dataset.fetched = performance.getEntriesByType('resource').length;
  document.body.dataset.wide = document.documentElement.scrollWidth > window.innerWidth;
  document.body.dataset.spilled = Array.from(document.querySelectorAll('.gp-dag .n')).filter(function (stage) {
    var room = stage.querySelector('rect').getBoundingClientRect();
    return Array.from(stage.querySelectorAll('text')).some(function (t) { return t.getBoundingClientRect().right > room.right; });
  }).length;
});
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    """Return the path of a Chromium, or skip."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no chromium, chromium-browser or google-chrome on the path; on Debian: apt-get install chromium")


def rendered(chromium: str, page: str, folder: Path, *options: str) -> tuple[str, str]:
    """Return the DOM of a page after its scripts ran, and what the browser had to say."""
    (folder / "page.html").write_text(page, encoding="utf-8")
    command = [chromium, *OPTIONS, f"--user-data-dir={folder / 'profile'}", *options, (folder / "page.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def test_a_run_renders_without_complaint(chromium: str, mortgage: dict[str, Any], tmp_path: Path) -> None:
    dom, complaints = rendered(chromium, html_page(mortgage).replace("</body>", f"{PROBE}</body>"), tmp_path, "--dump-dom")
    assert complaints == ""
    assert 'data-hot="6"' in dom, "the edges into and out of stage 10 light up"
    assert 'data-fetched="0"' in dom
    assert 'data-wide="false"' in dom
    assert 'data-spilled="0"' in dom
    assert dom.count('class="n k-') == 22


def test_a_broken_script_would_be_seen(chromium: str, tmp_path: Path) -> None:
    _, complaints = rendered(chromium, "<!DOCTYPE html><script>nothing.here()</script>", tmp_path, "--dump-dom")
    assert "ReferenceError" in complaints


def test_a_failed_run_is_drawn(chromium: str, failed: dict[str, Any], tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    rendered(chromium, html_page(failed), tmp_path, f"--screenshot={picture}")
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (1280, 2000)
    assert len(data) > 60_000, "an empty page packs to far less"
