"""The runner takes its turns in order, believes the kernel, and refuses to compare programs that differ."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import run
from bench.process import Measurement, measure_process
from bench.summary import growth, speed, summarize
from bench.workload import BenchmarkError, Workload

HELD = "import bench.contender as c; x = b'1' * {held}; c.report({seconds}, dict(rows={rows}))"


def _command(*, seconds: float = 0.5, rows: int = 3, held: int = 1) -> list[str]:
    return [sys.executable, "-c", HELD.format(seconds=seconds, rows=rows, held=held)]


def _measured(seconds: float, **facts: object) -> Measurement:
    return Measurement(seconds, seconds + 0.1, seconds, 100, facts)


def test_every_contender_starts_a_round_once() -> None:
    orders = list(run.interleave(["a", "b", "c"], 3))
    assert [order[0] for order in orders] == ["a", "b", "c"]
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)


def test_a_process_is_measured_alone_whatever_its_parent_uses() -> None:
    ballast = b"1" * (200 * 2**20)
    small = measure_process("small", _command())
    large = measure_process("large", _command(held=80 * 2**20))
    assert len(ballast) > small.peak_rss_bytes
    assert small.seconds == 0.5
    assert small.facts == {"rows": 3}
    assert 70 * 2**20 < large.peak_rss_bytes - small.peak_rss_bytes < 90 * 2**20


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit('no disk')", r"contender 'x': expected exit status 0, got 1; .*\nno disk"),
        ("import os; os.kill(os.getpid(), 9)", "expected exit status 0, got -9"),
        ("print('done')", "expected a last line of JSON with seconds, total_seconds, peak_rss_bytes, got 'done'"),
        ("print('{\"seconds\": 1}')", "expected a last line of JSON with seconds, total_seconds, peak_rss_bytes"),
        ("", "expected a last line of JSON with seconds, total_seconds, peak_rss_bytes, got ''"),
    ],
)
def test_a_contender_without_a_result_is_refused(code: str, message: str) -> None:
    with pytest.raises(BenchmarkError, match=message):
        measure_process("x", [sys.executable, "-c", code])


def test_speed_is_a_ratio_within_each_round() -> None:
    base, own = [_measured(2.0), _measured(8.0), _measured(3.0)], [_measured(1.0), _measured(2.0), _measured(1.0)]
    assert speed(base, own) == {"median": 3.0, "min": 2.0, "max": 4.0}
    contenders = summarize({"base": base, "own": own}, ["base"])
    assert contenders["own"]["times_as_fast_as"] == {"base": {"median": 3.0, "min": 2.0, "max": 4.0}}
    assert contenders["base"]["times_as_fast_as"] == {}


def test_growth_is_the_largest_size_over_the_smallest() -> None:
    sizes = {rows: summarize({"a": [_measured(rows / 10)]}, []) for rows in (10, 20, 40)}
    assert growth(sizes) == {"a": {"seconds": 4.0, "peak_rss_bytes": 1.0}}
    assert growth({10: sizes[10]}) == {}


@pytest.mark.parametrize("facts", [{"positives": 5}, {}])
def test_contenders_that_differ_are_refused(facts: dict[str, object]) -> None:
    rounds = {"a": [_measured(1, positives=4)], "b": [_measured(1, **facts)]}
    with pytest.raises(BenchmarkError, match=r"expected one value of 'positives' in all contenders, got a 4; b (5|None)"):
        run.check_agreement(rounds, ["positives"])


def test_an_unknown_workload_is_met_with_the_nearest() -> None:
    with pytest.raises(BenchmarkError, match=r"got 'mortgage-elt': did you mean mortgage-etl\?"):
        run.load("mortgage-elt")


def test_a_benchmark_makes_its_data_once_and_writes_its_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); p.mkdir(); (p / 'rows.txt').write_text(sys.argv[2])"
    workload = Workload(
        contenders=lambda data, out: {"fast": _command(seconds=0.25), "slow": _command(seconds=1.0)},
        baselines=("slow",),
        agree=("rows",),
        prepare=lambda rows, data: [sys.executable, "-c", made, str(data), str(rows)],
    )
    monkeypatch.setattr(run, "load", lambda name: workload)
    result = tmp_path / "results" / "toy.json"
    call = ["toy", "--rows", "10,20", "--rounds", "2", "--data", str(tmp_path / "data"), "--out", str(result)]
    assert run.main(call) == 0
    assert (tmp_path / "data/toy-20/rows.txt").read_text() == "20"
    assert "making toy-10" in capsys.readouterr().out
    assert run.main(call) == 0
    printed = capsys.readouterr().out
    assert "making" not in printed
    assert "4.00x" in printed
    written = json.loads(result.read_text())
    assert [size["rows"] for size in written["sizes"]] == [10, 20]
    assert written["sizes"][0]["contenders"]["fast"]["times_as_fast_as"]["slow"]["median"] == 4.0
    assert str(tmp_path) not in result.read_text()


def test_a_failed_benchmark_says_so_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workload = Workload(contenders=lambda data, out: {"a": _command(rows=1), "b": _command(rows=2)}, baselines=("a",), agree=("rows",))
    monkeypatch.setattr(run, "load", lambda name: workload)
    assert run.main(["toy", "--rounds", "1", "--out", str(tmp_path / "toy.json")]) == 1
    assert "expected one value of 'rows' in all contenders, got a 1; b 2" in capsys.readouterr().err
    assert not (tmp_path / "toy.json").exists()
