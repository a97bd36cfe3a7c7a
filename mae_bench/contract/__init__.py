"""What every objective must keep to, as checks that third parties can run too.

What to touch: a check may be added or made stricter; one that is dropped or loosened lets wrong
objectives in.
"""
