"""Lets ``python -m mae_bench`` stand for ``mae-bench``."""

from mae_bench.cli import main

if __name__ == "__main__":
    main()
