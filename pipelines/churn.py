"""Which customers will leave: gaps are filled, texts become numbers, and all of it is fitted as one.

gpupipe run pipelines/churn.py --report out                                   on made-up customers
gpupipe run pipelines/churn.py --report out -p customers=telco_churn.csv.gz   on IBM's sample of a telephone company

What is fitted (medians, categories, means of the target, the model) is fitted to the training rows alone, and comes out as one thing:
`gpupipe.save(result["churn"], "churn")` keeps it, and `gpupipe.load("churn").predict_proba(frame)` scores new rows.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
from sklearn.linear_model import LogisticRegression

import gpupipe as gp

NUMBERS = ["tenure", "MonthlyCharges", "TotalCharges"]
# A few classes each: a column of 0 and 1 for every one of them.
WORDS = ["InternetService", "Contract", "PaperlessBilling", "Partner"]
# What they mean for the target is learned as one number, drawn towards the mean of all where a class is rare.
ENCODED = ["PaymentMethod"]
SCHEMA = {
    "customerID": nw.String,
    "tenure": nw.Int64,
    "MonthlyCharges": nw.Float64,
    "TotalCharges": nw.String,
    **dict.fromkeys([*WORDS, *ENCODED], nw.String),
    "Churn": nw.String,
}


def made_up(n_rows: int, seed: int = 0) -> pa.Table:
    """Return customers of whom those with short contracts and high charges leave more often; some have no charges yet."""
    chance = np.random.default_rng(seed)
    tenure = chance.integers(0, 72, n_rows)
    monthly = chance.uniform(20, 110, n_rows).round(2)
    contract = chance.choice(["Month-to-month", "One year", "Two year"], n_rows)
    leaves = chance.random(n_rows) < 1 / (1 + np.exp(1.5 + tenure / 20 - monthly / 40 - 1.2 * (contract == "Month-to-month")))
    return pa.table(
        {
            "customerID": [f"c{number}" for number in range(n_rows)],
            "tenure": tenure,
            "MonthlyCharges": monthly,
            "TotalCharges": [" " if months == 0 else f"{months * price:.2f}" for months, price in zip(tenure, monthly, strict=True)],
            "InternetService": chance.choice(["DSL", "Fiber optic", "No"], n_rows),
            "Contract": contract,
            "PaperlessBilling": chance.choice(["Yes", "No"], n_rows),
            "Partner": chance.choice(["Yes", "No"], n_rows),
            "PaymentMethod": chance.choice(["Electronic check", "Mailed check", "Bank transfer", "Credit card"], n_rows),
            "Churn": np.where(leaves, "Yes", "No"),
        }
    )


def read(customers: str | None, n_rows: int) -> gp.Table:
    """Return the customers of a file, or made-up ones."""
    if customers is None:
        return gp.FromArrow(made_up(n_rows)).node().named("customers")
    return gp.ReadCsv(customers).node().named("customers")


def pipeline(customers: str | None = None, n_rows: int = 4_000) -> gp.Pipeline:
    """Return the pipeline.

    Parameters
    ----------
    customers
        A CSV file with these columns; made-up customers unless given.
    n_rows
        How many customers to make up.
    """
    table = gp.Select(list(SCHEMA))(read(customers, n_rows))

    # The total is text, since it is blank for customers who have not paid yet: blank becomes missing, and the rest a number.
    total = nw.col("TotalCharges").cast(nw.String).str.strip_chars()
    total = nw.when(total != "").then(total)
    rows = gp.WithColumns(TotalCharges=total.cast(nw.Float64), leaves=(nw.col("Churn") == "Yes").cast(nw.Int64))(table)
    rows = gp.Drop("Churn")(rows)  # what is known of a customer afterwards
    train, test = gp.Split((0.8, 0.2), by="customerID")(rows)

    # Each stage is fitted to what those before it make of `train`; what does not depend on one another is measured in one pass.
    churn = gp.Fit(
        train,
        gp.Impute("TotalCharges", "median"),
        gp.OneHot(WORDS, drop_first=True),
        gp.TargetEncode(ENCODED, target="leaves", fold_by="customerID"),
        gp.Standardize([*NUMBERS, *ENCODED]),
        gp.Drop("customerID"),
        gp.Learn(LogisticRegression(max_iter=1000), target="leaves"),
    )
    scored = churn.predict_proba(test)
    scores = gp.Evaluate(["roc_auc", "log_loss"], target="leaves")(scored)

    # Whom to call first; of the contracts, the first in sorted order, month to month, has no column of its own.
    shown = gp.Select("Contract_One_year", "Contract_Two_year", "leaves", "probability")(scored)
    first = gp.SortRows("probability", descending=True, limit=10)(shown)
    return gp.Pipeline("churn", churn=churn, scores=scores, call_first=first)
