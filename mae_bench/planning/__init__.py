"""Turns a study into a plan: cells, stages and their ids, checks, estimates; it runs nothing.

What to touch: checks, warnings and estimates. All that can move a number enters an id here, so a
change to an id makes every home compute its results again.
"""
