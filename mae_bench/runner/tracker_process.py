"""The process of a tracker: `python -m mae_bench.runner.tracker_process NAME STUDY FOLDER`.

Reads a line of JSON for each pretraining that ended (``run``, ``id``, ``folder``) and makes a run
of the tracker from its curve. On stdout stands nothing but the reason where it fails.
"""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accelerate.tracking import GeneralTracker


def main() -> int:
    """Track what stdin names; return the exit code."""
    name, study, folder = sys.argv[1:]
    answer = os.dup(1)
    os.dup2(2, 1)  # what trackers print goes with their errors
    try:
        for line in sys.stdin:
            entry = json.loads(line)
            send(name, study, Path(folder), entry["run"], entry["id"], Path(entry["folder"]))
    except Exception as error:  # whatever a tracker raises is one sentence of the run
        import traceback

        traceback.print_exc()
        reason = str(error).strip().partition("\n")[0]
        os.write(answer, f"{type(error).__name__}: {reason}\n".encode())
        return 1
    return 0


def send(name: str, study: str, folder: Path, run: str, id_: str, artefact: Path) -> None:
    """Make one run of a tracker from a finished pretraining."""
    spec = json.loads((artefact / "spec.json").read_bytes())
    curve = json.loads((artefact / "curve.json").read_bytes())
    tracker = open_tracker(name, study, folder, f"{run} {id_[:8]}")
    tracker.start()
    tracker.store_init_configuration(
        {
            "objective": spec["objective"],
            "options": json.dumps(spec["options"], sort_keys=True),
            "seed": spec["seed"],
            "id": id_,
        }
    )
    values = {key: column for key, column in curve.items() if key != "step"}
    for position, step in enumerate(curve.get("step", ())):
        tracker.log({key: column[position] for key, column in values.items()}, step=int(step))
    tracker.finish()


def open_tracker(name: str, study: str, folder: Path, run: str) -> "GeneralTracker":
    """Return accelerate's tracker for one run of a study."""
    from accelerate import tracking

    if name == "tensorboard":
        return tracking.TensorBoardTracker(run.replace(os.sep, "_"), folder / name)
    if name == "wandb":
        return tracking.WandBTracker(study, name=run)
    if name == "trackio":
        return tracking.TrackioTracker(study, name=run)
    return tracking.MLflowTracker(experiment_name=study, run_name=run)


if __name__ == "__main__":
    sys.exit(main())
