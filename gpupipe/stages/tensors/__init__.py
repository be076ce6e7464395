"""Stages of tensors, a stage a file."""
