"""Arms of a simulation: they go on where they were killed, ask nothing twice, and say why they stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import gpupipe as gp
from gpupipe.active.stopping import read_rule
from gpupipe.core.errors import ColumnError, UsageError
from gpupipe.definition import load_definition
from gpupipe.rounds.arm import Arm, Simulation, compared

FLOW = Path(__file__).with_name("flow.py")
CODE = """
import sys
from pathlib import Path
from gpupipe.active.stopping import read_rule
from gpupipe.definition import load_definition
from gpupipe.rounds.arm import Arm, Simulation
made = Simulation(load_definition(sys.argv[1]), (), Path(sys.argv[2]), "digit", (read_rule("rounds=5"),), "cpu")
Arm(made, "margin", 0, lambda line: print(line, flush=True)).run()
"""


def simulation(folder: Path, *rules: str, **options: Any) -> Simulation:
    return Simulation(load_definition(str(FLOW)), (), folder, "digit", tuple(map(read_rule, rules)), "cpu", **options)


def asked(folder: Path) -> list[list[tuple[str, str]]]:
    """Return the questions of each round of an arm."""
    rounds = gp.LabelStore(folder / "margin-0" / "labels").rounds()
    return [list(zip(one.questions["example_id"].to_pylist(), one.questions["question"].to_pylist(), strict=True)) for one in rounds]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return an arm that was never killed."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, Arm(simulation(folder, "rounds=5"), "margin", 0).run()


def test_an_arm_learns_and_says_why_it_stopped(whole: tuple[Path, dict[str, Any]]) -> None:
    folder, course = whole
    assert course["stopped"] == "rounds=5: 5 were answered"
    metrics = [point["metric"] for point in course["curve"]]
    assert metrics[0] is None and metrics[-1] > metrics[1] and metrics[-1] > 0.8
    assert [point["cost"] for point in course["curve"]] == [0, 60, 80, 100, 120, 140]
    assert all(0.5 < point["kappa"] <= 1 for point in course["curve"][2:])
    every = [question for questions in asked(folder) for question in questions]
    assert len(every) == 160 == len(set(every))
    held = {f"d{at}" for at in range(400, 700)}
    assert not held & {example for example, _ in every}


def test_killed_at_any_moment_it_asks_nothing_twice_and_chooses_the_same(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """The process is killed again and again, each time a little later, until it has come to the end."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(gp.__file__).parents[1])}
    environment["PYTHONWARNINGS"] = "ignore"
    kills, number = 0, 0
    while True:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, str(FLOW), str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        if number < 3:  # after as many lines as tell of a round, and a while
            for _ in range(1 + number % 2):
                process.stdout.readline()
            time.sleep(0.03 * number)
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            kills += process.returncode == -signal.SIGKILL
            number += 1
            continue
        out, _ = process.communicate()
        assert process.returncode == 0, out
        break
    assert kills >= 2
    assert asked(tmp_path) == asked(whole[0])
    answers = gp.LabelStore(tmp_path / "margin-0" / "labels").answers()
    pairs = list(zip(answers["example_id"].to_pylist(), answers["question"].to_pylist(), strict=True))
    assert len(pairs) == len(set(pairs)) == 140
    course = json.loads((tmp_path / "margin-0" / "course.json").read_text())
    shown = [{name: value for name, value in point.items() if name != "seconds"} for point in course["curve"]]
    assert shown == [{name: value for name, value in point.items() if name != "seconds"} for point in whole[1]["curve"]]


def test_killed_between_the_record_and_the_point_the_selection_stands(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """The questions are recorded, and nothing of the round's point: the pipeline runs again on the same answers."""
    arm = Arm(simulation(tmp_path, "rounds=5"), "margin", 0)
    arm._build().run("cpu")
    assert asked(tmp_path) == asked(whole[0])[:1]
    arm.run()
    assert asked(tmp_path) == asked(whole[0])


def test_an_arm_that_stopped_goes_on_under_another_rule(tmp_path: Path) -> None:
    first = Arm(simulation(tmp_path, "budget=60"), "margin", 1).run()
    assert first["stopped"] == "budget=60: 60 was spent"
    second = Arm(simulation(tmp_path, "budget=100"), "margin", 1).run()
    assert [point["cost"] for point in second["curve"]] == [0, 60, 80, 100]
    assert compared([first, second]).num_rows == 6


def test_a_pool_ends(tmp_path: Path) -> None:
    small = Simulation(load_definition(str(FLOW)), ("n=80", "budget=50"), tmp_path, "digit", (), "cpu")
    course = Arm(small, "random", 0).run()
    assert course["stopped"].startswith("nothing is open")
    assert course["curve"][-1]["exact"] == 80 and course["curve"][-1]["asked"] == 0
    rounds = gp.LabelStore(tmp_path / "random-0" / "labels").rounds()
    assert all(one.questions.num_rows for one in rounds) and course["curve"][-1]["round"] == len(rounds)  # no round without a question


def test_all_labels_are_worth_what_scikit_learn_says(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits  # local: one test
    from sklearn.linear_model import LogisticRegression

    x, y = load_digits(return_X_y=True)
    expected = LogisticRegression(max_iter=300).fit(x[:400] / 16, y[:400]).score(x[400:700] / 16, y[400:700])
    assert Arm(simulation(tmp_path), "random", 0).full() == pytest.approx(expected, abs=0.01)


def test_a_share_of_wrong_answers(tmp_path: Path) -> None:
    arm = Arm(simulation(tmp_path, "budget=60", error_rate=0.2, seconds=3.0), "random", 0)
    arm.run()
    answers = gp.LabelStore(tmp_path / "random-0" / "labels").answers()
    from sklearn.datasets import load_digits  # local: one test

    truth = load_digits(return_X_y=True)[1]
    wrong = [
        answer != str(truth[int(key[1:])])
        for key, answer in zip(answers["example_id"].to_pylist(), answers["answer"].to_pylist(), strict=True)
    ]
    assert 3 <= sum(wrong) <= 22 and set(answers["seconds"].to_pylist()) == {3.0}


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match=r"oracle's column 'digits' beside the key 'id'\. Did you mean 'digit'"):
        Arm(Simulation(load_definition(str(FLOW)), (), tmp_path, "digits", (), "cpu"), "margin", 0).run()
    with pytest.raises(UsageError, match="There is no metric 'f1' among the outputs"):
        Arm(simulation(tmp_path / "b", metric="f1"), "margin", 0).run()
    (tmp_path / "c" / "margin-0").mkdir(parents=True)
    (tmp_path / "c" / "margin-0" / "course.json").write_text('{"strategy": "entropy", "seed": 0, "curve": [], "stopped": null}')
    with pytest.raises(UsageError, match="got that of another arm"):
        Arm(simulation(tmp_path / "c"), "margin", 0).run()
