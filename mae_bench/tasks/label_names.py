"""The names of a task's labels, by which, or by whose places, a data set writes them."""

from collections.abc import Sequence

from mae_bench.errors import near_match

_SHOWN = 12  # names that a message lists


class LabelNames:
    """Names in order, found by name or place."""

    def __init__(self, names: Sequence[str]) -> None:
        """Keep the names, each once."""
        self._names = names
        self._places = {name: place for place, name in enumerate(names)}

    def place(self, value: object) -> int | None:
        """Return the place of a label that is a name or a place; None where it is neither.

        True and false are neither: what they mean is for a kind to say.
        """
        if isinstance(value, str):
            return self._places.get(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value if 0 <= value < len(self._names) else None
        return None

    def allowed(self, value: object) -> str:
        """Return the part of a message that says what is allowed in place of a value."""
        more = ", ..." if len(self._names) > _SHOWN else ""
        some = ", ".join(self._names[:_SHOWN]) + more
        return (
            f"allowed are the {len(self._names)} label_names {some}, or their numbers."
            + near_match(str(value), self._names)
        )
