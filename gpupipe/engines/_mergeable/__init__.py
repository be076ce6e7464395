"""Exact fits from parts: scikit-learn's estimators, measured on blocks of rows, merged, and finished as scikit-learn's own."""
