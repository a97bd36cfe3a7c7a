"""Plants each bug of `bugs.py` and every `*_bugs.py` beside it in a copy of the project.

The tests must fail for every one.

    python tests/planted/run.py [NAME ...] [-j N]

Before that, the same tests must pass on a copy without any edit. Exit code 1 where a bug is
missed or its edit no longer applies.
"""

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import bugs
from bugs import Bug

ROOT = Path(__file__).parents[2]
COPIED = ("mae_bench", "tests", "benchmarks", "pyproject.toml", "tox.ini")
LIMIT_S = 1200
FAILED, PASSED = 1, 0  # exit codes of pytest; any other means that the tests did not run

# where this process and one that it spawns find the package, on PYTHONPATH alone
WHERE = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
import mae_bench
print(mae_bench.__file__)
with ProcessPoolExecutor(1, get_context("spawn")) as pool:
    print(pool.submit(eval, "__import__('mae_bench').__file__").result())
"""


def joined() -> tuple[Bug, ...]:
    """Return the bugs of `bugs.py`, then those of every `*_bugs.py` beside it, by name."""
    others = sorted(path.stem for path in Path(__file__).parent.glob("*_bugs.py"))
    lists = [bugs.BUGS, *(importlib.import_module(name).BUGS for name in others)]
    return tuple(bug for part in lists for bug in part)


BUGS = joined()


class PlantingError(Exception):
    """An edit does not apply, or the tests would not test the copy."""


def main() -> int:
    """Plant, test, and tell; return the exit code."""
    arguments = _arguments()
    chosen = [bug for bug in BUGS if not arguments.names or bug.name in arguments.names]
    for bug in chosen:
        planted(bug)  # a list that has rotted is told before minutes are spent
    targets = list(dict.fromkeys(target for bug in chosen for target in bug.tests))
    started = time.perf_counter()
    with project_copy() as copy:
        code, output = run_tests(copy, targets)
    if code != PASSED:
        say(output)
        say("the tests fail without any planted bug; fix them first")
        return 1
    say(f"clean     {time.perf_counter() - started:6.1f} s  the tests pass without a bug")
    with ThreadPoolExecutor(arguments.jobs) as pool:
        were_caught = list(pool.map(check, chosen))
    missed = [bug.name for bug, is_caught in zip(chosen, were_caught, strict=True) if not is_caught]
    say(f"{len(chosen) - len(missed)} of {len(chosen)} planted bugs caught")
    if missed:
        say(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


def check(bug: Bug) -> bool:
    """Plant one bug; print and return whether its tests fail."""
    started = time.perf_counter()
    with project_copy() as copy:
        (copy / bug.file).write_text(planted(bug), encoding="utf-8")
        code, output = run_tests(copy, bug.tests)
    seconds = time.perf_counter() - started
    if code not in (PASSED, FAILED):
        raise PlantingError(f"the tests of '{bug.name}' did not run (exit code {code}):\n{output}")
    word = "caught" if code == FAILED else "MISSED"
    say(f"{word:8}  {seconds:6.1f} s  {bug.name}: {bug.what}")
    return code == FAILED


def planted(bug: Bug) -> str:
    """Return the file's text with the bug.

    Raises:
        PlantingError: the old text is not there exactly once, or the new one is no Python.
    """
    text = (ROOT / bug.file).read_text(encoding="utf-8")
    count = text.count(bug.old)
    if count != 1:
        raise PlantingError(
            f"bug '{bug.name}': its old text occurs {count} times in {bug.file}, not once; "
            "bring the list in tests/planted up to date"
        )
    text = text.replace(bug.old, bug.new)
    if bug.file.endswith(".py"):
        compile(text, bug.file, "exec")
    return text


def say(text: str) -> None:
    """Write one line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def project_copy() -> Iterator[Path]:
    """Give a copy of the package and its tests, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy = Path(folder).resolve()
        for name in COPIED:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
                shutil.copytree(ROOT / name, copy / name, ignore=ignored)
            else:
                shutil.copyfile(ROOT / name, copy / name)
        yield copy


def run_tests(copy: Path, targets: Sequence[str]) -> tuple[int, str]:
    """Run the targets inside a copy; return pytest's exit code and its output.

    Raises:
        PlantingError: the copy is not what would be imported, here or in spawned workers.
    """
    env = {
        **os.environ,
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(copy / ".hypothesis"),
    }
    where = subprocess.run(
        [sys.executable, "-P", "-c", WHERE], cwd=copy, env=env, capture_output=True, text=True
    )
    imported_paths = where.stdout.split()
    if len(imported_paths) != 2 or not all(
        Path(path).is_relative_to(copy) for path in imported_paths
    ):
        raise PlantingError(f"the copy is not imported: {imported_paths or where.stderr}")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *targets]
    try:
        done = subprocess.run(
            command, cwd=copy, env=env, capture_output=True, text=True, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return FAILED, f"no end within {LIMIT_S} s"
    return done.returncode, done.stdout + done.stderr


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="bugs; all unless named")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="bugs at a time")
    arguments = parser.parse_args()
    known = [bug.name for bug in BUGS]
    for name in arguments.names:
        if name not in known:
            parser.error(f"unknown bug '{name}'; known: {', '.join(known)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
