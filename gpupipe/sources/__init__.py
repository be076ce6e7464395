"""Sources: where rows come from, one a file."""
