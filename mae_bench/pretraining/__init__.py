"""Turns rows of tokens into a checkpoint: the one training loop, and how healthy it was.

What to touch: little. It names no objective: `Objective.requires` returns what one needs. A change
that moves numbers raises the version of pretrainings.
"""
