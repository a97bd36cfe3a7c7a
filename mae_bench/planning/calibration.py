"""What `mae-bench calibrate` measured, kept in the home, a file for each machine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from mae_bench.errors import DataError, StoreError
from mae_bench.planning.machine import Machine
from mae_bench.specs.base import Frozen
from mae_bench.store.store import Store

VERSION: Literal[1] = 1
Seconds = Annotated[float, Field(ge=0)]


class Timing(Frozen):
    """How long a stage of one sort takes.

    Attributes:
        group: what it is compared with: ``pretrain``, or a protocol.
        label: of the stage that was timed.
        fixed_s: whatever its budget.
        step_s: of each step of a pretraining; 0 for an evaluation.
        modelled_s: what an estimate by FLOPs alone says of the stage that was timed, or of a step.
        tokens_per_s: of a pretraining's steps, for people.
    """

    group: str
    label: str
    fixed_s: Seconds
    step_s: Seconds = 0.0
    modelled_s: Seconds = 0.0
    tokens_per_s: Seconds = 0.0

    def slower(self, times: float) -> "Timing":
        """Return that of a worker that takes so many times as long."""
        slow = {"fixed_s": times * self.fixed_s, "step_s": times * self.step_s}
        return self.model_copy(update=slow)


class Calibration(Frozen):
    """The timings of one machine.

    Attributes:
        version: of this file.
        machine: its key.
        text: the machine in a phrase.
        measured: when last; timings of other sorts may be older.
        start_s: until a worker has imported all that it needs.
        crowding: times that a worker takes when every core has one.
        timings: by sort.
    """

    version: Literal[1] = VERSION
    machine: str
    text: str
    measured: str
    start_s: Seconds
    crowding: Annotated[float, Field(ge=1)] = 1.0
    timings: Mapping[str, Timing] = Field(default_factory=dict)


def calibration_file(home: Path, machine: Machine) -> Path:
    """Return where the calibration of a machine is kept."""
    return home / "calibration" / f"{machine.key}.json"


def check_room(home: Path, machine: Machine) -> None:
    """Check that nothing is in the way of a machine's calibration.

    Raises:
        StoreError: a folder stands where its file must, or a file where its folder must.
    """
    path = calibration_file(home, machine)
    if path.is_dir():
        raise StoreError(
            f"{path} is a folder, and the calibration of this machine must be a file there; move "
            "the folder away"
        )
    if path.parent.exists() and not path.parent.is_dir():
        raise StoreError(
            f"{path.parent} is a file, and calibrations must be kept in a folder there; move the "
            "file away"
        )


def load_calibration(home: Path, machine: Machine) -> Calibration | None:
    """Return what was measured on a machine; None where nothing was.

    Raises:
        DataError: the file is damaged, or of another version or machine.
    """
    path = calibration_file(home, machine)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        raise _unusable(path, "is a folder", "once it is moved away, ") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, f"cannot be read ({error})") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _unusable(path, "is damaged") from None
    if isinstance(content, dict) and content.get("version", VERSION) != VERSION:
        raise _unusable(path, f"is of version {content['version']!r}, not {VERSION},")
    try:
        known = Calibration.model_validate(content)
    except ValidationError:
        raise _unusable(path, "is damaged") from None
    if known.machine != machine.key:
        raise _unusable(path, f"is of another machine ({known.text})")
    return known


def save_calibration(store: Store, machine: Machine, new: Calibration) -> Path:
    """Keep what was measured, beside earlier timings of other sorts; return the file."""
    try:
        before = load_calibration(store.home, machine)
    except DataError:  # what cannot be read is renewed
        before = None
    timings = {**(before.timings if before else {}), **new.timings}
    whole = new.model_copy(update={"timings": timings})
    path = calibration_file(store.home, machine)
    store.write_text(path, whole.model_dump_json(indent=1))
    return path


def _unusable(path: Path, why: str, first: str = "") -> DataError:
    return DataError(
        f"the calibration {path} {why} and is not used; {first}`mae-bench calibrate STUDY` renews "
        "it"
    )
