"""Sinks: where rows go, one a file."""
