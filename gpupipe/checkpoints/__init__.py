"""Results kept between runs, under addresses made of all that they were computed from.

``address.py`` says where a step's result belongs, ``store.py`` keeps it there, ``keeper.py`` decides for a run what is taken and kept.
"""
