"""Stages of active learning: rows are scored, chosen, asked about, and learned from."""
