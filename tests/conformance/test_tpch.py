"""The queries of TPC-H at scale 0.01 against its published answers, on every engine, with money as Decimal and as Float64."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gpupipe as gp
from tests.conformance.queries import QUERIES, Tables

AMOUNTS = {"decimal": Decimal, "float": float}


@pytest.fixture(scope="module")
def folders(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return where the tables are, by the dtype of their amounts of money."""
    given, made = shared_data / "tpch_sf0.01", tmp_path_factory.mktemp("floats")
    for path in sorted(given.glob("*.parquet")):
        table = pq.read_table(path)
        fields = [field.with_type(pa.float64()) if pa.types.is_decimal(field.type) else field for field in table.schema]
        pq.write_table(table.cast(pa.schema(fields)), made / path.name)
    return {"decimal": given, "float": made}


def rows_of(made: Any) -> list[dict[str, Any]]:
    """Return the rows of a result, which is a table or one row of named numbers."""
    return [made] if isinstance(made, dict) else list(made.iter_rows(named=True))


def assert_is_answer(made: list[dict[str, Any]], answer: Path) -> None:
    """Raise AssertionError where rows are not those of the answer, in its order: numbers to the last place that is published."""
    with answer.open(encoding="utf-8", newline="") as file:
        header, *expected = csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE)
    names = ["sum_qty" if name == "sum(l_quantity)" else name for name in header]
    assert [list(row) for row in made] == [names] * len(expected)
    for row, values in zip(made, expected, strict=True):  # a line without anything is one missing value
        for name, value in zip(names, values or [""] * len(names), strict=True):
            assert is_value(row[name], value), f"{name}: got {row[name]!r}, expected {value!r} in {values}"


def is_value(found: Any, text: str) -> bool:
    """Whether a value is what a text says: a decimal exactly, a float to twelve places of it."""
    if found is None or text == "":
        return found is None and text == ""
    if isinstance(found, float):
        return found == pytest.approx(float(text), rel=1e-12)
    return Decimal(text) == found if isinstance(found, Decimal | int) else str(found) == text


@pytest.mark.once_on_clusters("query")
@pytest.mark.parametrize("amount", AMOUNTS)
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.__name__)
def test_answers(query: Any, amount: str, engine: str, folders: dict[str, Path], shared_data: Path) -> None:
    tables = Tables(folders[amount], AMOUNTS[amount])
    made = gp.Pipeline(query.__name__, answer=query(tables)).run(engine)["answer"]
    assert_is_answer(rows_of(made), shared_data / "tpch_sf0.01" / "answers" / f"{query.__name__}.csv")


def test_other_answers_are_told_apart(tmp_path: Path) -> None:
    answer = tmp_path / "answer.csv"
    answer.write_text("a|b\n1.50|x\n")
    assert_is_answer([{"a": Decimal("1.5"), "b": "x"}], answer)
    for wrong in ({"a": Decimal("1.51"), "b": "x"}, {"a": 1.5 + 1e-7, "b": "x"}, {"b": "x", "a": 1.5}, {"a": None, "b": "x"}):
        with pytest.raises(AssertionError):
            assert_is_answer([wrong], answer)
    with pytest.raises(AssertionError):
        assert_is_answer([], answer)
