"""The labelling page: one local page on which a person answers the questions of a label store.

The `desk` hands out questions and takes answers, the `server` lets a browser do so, and ``templates/`` holds the page.
"""
