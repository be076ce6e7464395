"""Pages of the site that are not in docs/: the README as its first page, the reference of every public name, the pipelines with their text.

A hook of MkDocs. Links out of docs/ lead to the page made of that file; where there is none, to nothing: the text stays.
"""

from __future__ import annotations

import ast
import json
import logging
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LOG = logging.getLogger("mkdocs.site")
ROOT = Path(__file__).parent.parent
FACE = re.compile(r"^from (gpupipe\.[\w.]+) import (\w+) as \w+$", re.MULTILINE)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
# Files outside docs/ that are pages, and where; the README is the first page.
OUTSIDE = {
    "README.md": "index.md",
    "STYLE.md": "about/style.md",
    "CONTRIBUTING.md": "about/contributing.md",
    "CHANGELOG.md": "about/changelog.md",
    "SECURITY.md": "about/security.md",
    "bench/README.md": "about/benchmarks.md",
}
# What the reference is split into: a page, and the modules whose public names are on it, the first that fits.
REFERENCE = {
    "Graphs": ("gpupipe.stages.graphs", "gpupipe.kinds.graph"),
    "Tensors": ("gpupipe.stages.tensors", "gpupipe.kinds.tensor"),
    "Forecasts": ("gpupipe.stages.forecasts",),
    "Topics and words": ("gpupipe.stages.topics", "gpupipe.stages.tokenize", "gpupipe.models.learn_words"),
    "Deep components": ("gpupipe.stages.deep", "gpupipe.deep"),
    "Active learning": ("gpupipe.stages.active", "gpupipe.active", "gpupipe.sources.read_labels", "gpupipe.sinks.ask_questions"),
    "Sources": ("gpupipe.sources",),
    "Sinks": ("gpupipe.sinks",),
    "Checks": ("gpupipe.checks",),
    "Models": ("gpupipe.models",),
    "Stages of tables": ("gpupipe.stages",),
    "Pipelines and the rest": ("gpupipe",),
}
ARRAYS = ("graphs", "tensors", "forecasts", "topics", "deep")  # packages that work without a pipeline
HOW_TO = (
    "install",
    "first-pipeline",
    "tutorial",
    "gallery",
    "errors",
    "text-files",
    "engines",
    "checkpoints",
    "dask",
    "clusters",
    "submit",
    "install-gpu",
    "security",
)
INSIDE = ("walkthrough", "design", "extending", "maintaining", "conformance", "faults", "gpu-status", "compare")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of other files."""
    for path, page in OUTSIDE.items():
        files.append(_made(config, page, _relinked((ROOT / path).read_text(encoding="utf-8"), path, page)))
    for page, text in {**_reference(), **_arrays(), **_pipelines(), **_notebooks()}.items():
        files.append(_made(config, page, text))
    pages = {file.src_uri for file in files}
    config.nav = _nav(pages)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links out of docs/ to where that file's page is."""
    source = page.file.src_uri
    return markdown if page.file.generated_by else _relinked(markdown, f"docs/{source}", source)


def _made(config: MkDocsConfig, page: str, text: str) -> File:
    return File.generated(config, page, content=text)


def _relinked(text: str, path: str, page: str) -> str:
    """Return a file's text with its links as the site has them."""

    def link(found: re.Match[str]) -> str:
        mark, words, target, anchor = found[1], found[2], found[3], found[4] or ""
        if not target or "://" in target or target.startswith("mailto:"):
            return found[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        place = _place(file)
        if place is None:
            if not (ROOT / file).exists():
                LOG.warning("%s has a link to %s, and there is no such file.", path, target)
            return words
        return f"{mark}[{words}]({posixpath.relpath(place, posixpath.dirname(page) or '.')}{anchor})"

    return LINK.sub(link, text)


def _place(file: str) -> str | None:
    """Return the page that is made of a file of the repository."""
    if file in OUTSIDE:
        return OUTSIDE[file]
    if file.startswith("docs/") and (ROOT / file).is_file():
        file = file.removesuffix(".ipynb") + ".md" if file.endswith(".ipynb") else file
        return file.removeprefix("docs/")
    if file in {"docs", "docs/decisions"}:
        return None
    name = re.fullmatch(r"pipelines/(\w+)\.py", file)
    return f"pipelines/{name[1]}.md" if name and (ROOT / file).is_file() else None


def _reference() -> dict[str, str]:
    """Return the pages of the public names, by what they are for."""
    held: dict[str, list[str]] = {title: [] for title in REFERENCE}
    for module, name in FACE.findall((ROOT / "gpupipe/__init__.pyi").read_text(encoding="utf-8")):
        title = next(title for title, starts in REFERENCE.items() if any(f"{module}.".startswith(f"{start}.") for start in starts))
        held[title].append(f"{module}.{name}")
    pages = {}
    for title, names in held.items():
        entries = (f"::: {name}\n" for name in sorted(names, key=lambda name: name.rpartition(".")[2].lower()))
        pages[f"reference/{_slug(title)}.md"] = f"# {title}\n\nAs `gp.` of `import gpupipe as gp`.\n\n" + "\n".join(entries)
    return pages


def _arrays() -> dict[str, str]:
    """Return the pages of the packages of array functions."""
    pages = {}
    for package in ARRAYS:
        file = ROOT / f"gpupipe/{package}/__init__.py"
        found = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
        names = sorted(
            (f"{node.module}.{alias.name}" for node in found for alias in node.names if node.module != "__future__"), key=str.lower
        )
        names = [name for name in names if name.startswith("gpupipe.")]
        pages[f"arrays/{package}.md"] = f"# gpupipe.{package}\n\nArrays in, arrays out.\n\n" + "\n".join(f"::: {name}\n" for name in names)
    return pages


def _pipelines() -> dict[str, str]:
    """Return a page of each pipeline: what it is for, and its text."""
    pages = {}
    for file in sorted((ROOT / "pipelines").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        told = ast.get_docstring(ast.parse(text)) or ""
        pages[f"pipelines/{file.stem}.md"] = f"# {file.name}\n\n{told}\n\n```python\n{text}```\n"
    return pages


def _notebooks() -> dict[str, str]:
    """Return a page of each notebook: its text, its code, and what came out."""
    pages = {}
    for file in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        pages[f"notebooks/{file.stem}.md"] = "\n\n".join(part for cell in cells for part in _cell(cell)) + "\n"
    return pages


def _cell(cell: dict[str, Any]) -> list[str]:
    """Return a cell's parts as Markdown; HTML is one line, since a blank one would end it."""
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [text]
    parts = [f"```python\n{text}\n```"]
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "text/html" in data:
            parts.append(f'<div class="output">{" ".join("".join(data["text/html"]).splitlines())}</div>')
        else:
            parts.append(f"```text\n{''.join(data.get('text/plain', output.get('text', ''))).rstrip()}\n```")
    return parts


def _nav(pages: set[str]) -> list[Any]:
    """Return the pages in the order of the menu; those of docs/ that are not named are capabilities."""
    named = {f"{name}.md" for name in (*HOW_TO, *INSIDE)}
    capabilities = sorted(page for page in pages if "/" not in page and page.endswith(".md") and page not in named and page != "index.md")
    under = {
        start: sorted(page for page in pages if page.startswith(f"{start}/") and page.endswith(".md"))
        for start in ("how-to", "notebooks", "decisions", "pipelines", "arrays", "about")
    }
    return [
        {"gpupipe": "index.md"},
        {"How to": [*(f"{name}.md" for name in HOW_TO[:3]), *under["notebooks"], *under["how-to"], *(f"{name}.md" for name in HOW_TO[3:])]},
        {"What it does": capabilities},
        {"Pipelines": under["pipelines"]},
        {"Reference": [*(f"reference/{_slug(title)}.md" for title in REFERENCE), {"Arrays": under["arrays"]}]},
        {"Inside": [*(f"{name}.md" for name in INSIDE), {"Decisions": under["decisions"]}, *under["about"]]},
    ]


def _slug(title: str) -> str:
    return title.lower().replace(" ", "-")
