"""scikit-learn's scores of clusters, by gpupipe's names of them."""

from __future__ import annotations

from sklearn import metrics

OF_GROUPS = {
    "adjusted_rand": metrics.adjusted_rand_score,
    "adjusted_mutual_info": metrics.adjusted_mutual_info_score,
    "normalized_mutual_info": metrics.normalized_mutual_info_score,
    "homogeneity": metrics.homogeneity_score,
    "completeness": metrics.completeness_score,
    "v_measure": metrics.v_measure_score,
}
OF_FEATURES = {
    "silhouette": metrics.silhouette_score,
    "davies_bouldin": metrics.davies_bouldin_score,
    "calinski_harabasz": metrics.calinski_harabasz_score,
}
