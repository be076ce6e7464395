from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from sklearn.preprocessing import OrdinalEncoder

from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.pipeline import Pipeline
from gpupipe.sources.from_arrow import FromArrow
from gpupipe.stages.encode_category import EncodeCategory
from gpupipe.testing.laws import check_fit_stage, check_row_stage
from gpupipe.testing.strategies import cut_tables

SCHEMA = pa.schema([("text", pa.large_string()), ("small", pa.int8()), ("flag", pa.bool_()), ("count", pa.uint64()), ("x", pa.float64())])


@given(cut_tables(SCHEMA))
def test_law(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_fit_stage(EncodeCategory(["text", "small", "flag", "count"]), cut[0], cuts=cut[1])
    check_fit_stage(EncodeCategory(["text", "small"], min_count=2, unknown=-1), cut[0], cuts=cut[1])


def test_as_scikit_learn_does() -> None:
    words = np.random.default_rng(0).choice(["b", "a", "Z", "é", "10", "日本"], 100).astype(object)
    numbers = np.random.default_rng(1).choice([10, 9, -1, 100], 100)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, categories="auto")
    frame = pl.DataFrame({"n": numbers})
    made = EncodeCategory("n", unknown=-1).fit_plain(frame[:50]).apply(frame)["n"].to_numpy()
    np.testing.assert_array_equal(made, encoder.fit(numbers[:50, None]).transform(numbers[:, None])[:, 0])
    text = words[words != "10"]  # digits sort before letters either way, but by value here
    frame = pl.DataFrame({"w": text.tolist()})
    made = EncodeCategory("w").fit_plain(frame).apply(frame)["w"].to_numpy()
    np.testing.assert_array_equal(made, encoder.fit(text[:, None]).transform(text[:, None])[:, 0])


def test_rare_and_unseen_categories(engine: str) -> None:
    train, test = pl.DataFrame({"c": ["a", "a", "b", None]}), pl.DataFrame({"c": ["a", "b", "zz", None]})
    if engine == "pandas":
        train, test = train.to_pandas(), test.to_pandas()  # type: ignore[assignment]
    missing, coded = (EncodeCategory("c", min_count=2, unknown=unknown).fit_plain(train) for unknown in (None, 9))
    as_list = lambda frame: [None if value is None or value != value else int(value) for value in pa.array(frame["c"]).to_pylist()]  # noqa: E731
    assert as_list(missing.apply(test)) == [0, None, None, None]
    assert as_list(coded.apply(test)) == [0, 9, 9, None]


def test_whole_numbers_sort_by_value() -> None:
    frame = pl.DataFrame({"n": [10, 9, -1, 100]})
    assert EncodeCategory("n").fit_plain(frame).apply(frame)["n"].to_list() == [2, 1, 0, 3]


def test_digits_sort_by_value_then_by_their_text_whatever_the_order_of_rows(engine: str) -> None:
    wanted = [
        "-" + "9" * 5000,
        "-10",
        "-9",
        "-1",
        "-0",
        "0",
        "00",
        "001",
        "01",
        "1",
        "2",
        "010",
        "10",
        "9" * 5000,
        "1" + "0" * 5000,
        "",
        "--1",
        "x",
    ]
    for seed in range(2):
        values = [str(value) for value in np.random.default_rng(seed).permutation(wanted * 3)]
        table = FromArrow(pa.table({"c": values})).node()
        assert list(Pipeline("p", out=EncodeCategory("c").fit(table)).run(engine)["out"].categories[0]) == wanted


def test_fitted_to_nothing_knows_nothing(awkward: pa.Table) -> None:
    fitted = EncodeCategory("s").fit_plain(awkward.slice(0, 0))
    assert check_row_stage(fitted, awkward)["s"].to_pylist() == [None] * 6


def test_options_and_tables_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match=r"^EncodeCategory expects min_count >= 1, got 0\.$"):
        EncodeCategory("c", min_count=0)
    frame = pl.DataFrame({"c": ["a"], "x": [0.5]})
    message = r"^EncodeCategory expects text, whole numbers or booleans, got Float64 in 'x'\. Cast or cut it into classes first\.$"
    with pytest.raises(DtypeError, match=message):
        EncodeCategory("x").fit_plain(frame)
    with pytest.raises(ColumnError, match=r"^There is no column 'cc'\. Did you mean 'c'\?"):
        EncodeCategory("cc").fit_plain(frame)
