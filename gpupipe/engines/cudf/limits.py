"""What the ``gpu`` engine cannot do, whose it is, and why; read in the sources of cuDF and cuML 26.10, and not tried on a device."""

from __future__ import annotations

from gpupipe.core.engine import Limit

LIMITS = (
    Limit(
        "NaN beside missing values",
        "upstream",
        "cuDF's isna, fillna, dropna and its reductions of whole columns take NaN of a float column for missing; its group-bys and "
        "comparisons take it for a number. Sources make NaN missing unless told otherwise; where it is kept or computed, turn it into a "
        "number or into missing before asking for either.",
    ),
    Limit(
        "casts to Date, and text to dates, in expressions",
        "upstream",
        "cuDF has no dates, and narwhals asks it for one of Arrow's. Columns that come as dates are held as timestamps in seconds and "
        "leave as dates; declare the date in the source, which parses it.",
    ),
    Limit("times of day, bytes, arrays of fixed size", "upstream", "cuDF has no dtype for them. Cast before, or leave the column out."),
    Limit("fill_nan(None)", "upstream", "narwhals does not offer it on cuDF. Sources do it by nan_as_null, which is on unless turned off."),
    Limit("truncating times by a multiple or to a week, month, quarter or year", "upstream", "narwhals does not offer it on cuDF."),
    Limit(
        "group-by of expressions",
        "upstream",
        "as on engine pandas: narwhals would run one Python call a key. Compute the column with WithColumns before the group-by.",
    ),
    Limit(
        "CSV and JSON on the device",
        "todo",
        "Delimited text is read on the device where all of it is plain: no comments, quotes around whole fields only, numbers of up to 19 "
        "digits, dates and times of fixed width, no time zones, no categories or decimals. Other text, and JSON, is read on the host by "
        "the reader of the other engines, which reports every bad value, and crosses once; where that shows while the device is reading, "
        "the report lists it as a fallback. Convert such files to Parquet for a larger run.",
    ),
    Limit("Parquet in folders named key=value", "todo", "It is read on the host, and crosses once."),
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
        "XGBoost in the pool",
        "upstream",
        "Its wheels are built without RMM, so it takes memory from the driver and not from the pool. Give the pool a limit (pool_bytes) "
        "where both are short.",
    ),
)
