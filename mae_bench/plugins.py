"""Parts of other packages: the version that enters ids, and a hash of their source.

A part's version is its attribute ``version``, else that of the distribution that brought it. The
source is recorded beside what was computed with it, and not in the id: a comment moves no number.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

OURS = "mae_bench"
GROUPS = (
    "backbones",
    "objectives",
    "maskings",
    "tasks",
    "kinds",
    "protocols",
    "noises",
    "corpora",
    "metrics",
)


@dataclass(frozen=True)
class Plugin:
    """A part that another package brings.

    Attributes:
        what: kind and name, as ``objective 'halves'``.
        module: that registered it.
        version: of the part, else of its distribution.
    """

    what: str
    module: str
    version: str


def is_ours(module: str) -> bool:
    """Whether a module belongs to this package."""
    return module == OURS or module.startswith(f"{OURS}.")


def registering_module() -> str:
    """Return the module whose code, at its top level or in a function, calls a registration.

    Functions of this package on the way, such as `add_task`, are not it.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if not is_ours(name) or frame.f_code.co_name == "<module>":
            return name
        frame = frame.f_back
    return OURS


def version_of(part: object, module: str) -> str:
    """Return the version of a part of another package, in words where there is none."""
    own = getattr(part, "version", None)
    if own is not None:
        return str(own)
    top = module.partition(".")[0]
    for point in _points():
        if point.module.partition(".")[0] == top and point.dist is not None:
            return f"{point.dist.name} {point.dist.version}"
    return "without a version"


@cache
def source_digest(module: str) -> str:
    """Return a hash of the source of the package, or single file, that a module belongs to."""
    total = hashlib.blake2b(digest_size=8)
    for path in source_files(module):
        total.update(f"{path.name} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def source_files(module: str) -> list[Path]:
    """Return the Python files of the package, or the single file, that a module belongs to."""
    top = module.partition(".")[0]
    loaded = sys.modules.get(top)
    folders: Iterable[str] = getattr(loaded, "__path__", None) or ()
    file = getattr(loaded, "__file__", None)
    if loaded is None:
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            spec = None
        if spec is not None:
            folders, file = spec.submodule_search_locations or (), spec.origin
    paths = [path for folder in folders for path in Path(folder).rglob("*.py")]
    if not paths and file:
        paths = [Path(file)]
    return sorted(path for path in paths if path.is_file())


def plugin_files() -> list[Path]:
    """Return the Python files of every package that brings parts through entry points."""
    tops = sorted({point.module.partition(".")[0] for point in _points()})
    return [path for top in tops for path in source_files(top)]


@cache
def _points() -> list[EntryPoint]:
    return [point for group in GROUPS for point in entry_points(group=f"{OURS}.{group}")]
