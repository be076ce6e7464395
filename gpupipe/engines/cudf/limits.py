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
        "cuDF's readers neither report a value that is no number nor a row with too many fields, which sources promise to. Such files are "
        "read on the host by the reader of the other engines, and cross once. Convert them to Parquet for a larger run.",
    ),
    Limit("Parquet in folders named key=value", "todo", "It is read on the host, and crosses once."),
    Limit("external memory for XGBoost", "todo", "Training rows must fit on the device: ExtMemQuantileDMatrix is not used yet."),
    Limit(
        "clusterers' scores among the features",
        "todo",
        "silhouette, davies_bouldin, calinski_harabasz and the scores of clusters against labels are computed on the host, where fallbacks "
        "allow it.",
    ),
    Limit(
        "XGBoost in the pool",
        "upstream",
        "Its wheels are built without RMM, so it takes memory from the driver and not from the pool. Give the pool a limit (pool_bytes) "
        "where both are short.",
    ),
)
