"""Topics of documents by moments: counts of words in, topics out, without any pipeline.

``TensorLDA`` is the estimator; what it is made of can be used alone, to measure parts of a corpus in many places and merge. SciPy's sparse
matrices are computed with NumPy, CuPy's with CuPy. ``count_words`` and ``vocabulary`` make counts of texts.
"""

from gpupipe.kernels.tokens import TokenRules, count_documents, count_words, merge_documents, number_words, vocabulary
from gpupipe.topics.coherence import WordPairs, coherence
from gpupipe.topics.counts import sparse_counts
from gpupipe.topics.documents import DocumentSums, document_topics, measure_documents
from gpupipe.topics.moments import TopicMoments, TopicSketch, find_basis, start_basis
from gpupipe.topics.online import OnlineTopics
from gpupipe.topics.perplexity import completion_perplexity, split_tokens
from gpupipe.topics.power import PowerResult, power_method
from gpupipe.topics.recover import FoundTopics, found_topics
from gpupipe.topics.tensor_lda import TensorLDA, TopicWarning
from gpupipe.topics.top_words import top_words, topic_words

__all__ = [
    "DocumentSums",
    "FoundTopics",
    "OnlineTopics",
    "PowerResult",
    "TensorLDA",
    "TokenRules",
    "TopicMoments",
    "TopicSketch",
    "TopicWarning",
    "WordPairs",
    "coherence",
    "completion_perplexity",
    "count_documents",
    "count_words",
    "document_topics",
    "find_basis",
    "found_topics",
    "measure_documents",
    "merge_documents",
    "number_words",
    "power_method",
    "sparse_counts",
    "split_tokens",
    "start_basis",
    "top_words",
    "topic_words",
    "vocabulary",
]
