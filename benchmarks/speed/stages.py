"""What leases, files and the log cost: stages that do nothing, over several processes, at one home.

    python benchmarks/speed/stages.py [--stages 1000 10000 100000] [--workers 8] [--profile]

One stage in a hundred stands for a pretraining and the others read one, as evaluations do. Each
writes two small files. Shown: seconds until all are done, stages a second, the share of it that
processes worked (CPU), then what a second run, `status` and the collection of rows would look at.
`--profile` prints where the first process spent its CPU time.
"""

import argparse
import cProfile
import json
import multiprocessing
import os
import pstats
import resource
import sys
import tempfile
import time

from mae_bench.planning.stage import Stage
from mae_bench.runner import stages as stage_kinds
from mae_bench.runner.stages import Job, Settings
from mae_bench.runner.work import ignore_event, work
from mae_bench.store.leases import acquire
from mae_bench.store.store import LOG, Store

READERS = 99  # evaluations of a checkpoint


def trivial(job: Job) -> None:
    """Write what an evaluation writes, without its work."""
    (job.out / "metrics.json").write_text(json.dumps({"results": []}), encoding="utf-8")
    (job.out / "predictions.parquet").write_bytes(b"PAR1" * 64)


def plan(number: int) -> tuple[Stage, ...]:
    """Return so many stages; a checkpoint stands before the evaluations that read it."""
    made = []
    for i in range(number):
        first = i - i % (READERS + 1)
        is_checkpoint = i == first
        kind = "pretrain" if is_checkpoint else "evaluate"
        needs = () if is_checkpoint else (("pretrain", f"{first:016x}"),)
        made.append(Stage(kind, f"{i:016x}", {}, needs, f"{kind} {i}"))
    return tuple(made)


def be_a_worker(number: int, worker: int, home: str, is_profiled: bool, seconds) -> None:
    """Be one of the processes."""
    for kind in ("pretrain", "evaluate"):
        stage_kinds.RUN[kind] = trivial
    stages = plan(number)
    import torch  # noqa: F401  # outside of the seconds

    seconds[worker] = -1.0
    while any(value == 0 for value in seconds):  # until all have started
        time.sleep(0.01)
    started, before = time.perf_counter(), time.process_time()
    profile = cProfile.Profile(time.process_time)  # of CPU: waiting says little
    if is_profiled:
        profile.enable()
    work(stages, Store(home), Settings(), ignore_event, worker)
    if is_profiled:
        profile.disable()
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(24)
    seconds[worker] = time.perf_counter() - started
    seconds[len(seconds) // 2 + worker] = time.process_time() - before


def timed(what: str, function) -> None:
    """Print the seconds of a call."""
    started = time.perf_counter()
    result = function()
    print(f"    {what}: {time.perf_counter() - started:.2f} s ({result:,})", flush=True)


def measure(number: int, num_workers: int, is_profiled: bool) -> None:
    """Run so many stages and print what it took."""
    with tempfile.TemporaryDirectory() as home:
        store = Store(home).open()
        context = multiprocessing.get_context("spawn")
        # the second half: seconds of CPU, filled when a worker ends
        seconds = context.Array("d", 2 * num_workers, lock=False)
        for i in range(num_workers, 2 * num_workers):
            seconds[i] = -1.0
        team = []
        for worker in range(num_workers):
            args = (number, worker, home, is_profiled and worker == 0, seconds)
            team.append(context.Process(target=be_a_worker, args=args))
            team[-1].start()
        for process in team:
            process.join()
        if any(process.exitcode for process in team):
            sys.exit("a worker failed")
        took, cpu = max(seconds[:num_workers]), sum(seconds[num_workers:])
        print(
            f"{number:>8,} stages, {num_workers} processes: {took:.1f} s, {number / took:,.0f} a "
            f"second, {1000 * took * num_workers / number:.1f} ms of a process each, CPU "
            f"{1000 * cpu / number:.1f} ms",
            flush=True,
        )
        stages = plan(number)
        lines = [json.loads(line) for line in (store.home / LOG).read_text().splitlines()]
        done = [(line["kind"], line["id"]) for line in lines if line["what"] == "done"]
        print(
            f"    done twice: {len(done) - len(set(done))}; lines lost: {number - len(set(done))}"
        )
        timed("look whether all are done", lambda: sum(store.is_done(*s.key) for s in stages))
        timed("look for failures", lambda: sum(not store.failure(*s.key) for s in stages))
        timed("read every metrics.json", lambda: sum(
            bool(store.read_json(*s.key, "metrics.json")) for s in stages))  # fmt: skip
        timed("list the artefacts", lambda: sum(
            len(files) for _, _, files in os.walk(store.home / "artefacts")))  # fmt: skip
        timed("take and give back a lease", lambda: _lease(store))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"    largest process: {peak:,.0f} MiB", flush=True)


def _lease(store: Store) -> int:
    lease = acquire(store.home / "leases", "evaluate", "another")
    assert lease is not None
    with lease:
        return 1


def main() -> None:
    """Measure each number of stages."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--stages", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    for number in arguments.stages:
        measure(number, arguments.workers, arguments.profile)


if __name__ == "__main__":
    main()
