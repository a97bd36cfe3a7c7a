"""Turns a pretraining into a folder for the Hub, with a model card written from its rows.

What to touch: what the folder holds and how the card is worded. Nothing here trains, scores, or
sends anything anywhere.
"""
