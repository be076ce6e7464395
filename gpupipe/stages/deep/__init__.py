"""Stages of networks, a stage a file."""
