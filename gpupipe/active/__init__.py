"""Active learning: labels asked for where they help; arrays in, arrays out, with no pipeline around.

``LabelStore`` keeps questions and answers; what it implies of each example is its belief. ``scorers`` say how much each row is worth,
``selectors`` choose rows within a budget, ``partial`` has questions about sets of classes, of a ``LabelHierarchy``.
"""
