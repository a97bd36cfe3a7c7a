"""Packages that only some runs need, brought by extras of mae-bench."""

import importlib.util

from mae_bench.errors import SpecError


def require_package(package: str, what: str, extra: str) -> None:
    """Check that an optional package is installed.

    Args:
        package: as it is imported.
        what: needs it.
        extra: of mae-bench, that brings it.

    Raises:
        SpecError: it is not.
    """
    if importlib.util.find_spec(package) is None:
        raise SpecError(
            f"{what} needs the package {package}, which is not installed; "
            f"install it by `pip install 'mae-bench[{extra}]'`"
        )
