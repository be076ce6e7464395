"""Active learning: labels asked for where they help.

``LabelStore`` keeps questions and answers; what it implies of each example is its belief.
"""
