"""Says in a sentence why a command line cannot be read: unknown verbs or flags, missing values."""

from collections.abc import Sequence
from typing import Any

import typer

from mae_bench.errors import near_match

# typer's own base of all such errors, which has no public name
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def usage_sentence(error: Exception, arguments: Sequence[str]) -> str:
    """Return what is wrong and what to do, the nearest known name first.

    Args:
        error: a ``UsageError`` of typer.
        arguments: of the command line, without the program.
    """
    context = getattr(error, "ctx", None)
    command: Any = context.command if context else None
    verbs = list(getattr(command, "commands", ()))
    flag = getattr(error, "option_name", None)
    parameter = getattr(error, "param", None)
    message = str(getattr(error, "message", error))
    if parameter is not None and not message:
        wanted = f": {parameter.help}" if getattr(parameter, "help", "") else ""
        flag = parameter.opts[-1] if parameter.opts[-1].startswith("-") else ""
        needed = f"{flag} {parameter.metavar or ''}".strip() or parameter.opts[-1]
        return f"'{_verb(context)}' needs {needed}{wanted}".rstrip(".")
    if parameter is not None:
        return f"{parameter.opts[-1]} {message}"
    if flag is not None and context is None:  # a known flag, used wrongly
        ending = "takes no value; leave it out" if "does not take" in message else "needs a value"
        return f"{flag} {ending}"
    if flag is not None:
        flags = [name for one in command.params for name in one.opts if name.startswith("-")]
        if verbs:  # before the verb
            return f"unknown flag '{flag}' before the verb; flags stand behind it. {_known(verbs)}"
        near = near_match(flag, flags)
        return f"unknown flag '{flag}' of '{_verb(context)}'.{near} It takes {', '.join(flags)}"
    if verbs:
        verb = next((each for each in arguments if not each.startswith("-")), "")
        return f"unknown verb '{verb}'.{near_match(verb, verbs)} {_known(verbs)}"
    extra = message.rpartition("(")[2].rstrip(")")
    return f"'{_verb(context)}' takes no further argument, got '{extra}'; leave it out"


def _verb(context: typer.Context | None) -> str:
    return str(context.info_name) if context else "mae-bench"


def _known(verbs: Sequence[str]) -> str:
    return f"Verbs: {', '.join(verbs)}"
