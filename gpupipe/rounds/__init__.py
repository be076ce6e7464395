"""Rounds of a pipeline, again and again, for a simulation: it runs, an oracle answers what it asked, and it runs again."""
