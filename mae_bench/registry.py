"""A name for each interchangeable part, so that a study holds names and stays plain text."""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from mae_bench.errors import (
    DuplicateNameError,
    MaeBenchError,
    PluginError,
    UnknownNameError,
    near_match,
)
from mae_bench.plugins import Plugin, is_ours, registering_module, version_of

T = TypeVar("T")
MAX_LISTED = 40  # names that a message holds


class Registry(Generic[T]):
    """Maps names to parts of one kind.

    Third parties join through the entry-point group ``mae_bench.<group>``, which is read
    at the first look-up.
    """

    def __init__(self, kind: str, group: str) -> None:
        """Make an empty registry; ``kind`` is the word that error messages use."""
        self.kind = kind
        self.group = f"mae_bench.{group}"
        self._parts: dict[str, T] = {}
        self._modules: dict[str, str] = {}  # that registered each
        self._has_entry_points = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its argument.

        Raises:
            DuplicateNameError: the name is taken; nothing is overwritten.
        """
        module = registering_module()

        def add(part: T) -> T:
            if name in self._parts:
                raise DuplicateNameError(
                    f"{self.kind} '{name}' is registered already; choose another name"
                )
            self._parts[name] = part
            self._modules[name] = module
            return part

        return add

    def get(self, name: str) -> T:
        """Return the part of that name.

        Raises:
            UnknownNameError: with every known name and the nearest one.
        """
        self._load_entry_points()
        if name not in self._parts:
            known = sorted(self._parts)
            raise UnknownNameError(
                f"unknown {self.kind} '{name}'; known: {self._listed(known)}."
                + near_match(name, known),
                name,
            )
        return self._parts[name]

    def _listed(self, known: list[str]) -> str:
        if len(known) <= MAX_LISTED:
            return ", ".join(known)
        verb = f"mae-bench list {self.group.rpartition('.')[2]}"
        return f"the {len(known)} that `{verb}` shows"

    def plugin(self, name: str) -> Plugin | None:
        """Return what brought a part; None for parts of this package and for unknown names."""
        self._load_entry_points()
        module = self._modules.get(name)
        if module is None or is_ours(module):
            return None
        return Plugin(f"{self.kind} '{name}'", module, version_of(self._parts[name], module))

    def names(self) -> list[str]:
        """Return every name, sorted."""
        self._load_entry_points()
        return sorted(self._parts)

    def __iter__(self) -> Iterator[tuple[str, T]]:
        """Yield (name, part), sorted by name."""
        for name in self.names():
            yield name, self._parts[name]

    def __contains__(self, name: object) -> bool:
        """Whether a part of that name is registered."""
        self._load_entry_points()
        return name in self._parts

    def _load_entry_points(self) -> None:
        if self._has_entry_points:
            return
        self._has_entry_points = True  # before: a module may look its own registry up
        for point in entry_points(group=self.group):
            try:
                point.load()  # importing the module runs its decorators
            except MaeBenchError:
                self._has_entry_points = False
                raise
            except Exception as error:
                self._has_entry_points = False
                owner = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
                raise PluginError(
                    f"the {self.kind} '{point.name}'{owner} cannot be loaded from {point.value}: "
                    f"{type(error).__name__}: {error}; mend that package, or uninstall it"
                ) from error
