"""One concept a file: a file of the package that grows past the limit holds more than one."""

from pathlib import Path

import mae_bench

MAX_LINES = 300


def test_no_file_is_long():
    root = Path(mae_bench.__file__).parent
    lengths = {
        str(path.relative_to(root)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sorted(root.rglob("*.py"))
    }
    assert lengths
    assert not {name: length for name, length in lengths.items() if length > MAX_LINES}
