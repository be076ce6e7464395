"""What the ``pandas`` engine cannot do, whose it is, and why."""

from __future__ import annotations

from string import ascii_letters, digits

from gpupipe.core.limits import Limit, Use

COMPARISONS = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__")
CLASSES = tuple(f"\\{letter}" for letter in "wWdDsSbB")
REFERENCES = (*(f"\\{digit}" for digit in digits), *(f"${name}" for name in f"{ascii_letters}{digits}_{{$"))  # to groups, in a replacement

LIMITS = (
    Limit(
        "NaN in comparisons",
        "upstream",
        "pandas follows IEEE 754, where NaN compares false; Polars orders NaN above every number and equal to itself. "
        "Sources make NaN missing unless told otherwise; where it is kept, test it with is_nan() before comparing.",
        "rare",
    ),
    Limit(
        "% on Arrow columns",
        "upstream",
        "pandas has no modulo for Arrow dtypes: write a - a // b * b.",
        "refused",
        uses=(Use(("__mod__", "__rmod__")),),
    ),
    Limit(
        "NaN in min, max and median",
        "upstream",
        "Of a key whose values are all NaN, pandas makes the least or greatest number, and a median that depends on the row order; "
        "Polars makes NaN. Where NaN is kept, drop those rows by is_nan() before the group-by.",
        "rare",
    ),
    Limit(
        "0.0 and -0.0 as keys",
        "upstream",
        "Arrow keeps both apart, so pandas has two keys and Polars one. Add 0.0 to the column first.",
        "rare",
    ),
    Limit(
        "square roots of NaN and of negative numbers",
        "upstream",
        "narwhals makes them missing on pandas; on Polars they are NaN. Tell NaN and negative numbers apart before.",
        "rare",
    ),
    Limit(
        "cum_count().over(..., order_by=...)",
        "upstream",
        "narwhals leaves the order out on pandas. Cumulate a column of ones with cum_sum().",
        "differs",
        uses=(Use(("cum_count",)),),
    ),
    Limit(
        "floats as text",
        "upstream",
        "Arrow writes 1.0 as '1', Polars as '1.0'. Cast to a whole number first, or keep the float.",
        "differs",
        uses=(Use(("cast",), of=("float64", "float32"), to=("string",)),),
    ),
    Limit(
        "large whole numbers beside floats",
        "upstream",
        "Arrow refuses to compute with those that a float does not hold exactly, beyond 2**53 in Float64 and 2**24 in Float32; Polars "
        "rounds them. Cast them to Float64 first. Of Int64 and Float32 it computes in single precision, Polars in double.",
        "differs",
        uses=(
            Use(("__add__", "__sub__", "__mul__", "__truediv__"), of=("integer",), beside=("float32",)),
            Use(("__add__", "__sub__", "__mul__", "__truediv__"), of=("float32",), beside=("integer",)),
        ),
    ),
    Limit(
        "whole numbers that leave their dtype",
        "upstream",
        "Arrow refuses UInt8 250 + 10, and 1 - 2 of what GroupBy counted; Polars goes round to 4 and 4,294,967,295. Cast to Int64 first.",
        "rare",
    ),
    Limit(
        "comparisons and differences across dtypes",
        "upstream",
        "To pandas a Datetime is never equal to a Date, nor a truth value to a number, nor a time in microseconds to a rounded one in "
        "milliseconds; Polars casts first. Cast to one dtype before.",
        "differs",
        uses=(
            Use(COMPARISONS, of=("date",), beside=("datetime",)),
            Use(COMPARISONS, of=("datetime",), beside=("date",)),
            Use(COMPARISONS, of=("boolean",), beside=("integer", "float64", "float32")),
            Use(COMPARISONS, of=("integer", "float64", "float32"), beside=("boolean",)),
        ),
    ),
    Limit(
        "means and medians of dates and times, quantiles of text, times and decimals",
        "upstream",
        "pandas rounds a mean date to a day, and of times the last microsecond otherwise, or refuses. Cast to whole numbers, and back.",
        "differs",
        uses=(
            Use(("mean", "median"), of=("date", "datetime", "zoned", "time", "duration")),
            Use(("quantile",), of=("string", "date", "datetime", "zoned", "time")),
        ),
    ),
    Limit(
        "division by zero with //, and the mean of no columns",
        "upstream",
        "narwhals makes a // 0.0 missing on pandas, where Polars has infinity, and mean_horizontal of missing values NaN, where Polars has "
        "them missing. Divide with / and floor it; count the values first.",
        "rare",
    ),
    Limit(
        "regular expressions and letters",
        "upstream",
        "Arrow has RE2's expressions, where \\w is ASCII and a replacement refers to groups by \\1; Polars has Rust's, with Unicode and "
        "$1; and the upper case of some letters differs (ß). Use literal=True, or plain letters.",
        "differs",
        uses=(
            Use(("str.contains",), where=CLASSES),
            Use(("str.replace", "str.replace_all"), where=(*CLASSES, *REFERENCES)),
        ),
    ),
    Limit(
        "fractions of seconds in dt.to_string",
        "upstream",
        "Arrow knows no %f. Take dt.microsecond().",
        "differs",
        uses=(Use(("dt.to_string",), where=("%f", "%.f", "%3f", "%6f", "%9f")),),
    ),
    Limit(
        "what pandas cannot do with Arrow dtypes",
        "upstream",
        "dt.offset_by of months, sorting and counting lists, arithmetic on truth values, clip, fill_null and is_in of decimals with Python "
        "numbers, cum_sum of decimals, is_unique and skew in over(), over(order_by=) of floats with -0.0, splitting at an empty text, "
        "rolling over inf or NaN: each ends with an error.",
        "refused",
        uses=(
            Use(("dt.offset_by",), where=("mo", "q", "y")),
            Use(("list.sort", "list.len", "list.unique")),
            Use(("clip", "fill_null", "is_in", "cum_sum"), of=("decimal",)),
            Use(("is_unique", "skew"), windowed=True),
        ),
    ),
    Limit(
        "floats as decimals and decimals as floats",
        "upstream",
        "Each library rounds in its own way, so the last digit may differ, and of decimals with more than 15 places all digits after that.",
        "rare",
    ),
    Limit(
        "text as whole numbers and as decimals",
        "upstream",
        "Arrow takes no '+5', reads '0x10' as 16, and refuses more decimal places than are asked for; Polars takes the sign, refuses "
        "hexadecimal digits, and rounds. Mend the text first, or declare the dtype in the source.",
        "rare",
    ),
    Limit(
        "times as text",
        "upstream",
        "Of a zone Arrow writes +0100 and Polars +01:00; of a time of day Arrow writes nine places after the second and Polars none. Take "
        "the zone away with .dt.replace_time_zone(None), and cast a time of day to Int64.",
        "differs",
        uses=(Use(("cast",), of=("zoned", "time"), to=("string",)),),
    ),
    Limit(
        "tables larger than memory",
        "never",
        "pandas holds every table whole. Use engine cpu, which streams.",
        "told",
    ),
)
