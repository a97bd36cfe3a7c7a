"""A package beside mae-bench; `pip install .` makes its objective known."""
