"""Where studies are: files, the packaged ones and the packaged reproductions by name."""

import re
from pathlib import Path

from mae_bench.errors import SpecError, UnknownNameError, near_match
from mae_bench.user_paths import is_folder, is_there


def suites() -> dict[str, Path]:
    """Return the packaged studies by name, as ``quickstart`` or ``papers/NAME``."""
    folder = packaged()
    paths = sorted(folder.rglob("*.yaml"))
    named = {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}
    return {name: path for name, path in named.items() if kind_of(path) == "study"}


def papers() -> dict[str, Path]:
    """Return the packaged reproductions by name, as ``mae_lm/effective_rank``; of either kind."""
    folder = packaged() / "papers"
    paths = sorted(folder.rglob("*.yaml"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}


def reproductions() -> dict[str, Path]:
    """Return what can be reproduced: `papers`, and the packaged findings as ``findings/NAME``."""
    studies = {name: path for name, path in suites().items() if name.startswith("findings/")}
    return papers() | studies


def find_paper(name: str) -> Path:
    """Return the file of a packaged reproduction.

    Raises:
        UnknownNameError: no such name, with every one that is known.
    """
    known = reproductions()
    if name not in known:
        raise UnknownNameError(
            f"no reproduction '{name}'; known: {', '.join(known)}." + near_match(name, known), name
        )
    return known[name]


def kind_of(path: Path) -> str:
    """Return what a packaged file holds: ``study``, or what its first key ``kind`` says."""
    kind_line = re.search(r"^kind: (\w+)$", read_text(path), re.MULTILINE)
    return kind_line[1] if kind_line else "study"


def packaged() -> Path:
    """Return the folder of packaged studies."""
    package = Path(__file__).parents[1]
    folder = package / "_benchmarks"  # where a wheel holds them
    return folder if folder.is_dir() else package.parent / "benchmarks"


def packaged_name(path_or_name: str) -> str:
    """Return the name of a packaged study that is given by its path; anything else as it is."""
    path, folder = Path(path_or_name), packaged().resolve()
    if is_there(path) and not is_folder(path) and path.resolve().is_relative_to(folder):
        return path.resolve().relative_to(folder).with_suffix("").as_posix()
    return path_or_name


def read_text(path: Path) -> str:
    """Return what a file holds.

    Raises:
        SpecError: it cannot be read, or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SpecError(
            f"{path} cannot be read ({error.strerror}); fix its permissions, or move it"
        ) from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}; "
            "convert the file to UTF-8"
        ) from None


def find_study(path_or_name: str | Path) -> Path:
    """Return the file of a study that is named by its path, or packaged.

    Raises:
        SpecError: a folder, or nothing of that name.
    """
    path = Path(path_or_name)
    if is_folder(path):
        raise SpecError(f"{path} is a folder; a study is a YAML file or a packaged name")
    if is_there(path):
        return path
    known = suites()
    name = str(path_or_name).removesuffix(".yaml")
    by_stem = [full for full in known if full.rpartition("/")[2] == name]
    if name in known:
        return known[name]
    if len(by_stem) == 1:
        return known[by_stem[0]]
    raise UnknownNameError(
        f"no study '{path_or_name}': no such file, and no packaged study of that name; "
        f"packaged: {', '.join(known) or 'none'}." + near_match(name, known)
    )
