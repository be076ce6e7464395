"""Models: scikit-learn's and XGBoost's own estimators as stages, and how good their predictions are."""
