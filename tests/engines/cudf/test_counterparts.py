from __future__ import annotations

import pytest
from sklearn.base import clone
from sklearn.cluster import HDBSCAN
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier

from gpupipe.core.errors import UnsupportedError
from gpupipe.engines.cudf.counterparts import COUNTERPARTS, as_forest, counterpart_of, require_heard, witness_of


def test_counterparts_go_by_the_class_and_where_it_is_from() -> None:
    class Ridge2(Ridge):
        """Not scikit-learn's."""

    assert counterpart_of(RandomForestClassifier()) == "cuml.ensemble.randomforestclassifier:RandomForestClassifier"
    assert counterpart_of(HDBSCAN(copy=True)) == COUNTERPARTS["HDBSCAN"]  # which then refuses scikit-learn's, since it stands for hdbscan's
    assert [counterpart_of(one) for one in (Perceptron(), XGBClassifier(), Ridge2())] == [None, None, None]


def test_a_witness_behaves_as_the_estimator_and_notes_what_is_looked_at() -> None:
    estimator = LogisticRegression(C=2.0, solver="saga")
    witness, seen = witness_of(estimator)
    assert isinstance(witness, LogisticRegression)
    assert (witness.C, witness.max_iter) == (2.0, 100)
    assert {"C", "max_iter"} <= seen
    assert "solver" not in seen
    assert type(estimator) is LogisticRegression
    assert clone(estimator).get_params() == estimator.get_params()


def test_parameters_that_nobody_looked_at() -> None:
    require_heard(Ridge(alpha=3.0, random_state=7), {"alpha"}, "theirs")  # a seed where nothing is random does no harm
    require_heard(LogisticRegression(solver="saga"), set(), "theirs")
    with pytest.raises(
        UnsupportedError, match=r"^theirs has no parameter 'positive', which Ridge was given: positive=True\. Leave it out, use"
    ):
        require_heard(Ridge(positive=True), {"alpha"}, "theirs")
    with pytest.raises(UnsupportedError, match="solver='liblinear'"):
        require_heard(LogisticRegression(solver="liblinear"), set(), "theirs")


@pytest.mark.parametrize("tree", [DecisionTreeClassifier, DecisionTreeRegressor])
def test_a_forest_of_one_tree_on_all_rows_is_the_tree(tree: type) -> None:
    rows = [[number % 7, number % 3] for number in range(60)]
    labels = [(one[0] * 2 + one[1]) % 4 for one in rows]
    alone = tree(max_depth=3, random_state=0).fit(rows, labels)
    forest = as_forest(tree(max_depth=3, random_state=0)).fit(rows, labels)
    assert forest.predict(rows).tolist() == alone.predict(rows).tolist()


def test_a_tree_that_splits_at_random_has_no_counterpart() -> None:
    with pytest.raises(UnsupportedError, match=r"DecisionTreeClassifier\(splitter='random'\) has no counterpart in cuML"):
        as_forest(DecisionTreeClassifier(splitter="random"))
    forest = RandomForestClassifier()
    assert as_forest(forest) is forest
