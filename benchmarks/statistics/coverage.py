def coverage(*a): raise NotImplementedError
