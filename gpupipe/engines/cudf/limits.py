"""What the ``gpu`` engine cannot do, whose it is, and why; of cuDF, cuML and XGBoost as in constraints-gpu.txt."""

from __future__ import annotations

from gpupipe.core.limits import Limit

LIMITS = (
    Limit(
        "NaN in comparisons, sorting of whole columns, medians and quantiles",
        "upstream",
        "In comparisons NaN compares false, as on engine pandas; cuDF's median and quantile of a column pass over NaN. Sources make NaN "
        "missing unless told otherwise; where it is kept, test it with is_nan() first.",
    ),
    Limit(
        "text to dates in expressions",
        "upstream",
        "cuDF has no dates; columns that are dates lie there as timestamps in seconds and leave as dates. Declare the date in the source, "
        "which parses it.",
    ),
    Limit(
        "the least and largest of nothing",
        "todo",
        "Of no booleans it is False, and of no durations, decimals or times with a zone the run ends with an error; of numbers, text, "
        "dates and times it is missing. With .over(), a NaN among numbers may win or not, by the order of rows.",
    ),
    Limit("times of day, bytes, arrays of fixed size", "upstream", "cuDF has no dtype for them. Cast before, or leave the column out."),
    Limit("truncating times by a multiple or to a week, month, quarter or year", "upstream", "narwhals does not offer it on cuDF."),
    Limit(
        "CSV on the device",
        "todo",
        "Delimited text is read on the device where all of it, or of the host's plain copy of it, is of plain forms: numbers of up to "
        "19 digits written as in a program, dates and times of fixed width, no time zones, no categories or decimals. Other text, and "
        "all JSON, is read on the host by the reader of the other engines, which reports every bad "
        "value, and crosses once; where that shows while the device is reading, the report lists it as a fallback. Convert such files to "
        "Parquet for a larger run.",
    ),
    Limit(
        "words of texts",
        "todo",
        "Tokenize finds words on the host, by Arrow's regular expressions: texts cross, and the numbers of their words come back. "
        "The ledger counts both.",
    ),
    Limit(
        "XGBoost in less memory than its rows need",
        "todo",
        "Where the device is short, training is done from external memory: features and bins lie on the host, and what crosses "
        "is entered in the ledger; bins once, though each level of a tree brings them back. The host must hold the features in single "
        "precision beside the frame, which is spilled; tree_method='approx' and engine dask-cuda have no such way.",
    ),
    Limit(
        "weights of a logistic regression of three classes or more",
        "upstream",
        "cuML passes over them, and over class_weight; refused, or trained on the host where fallbacks allow it.",
    ),
    Limit(
        "forests in single precision",
        "never",
        "They are trained in the precision in which scikit-learn's trees, as which they are saved, look at features, so that both send a "
        "row the same way. A regression's target is rounded to it as well.",
    ),
    Limit(
        "silhouette of many rows", "never", "Every row's distance to every other is computed, on the device as on the host. Sample first."
    ),
    Limit(
        "what XGBoost copies by itself while it trains",
        "upstream",
        "The driver's records show one copy of 8 bytes for each training row to the device, once a model, and for ten rounds some hundred "
        "kilobytes of trees and statistics each way. They are not in the ledger; --confirm-crossings shows them.",
    ),
    Limit(
        "XGBoost in the pool",
        "upstream",
        "Its wheels are built without RMM, so it takes memory from the driver and not from the pool. Give the pool a limit (pool_bytes) "
        "where both are short.",
    ),
)
