"""Checks of tables: what is expected of rows, what columns hold, and how one table differs from another."""
