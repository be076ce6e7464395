"""Stages of graphs, a stage a file."""
