"""Makes the gallery: runs the pipelines that need nothing but themselves, and writes docs/gallery.md with their pictures.

``python .ci/gallery.py`` runs all of them, ``python .ci/gallery.py taxi churn`` some; the page is made of all pictures that are there.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from gpupipe.report.drawing import draw_svg
from gpupipe.report.result_sections import flat_outputs, is_score
from gpupipe.report.units import number_text, rows_text

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures" / "gallery"
SHOWN = {  # with what each is run
    "taxi": (),
    "churn": (),
    "flights": (),
    "clickstream": (),
    "demand": ("n_meters=8",),
    "topics": (),
    "traffic_tensor": (),
}
MOST_SCORES = 3


def made(name: str) -> dict[str, Any]:
    """Return the report of a run of a pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        given = [word for value in SHOWN[name] for word in ("-p", value)]
        command = [sys.executable, "-m", "gpupipe", "run", f"pipelines/{name}.py", "--quiet", "--report", folder, *given]
        subprocess.run(command, cwd=ROOT, check=True)
        report: dict[str, Any] = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    return report


def scores_of(report: dict[str, Any]) -> str:
    """Return a few of the scores of a run."""
    scores = {name: value for name, value in flat_outputs(report).items() if is_score(value)}
    told = [f"{name}: {', '.join(f'{metric} {number_text(value)}' for metric, value in values.items())}" for name, values in scores.items()]
    return "; ".join(told[:MOST_SCORES]) + (f"; and {len(told) - MOST_SCORES} more" if len(told) > MOST_SCORES else "")


def entry(name: str, facts: dict[str, Any]) -> str:
    """Return a pipeline's part of the page."""
    told = ast.get_docstring(ast.parse((ROOT / "pipelines" / f"{name}.py").read_text(encoding="utf-8"))) or ""
    rows = f"{rows_text(facts['rows'])} rows read, " if facts["rows"] else ""
    read = f"{rows}{facts['stages']} stages" + (f". {facts['scores']}" if facts["scores"] else "")
    picture = f"![Drawing of the pipeline {name}: {facts['stages']} stages with their rows](pictures/gallery/{name}.svg)"
    return f"## {name}\n\n{told.partition(chr(10))[0]}\n\n{picture}\n\n{read}. [Its text](../pipelines/{name}.py): `{facts['command']}`\n"


def main(names: list[str]) -> None:
    """Run pipelines, and write the page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    kept = PICTURES / "facts.json"
    facts = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for name in names or SHOWN:
        report = made(name)
        rows = sum(stage["rows_out"] or 0 for stage in report["stages"] if stage["kind"] == "source")
        (PICTURES / f"{name}.svg").write_text(draw_svg(report["stages"], report["output_stages"]), encoding="utf-8")
        given = "".join(f" -p {value}" for value in SHOWN[name])
        command = f"gpupipe run pipelines/{name}.py{given} --report report"
        facts[name] = {"rows": rows, "stages": len(report["stages"]), "scores": scores_of(report), "command": command}
    kept.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    head = "# Gallery\n\n"
    head += (
        "Pipelines that run as they are, on rows that they make up or bring along, as one run of each left them: made by `make gallery`.\n"
    )
    text = "\n".join([head, *(entry(name, facts[name]) for name in SHOWN if name in facts)])
    (ROOT / "docs" / "gallery.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
