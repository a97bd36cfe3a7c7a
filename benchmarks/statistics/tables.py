def write_tables(*a): raise NotImplementedError
