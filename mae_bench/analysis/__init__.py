"""Turns rows into verdicts, tables, figures and a page; it never imports torch.

What to touch: a figure or a table can be added freely. A change to a test, an interval or a
verdict changes what published reports say: PROTOCOL.md and `benchmarks/statistics` go with it.
"""
