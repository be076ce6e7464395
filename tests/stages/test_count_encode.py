from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl

import gpupipe as gp


def test_as_pandas_counts() -> None:
    words = np.random.default_rng(0).choice(["a", "b", "c"], 50)
    for share in (False, True):
        counts = pd.Series(words).value_counts(normalize=share)
        frame = pl.DataFrame({"c": [*words.tolist(), "new"]})
        made = gp.CountEncode("c", share=share).fit_plain(frame[:50]).apply(frame)["c"].to_list()
        assert made == [*(counts[word] for word in words), 0.0]
