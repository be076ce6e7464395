"""Stages of topics, a stage a file."""
