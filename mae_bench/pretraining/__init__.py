"""From token rows to a checkpoint: the one loop, its health, and encoders from outside.

It names no objective: what an objective needs, it says itself.
"""
