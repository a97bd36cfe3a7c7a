"""From a study to a plan: cells, stages and their ids, checks, estimates. It runs nothing.

All that can move a number enters an id here, so a change to an id is a change of results.
"""
