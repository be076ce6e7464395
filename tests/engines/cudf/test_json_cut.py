"""The values of JSON records in a block of text, held against the json module."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpupipe.engines.cudf.json_cut import cut_records
from gpupipe.engines.cudf.text_plan import NotPlainError

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(-1e90, 1e90, allow_subnormal=False).filter(lambda number: number == 0 or abs(number) > 1e-90),
    st.text(st.sampled_from('ab é,:{}[]"'), max_size=5).filter(lambda text: '"' not in text),
)
RECORDS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "a b", "é", ""]), VALUES), min_size=1, max_size=6)


@given(records=RECORDS, line=st.sampled_from(["\n", "\r\n"]), separators=st.sampled_from([(", ", ": "), (",", ":")]), ended=st.booleans())
@settings(max_examples=300)
def test_values_are_those_of_the_json_module(records: list[dict[str, object]], line: str, separators: tuple[str, str], ended: bool) -> None:
    lines = [json.dumps(record, ensure_ascii=False, separators=separators) for record in records]
    text = (line.join(lines) + line * ended).encode()
    names = ["é", "a", "", "none", "a b", "b"]
    cut = cut_records(np, np.frombuffer(text, np.uint8), names, is_last=True)
    assert (len(cut), cut.n_bytes) == (len(records), len(text))
    for name in names:
        starts, stops, quoted, is_there = (array.tolist() for array in cut.values[name])
        assert is_there == [name in record for record in records]
        found = [json.loads(text[start:stop]) if there else None for start, stop, there in zip(starts, stops, is_there, strict=True)]
        assert found == [record.get(name) for record in records]
        assert quoted == [isinstance(record.get(name), str) for record in records]


@pytest.mark.parametrize("number", ["0", "-0", "10", "-1.5", "0.25e7", "1E+9", "2e-99", "0.0"])
@pytest.mark.parametrize("wrong", ["{}x", "0{}", "+{}", "{}.", "{}e", "{}-", ".{}", "--{}", "{} ", "{}e999"])
def test_numbers_are_json_s(number: str, wrong: str) -> None:
    cut_records(np, np.frombuffer(f'{{"a":{number}}}'.encode(), np.uint8), [], is_last=True)
    with pytest.raises(NotPlainError, match="a value is no plain text, number or word"):
        cut_records(np, np.frombuffer(f'{{"a":{wrong.format(number)}}}'.encode(), np.uint8), [], is_last=True)


def test_a_block_ends_with_a_whole_record() -> None:
    text = np.frombuffer(b'{"a": 1}\n{"a": 22}\n{"a"', np.uint8)
    records = cut_records(np, text, ["a", "b"], is_last=False)
    assert (len(records), records.n_bytes) == (2, 19)
    assert [array.tolist() for array in records.values["a"]] == [[6, 15], [7, 17], [False, False], [True, True]]
    assert records.values["b"][3].tolist() == [False, False]
    assert cut_records(np, text[:4], ["a"], is_last=False).n_bytes == 0
