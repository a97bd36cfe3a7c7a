"""Runs checks one by one, so that one that fails hides none of the others."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from mae_bench.contract.views import ContractError

Case = TypeVar("Case")


def outcomes(checks: Mapping[str, Callable[[Case], None]], case: Case) -> Iterator[tuple[str, str]]:
    """Yield each check with what is wrong, or with nothing."""
    for name, check in checks.items():
        try:
            check(case)
        except ContractError as error:
            yield name, str(error)
        except Exception as error:  # a third party's code may fail in any way
            yield name, f"it raised {type(error).__name__}: {error}"
        else:
            yield name, ""
