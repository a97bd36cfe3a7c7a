"""The shared encoder, and what objectives and protocols put on top of it.

What to touch: a module can be added freely. A change to one that exists moves the numbers of
all that use it: raise the version of pretrainings.
"""
