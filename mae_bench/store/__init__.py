"""A home on disk: finished results by id, and leases on those being made.

What to touch: with care. It knows no kind of stage; what it writes is whole or absent, and nothing
else writes into a home.
"""
