"""Kinds of nodes beyond tables, a kind a file: its node, what a plan knows of one, and what a run holds of one."""
