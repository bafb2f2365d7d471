"""Writes man pages and the README's tables from the declarations.

``python -m losscli.docs`` writes them, ``--check`` fails when one is stale.
No dates and no machine-dependent text, so that a second run changes nothing.
"""
