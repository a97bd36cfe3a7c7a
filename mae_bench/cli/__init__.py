"""The command line: each verb parses its flags, calls the rooms below and prints.

What to touch: flags and wording. What a study holds has no flag of its own, and nothing here may
move a number.
"""

import sys
from collections.abc import Sequence

import typer

from mae_bench.cli import (
    checking,
    claims,
    evaluating,
    exporting,
    reading,
    reporting,
    reproducing,
    running,
    speed,
    tuning,
)
from mae_bench.cli.ranks import join_ranks, serve
from mae_bench.cli.usage import UsageError, usage_sentence
from mae_bench.errors import MaeBenchError

app = typer.Typer(
    name="mae-bench",
    help="Compare pretraining objectives for text encoders, from text to verdict.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(reading.list_parts)
app.command()(reading.plan)
app.command()(speed.calibrate)
app.command()(running.prepare)
app.command()(tuning.tune)
app.command()(running.run)
app.command()(reading.status)
app.command()(reporting.report)
app.command()(claims.claims)
app.command()(running.quickstart)
app.command()(evaluating.evaluate)
app.command()(reproducing.reproduce)
app.command()(exporting.export)
app.command()(checking.check)


@app.callback()
def _root() -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 well, 1 something failed, 2 wrong input, 130 interrupted.

    `claims` exits with 3 where a claim is refuted, and with 4 where none is and one is undecided.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if not given:
            app(["--help"], standalone_mode=False)
            sys.exit(2)
        ranks = join_ranks()
        if ranks is not None and ranks.number:
            sys.exit(serve(ranks))
        code = app(given, standalone_mode=False) or 0
        if ranks is not None and not code:  # else torchrun ends the others
            ranks.end()
        sys.exit(code)
    except UsageError as error:
        sys.stderr.write(f"error: {usage_sentence(error, given)}\n")
        sys.exit(2)
    except MaeBenchError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except BrokenPipeError:  # `mae-bench list tasks | head`
        sys.stderr.close()
        sys.exit(0)
