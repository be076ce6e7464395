"""The stages: one a file, named after what it does."""
