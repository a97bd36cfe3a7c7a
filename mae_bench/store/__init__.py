"""A home on disk: finished artefacts by id, and leases on those being made.

It knows no kind of stage. What it writes is whole or absent; nothing else writes into a home.
"""
