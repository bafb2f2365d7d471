"""Simulations behind statements of the README: each prints a table, by the command that is beside it."""
