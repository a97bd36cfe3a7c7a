"""Turns a plan into rows: sessions, worker processes, stages, collection.

What to touch: how stages are scheduled. What a stage computes stands in the rooms below, and no
number may depend on which worker runs it, or when.
"""
