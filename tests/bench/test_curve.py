"""A result is drawn against its sizes: a point for each, higher where more was measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from bench import curve
from bench.process import Measurement
from bench.summary import summarize


def _result(on_cluster: dict[str, float]) -> dict[str, object]:
    sizes = []
    for rows in (1_000_000, 10_000_000):
        runs = {name: [Measurement(rows / 1e6 * factor, 1.0, 1.0, 100 << 20, {}, on_cluster)] for name, factor in (("a", 1), ("b<c", 2))}
        sizes.append({"rows": rows, "contenders": summarize(runs, [])})
    return {"sizes": sizes}


def test_every_size_of_every_contender_is_a_point(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(_result({})))
    assert curve.main([str(tmp_path / "result.json"), "--out", str(tmp_path / "curve.svg")]) == 0
    root = ET.parse(tmp_path / "curve.svg").getroot()
    circles = [element for element in root if element.tag.endswith("circle")]
    assert len(circles) == 3 * 2 * 2
    seconds = [float(circle.attrib["cy"]) for circle in circles[:4]]
    assert seconds[0] > seconds[1] > seconds[3], "more seconds stand higher"
    memory = {circle.attrib["cy"] for circle in circles[8:]}
    assert len(memory) == 1, "level memory is a level line"


def test_the_memory_of_workers_goes_before_that_of_the_process() -> None:
    cluster = {"worker_cpu_seconds": 1.0, "driver_cpu_seconds": 1.0, "startup_seconds": 1.0, "worker_peak_rss_bytes": 900.0 * 2**20}
    drawn = curve.drawn(json.loads(json.dumps(_result(cluster))))
    assert "peak of the largest worker" in drawn
    assert re.search(r">800</text>", drawn), "the axis reaches to 900 MiB"
