"""Turns rows of tokens into a checkpoint: the one training loop, and how healthy it was.

What to touch: with care. It names no objective: what an objective needs, it says itself. A change
that moves numbers raises the version of pretrainings.
"""
