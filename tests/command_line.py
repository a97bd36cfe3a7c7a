"""Ways to run the command line: in this process, or in one that can be stopped and killed.

The heavy imports are paid once: here by the first call, elsewhere by a server that has done them
and forks at each start.
"""

import io
import os
import signal
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

from mae_bench.cli import main

LIMIT_S = 3600  # against a hang alone: a busy machine may take many times as long as an idle one
ELSEWHERE = {"MAE_BENCH_HOME": "/dev/null/unused"}  # no test may touch the home of a user
IMPORTED = [  # what a run needs, and no module that is a part of another package
    "pandas", "pyarrow.parquet", "sklearn.linear_model", "sklearn.feature_extraction.text",
    "torch", "transformers.models.modernbert.modeling_modernbert", "mae_bench.cli",
    "mae_bench.runner.session", "mae_bench.protocols", "mae_bench.pretraining.pretrain",
]  # fmt: skip
FORKS = get_context("forkserver")


def call(*arguments):
    """Run the command line in this process; return its exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with patch.dict(os.environ, ELSEWHERE), redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as ended:
            return ended.code or 0, out.getvalue(), err.getvalue()
    raise AssertionError("the command line returned, and did not exit")


class Process:
    """The command line in a process of its own, which writes to files."""

    def __init__(self, arguments, env):
        """Start it; ``env`` is added to its environment."""
        self.files = list(_empty_files())
        FORKS.set_forkserver_preload(IMPORTED)
        given = ([str(argument) for argument in arguments], {**os.environ, **ELSEWHERE, **env})
        self.process = FORKS.Process(target=_run, args=(*given, *map(str, self.files)))
        self.process.start()

    @property
    def pid(self):
        return self.process.pid

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self.process.kill()

    def is_over(self):
        return not self.process.is_alive()

    def finish(self):
        """Wait for its end; return its exit code, stdout and stderr."""
        self.process.join(LIMIT_S)
        out, err = (path.read_text() for path in self.files)
        if self.process.exitcode is None:
            raise AssertionError(f"no end within {LIMIT_S} s: {out}{err}")
        return self.process.exitcode, out, err


def start(*arguments, **env):
    """Start the command line in a process of its own."""
    return Process(arguments, env)


def _empty_files():
    folder = Path(tempfile.mkdtemp(prefix="mae-bench-output-"))
    for name in ("stdout", "stderr"):
        (folder / name).touch()
        yield folder / name


def _run(arguments, env, out, err):
    """Be the command line, with an environment and files to write to."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of a shell may not hear it
    os.environ.clear()
    os.environ.update(env)
    if env.get("PYTHONPATH"):
        sys.path[:0] = env["PYTHONPATH"].split(os.pathsep)
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    main(arguments)
