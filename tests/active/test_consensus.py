import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from gpupipe.active.consensus import cohen_kappa, dawid_skene, fleiss_kappa, majority, vote_counts
from gpupipe.core.errors import UsageError

# Table 1 of Dawid and Skene (1979): 45 patients; of each the three assessments of the first anaesthetist, then one of each of four others.
PATIENTS = [
    *(
        "1111111",
        "3334334",
        "1122122",
        "2223121",
        "2223222",
        "2223322",
        "1222111",
        "3333433",
        "2222223",
        "2322223",
        "4444444",
        "2223343",
        "1111111",
        "2223212",
        "1211111",
    ),
    *(
        "1112111",
        "1111111",
        "1111111",
        "2222221",
        "2221322",
        "2222222",
        "2222221",
        "2223222",
        "2212222",
        "1111111",
        "1111111",
        "2322222",
        "1111111",
        "1111111",
        "1121121",
    ),
    *(
        "1111111",
        "3333233",
        "1111111",
        "2222222",
        "2223232",
        "4334343",
        "2212232",
        "2323233",
        "3333432",
        "1111111",
        "1111111",
        "1212111",
        "2322222",
        "1211111",
        "2222222",
    ),
]
# What crowd-kit 1.4.2 makes of them: DawidSkene(n_iter=100, tol=-1), to five decimals; classes, labels and annotators in ascending order.
SHARES = [0.399555, 0.421983, 0.111795, 0.066667]
CONFUSION = [
    [[0.88949, 0.11051, 0, 0], [0.07059, 0.87638, 0.05303, 0], [0, 0.33882, 0.66118, 0], [0, 0, 0.55556, 0.44444]],
    [[0.83421, 0.16579, 0, 0], [0.05271, 0.63295, 0.31435, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    [[1, 0, 0, 0], [0.10638, 0.7883, 0.10532, 0], [0, 0.40367, 0.19878, 0.39755], [0, 0, 0.66667, 0.33333]],
    [[0.94443, 0.05557, 0, 0], [0.05367, 0.84263, 0.1037, 0], [0, 0, 0.80122, 0.19878], [0, 0, 0.33333, 0.66667]],
    [[1, 0, 0, 0], [0.15904, 0.73452, 0.10644, 0], [0, 0.20911, 0.79089, 0], [0, 0, 0.33333, 0.66667]],
]
BEST = "142222132243121111222222112111131224233111212"


def anaesthetists() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    votes = [(at, max(0, place - 2), int(said) - 1) for at, told in enumerate(PATIENTS) for place, said in enumerate(told)]
    example, annotator, label = np.array(votes).T
    return example, annotator, label


def test_the_anaesthetists_of_dawid_and_skene() -> None:
    made = dawid_skene(*anaesthetists(), 45, 5, 4, tolerance=0)
    assert 20 < len(made.log_likelihood) <= 100
    np.testing.assert_allclose(made.shares, SHARES, atol=1e-6)
    np.testing.assert_allclose(made.confusion, CONFUSION, atol=6e-6)
    assert "".join(str(best + 1) for best in made.posterior.argmax(axis=1)) == BEST
    np.testing.assert_allclose(made.shares, [0.40, 0.42, 0.11, 0.07], atol=0.005)  # as the paper prints them
    early = dawid_skene(*anaesthetists(), 45, 5, 4)
    assert len(early.log_likelihood) < 20
    np.testing.assert_allclose(early.posterior, made.posterior, atol=1e-4)


@given(st.integers(0, 2**32 - 1))
def test_the_likelihood_never_falls(seed: int) -> None:
    chance = np.random.default_rng(seed)
    votes = chance.integers(6, size=40), chance.integers(3, size=40), chance.integers(3, size=40)
    made = dawid_skene(*votes, 7, 4, 3, tolerance=0, max_iterations=30)  # an example and an annotator without votes
    assert (np.diff(made.log_likelihood) > -1e-9).all()
    np.testing.assert_allclose(made.posterior.sum(axis=1), 1)
    np.testing.assert_allclose(made.posterior[6], made.shares)
    np.testing.assert_allclose(made.confusion.sum(axis=2), 1)


def test_against_majority_on_annotators_of_known_quality() -> None:
    chance = np.random.default_rng(5)
    true = chance.integers(4, size=600)
    quality = [0.95, 0.9, 0.4, 0.35, 0.3]  # two know it, three mostly guess
    said = np.where(chance.random((5, 600)) < np.array(quality)[:, None], true, chance.integers(4, size=(5, 600)))
    votes = np.tile(np.arange(600), 5), np.repeat(np.arange(5), 600), said.ravel()
    counts = vote_counts(votes[0], votes[2], 600, 4)
    model = dawid_skene(*votes, 600, 5, 4)
    by_majority, by_model = (majority(counts) == true).mean(), (model.posterior.argmax(axis=1) == true).mean()
    assert by_majority < 0.88
    assert by_model > 0.94
    right = [one + (1 - one) / 4 for one in quality]
    np.testing.assert_allclose(model.accuracy, right, atol=0.06)


def test_of_no_votes_there_is_no_model() -> None:
    with pytest.raises(UsageError, match="got none"):
        dawid_skene([], [], [], 3, 2, 2)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_kappas_are_those_of_scikit_learn_and_statsmodels(seed: int, n_classes: int) -> None:
    chance = np.random.default_rng(seed)
    left, right = chance.integers(n_classes, size=(2, 30))
    np.testing.assert_allclose(cohen_kappa(left, right, n_classes), cohen_kappa_score(left, right))
    counts = chance.multinomial(4, np.full(n_classes, 1 / n_classes), size=20)
    np.testing.assert_allclose(fleiss_kappa(counts), statsmodels_fleiss(counts))
    few = np.vstack([counts, np.eye(n_classes, dtype=int)])  # who is alone agrees with nobody
    np.testing.assert_allclose(fleiss_kappa(few), statsmodels_fleiss(counts))


def test_kappas_where_chance_explains_all() -> None:
    assert np.isnan([cohen_kappa([0, 0], [0, 0], 2), cohen_kappa([], [], 2), fleiss_kappa([[2, 0], [2, 0]]), fleiss_kappa([[1, 0]])]).all()
