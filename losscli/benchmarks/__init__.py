"""How fast losscli is beside other tools: ``python -m losscli.benchmarks``.

A script, not a test: whole processes are run in turn, so that a machine whose
speed drifts favours nobody, and what is printed are medians and ratios.
"""
