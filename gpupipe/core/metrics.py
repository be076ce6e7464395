"""The names of metrics, by what each is computed of; `Evaluate`, engines and kernels have them from here."""

from __future__ import annotations

OF_PROBABILITY = ("roc_auc", "average_precision", "log_loss", "brier")
OF_CLASSES = ("roc_auc", "log_loss")  # that are also of the probabilities of several classes
OF_LABELS = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "matthews")
OF_NUMBERS = ("mse", "rmse", "mae", "median_ae", "r2", "mape", "explained_variance")
OF_CLUSTERS = ("adjusted_rand", "adjusted_mutual_info", "normalized_mutual_info", "homogeneity", "completeness", "v_measure")
OF_FEATURES = ("silhouette", "davies_bouldin", "calinski_harabasz")
METRICS = (*OF_PROBABILITY, *OF_LABELS, *OF_NUMBERS, *OF_CLUSTERS, *OF_FEATURES)
SMALLER_IS_BETTER = ("log_loss", "brier", "mse", "rmse", "mae", "median_ae", "mape", "davies_bouldin")
