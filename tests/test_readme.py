"""What the pages show is so: the first pipeline runs as printed, the tutorial's code is the pipeline's, no link is dead."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST = (ROOT / "docs" / "first-pipeline.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(text: str, language: str) -> list[str]:
    """Return the text of each fenced block of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of a page in a folder, with this interpreter in place of the installed commands."""
    command, *arguments = line.partition("#")[0].split()
    program = {"python": [], "gpupipe": ["-m", "gpupipe"]}[command]
    done = subprocess.run([sys.executable, *program, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of the first pipeline, in which its first command has made the rows."""
    folder = tmp_path_factory.mktemp("readme")
    for block in blocks(FIRST, "python"):
        (folder / block.splitlines()[0].removeprefix("# ")).write_text(block, encoding="utf-8")
    run("python make_trips.py", folder)
    return folder


def test_the_files_are_named(first: Path) -> None:
    assert {"make_trips.py", "trips.py"} <= {path.name for path in first.glob("*.py")}


@pytest.mark.parametrize("line", [line for block in blocks(FIRST, "sh") for line in block.splitlines() if line.startswith("gpupipe ")])
def test_commands_run_as_printed(line: str, first: Path) -> None:
    run(line, first)


def test_the_drawing_is_the_one_that_comes_out(first: Path) -> None:
    [drawing] = blocks(FIRST, "text")
    drawn = run("gpupipe plan trips.py", first).stdout
    assert [line.rstrip() for line in drawn.splitlines()] == drawing.splitlines()


def test_the_picture_of_the_readme_is_the_one_that_comes_out(first: Path) -> None:
    run("gpupipe plan trips.py --svg trips.svg", first)
    assert (first / "trips.svg").read_text(encoding="utf-8") == (ROOT / "docs" / "pictures" / "trips.svg").read_text(encoding="utf-8")


def test_the_code_of_the_readme_runs(first: Path) -> None:
    [block] = blocks(README, "python")
    (first / "short.py").write_text(block, encoding="utf-8")
    assert "roc_auc" in run("python short.py", first).stdout


def test_the_run_leaves_what_is_promised(first: Path) -> None:
    run("gpupipe run trips.py -p seed=2 -p out=two.parquet --report two", first)
    assert (first / "two.parquet").is_file()
    assert {"report.html", "report.json"} <= {path.name for path in (first / "two").iterdir()}


@pytest.mark.parametrize("block", blocks((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"), "python"))
def test_the_tutorial_shows_the_pipeline(block: str) -> None:
    assert block in (ROOT / "pipelines" / "taxi.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    dead = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert not dead


@pytest.mark.parametrize("target", ["demo", "test", "lint", "types", "bench", "dist", "site", "clean", "help"])
def test_make_has_the_targets(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
