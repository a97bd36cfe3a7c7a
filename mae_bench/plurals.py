"""A number with its noun, as people say it."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 seed`` or ``6 seeds``; thousands are set apart."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
