"""Minutes that `mae-bench run` takes for a packaged study at a home, resumed or from the start.

    python benchmarks/speed/whole_study.py first_fight --scale gpu10 --home HOME --device cuda

The home may be prepared before; what is done there already is said beside the minutes. Ends with
the exit code of the run.
"""

import argparse
import json
import subprocess
import sys
import time

from json_results import add_json_flag, write_json


def main() -> None:
    """Run the study and print the minutes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--scale")
    parser.add_argument("--home", required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1)
    add_json_flag(parser)
    asked = parser.parse_args()
    tool = [sys.executable, "-m", "mae_bench"]
    study = [asked.study, *(["--scale", asked.scale] if asked.scale else [])]
    study += ["--home", asked.home]
    before = _stages(tool, study)
    started = time.perf_counter()
    flags = ["--device", asked.device, "--workers", str(asked.workers)]
    code = subprocess.run([*tool, "run", *study, *flags], check=False).returncode
    minutes = (time.perf_counter() - started) / 60
    after = _stages(tool, study)
    print(f"{minutes:.1f} minutes, {before['done']} of {after['stages']} stages were done before")
    numbers = {"minutes": minutes, "exit_code": code, "before": before, "after": after}
    write_json(asked.json, numbers | {"workers": asked.workers, "device": asked.device})
    sys.exit(code)


def _stages(tool: list[str], study: list[str]) -> dict[str, int]:
    """Return the stages of a study and how many of them are done or failed."""
    output = subprocess.run(
        [*tool, "status", *study, "--json"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    counts = json.loads(output)
    return {name: counts[name] for name in ("stages", "done", "failed")}


if __name__ == "__main__":
    main()
