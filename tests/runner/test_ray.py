"""Ray: two nodes on one machine; one dies, a worker is killed twice in one stage."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from command_line import LIMIT_S
from filelock import FileLock, Timeout
from tiny_study import CLOCKS, STUDY, is_still, log

from mae_bench.planning.study import study_of
from mae_bench.planning.yaml_text import read_yaml
from mae_bench.runner.executors import make_executor
from mae_bench.runner.session import Session
from mae_bench.tuning.api import run_study

pytest.importorskip("ray", reason="the extra mae-bench[ray] is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.executors, pytest.mark.usefixtures("socket_enabled")]
STAGES = study_of(read_yaml(STUDY, "tiny"))


@pytest.fixture
def cluster(monkeypatch):
    """Return a cluster of one node with one core; the test's process is its driver."""
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    ray.init(address=made.address, log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def start(pool, home, workers, heard):
    """Start a run in a thread."""
    return pool.submit(
        run_study,
        STAGES,
        home=home,
        device="cpu",
        workers=workers,
        executor=make_executor("ray"),
        emit=heard.append,
    )


def wait(until, running):
    """Return what ``until`` returns, once that is true; fail if the run ends before."""
    for _ in range(LIMIT_S * 50):
        is_over = running.done()
        if result := until():
            return result
        assert not is_over, f"it ended before that: {running.exception() or 'well'}"
        time.sleep(0.02)
    raise AssertionError("a hang")


def holders(home, kind=""):
    """Return the living processes that hold leases, each with the stage that it holds."""
    by_pid = {}
    for path in (home / "leases").glob(f"{kind}*-*.json"):
        try:
            os.utime(path)  # the heartbeat of one that stands still
            pid = json.loads(path.read_text())["pid"]
        except (OSError, ValueError):  # being written, or given back
            continue
        if Path(f"/proc/{pid}").exists():
            by_pid[pid] = path.stem
    return by_pid


def stand_still(home, pid):
    """Stop a process where it holds a lease and not the lock that others wait for; else let go."""
    try:
        os.kill(pid, signal.SIGSTOP)
        while not is_still(pid):
            time.sleep(0.005)
        with FileLock(home / "leases" / ".lock", timeout=0):
            if pid in holders(home):
                return True
    except Timeout:
        pass
    except ProcessLookupError:
        return False
    os.kill(pid, signal.SIGCONT)
    return False


@contextmanager
def released(pid):
    """Let a process go on at the end, also where the test has failed, which would else hang."""
    try:
        yield
    finally:
        kill(pid, signal.SIGCONT)


def kill(pid, number=signal.SIGKILL):
    """Send a signal to a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def is_child(pid, ancestor):
    """Whether a process was started by another, or by one that it started."""
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        pid = int(stat.rpartition(")")[2].split()[1])
    return False


def node_of(nodes, pid):
    """Return the node whose worker a process is."""
    for node in nodes:
        if is_child(pid, node.all_processes["raylet"][0].process.pid):
            return node
    return None


def catch(home, nodes, running, wanted=None):
    """Return a process of a node that stands still while it holds a lease."""

    def caught():
        for pid in holders(home):
            node = node_of(nodes, pid)
            if node is not None and (wanted is None or node is wanted) and stand_still(home, pid):
                return pid, node
        return None

    return wait(caught, running)


def done(home):
    return [(line["kind"], line["id"]) for line in log(home) if line["what"] == "done"]


def test_a_node_that_dies_loses_no_stage_and_no_number(cluster, tmp_path):
    home, heard = tmp_path / "ray", []
    second = cluster.add_node(num_cpus=1)
    nodes = [cluster.head_node, second]
    with ThreadPoolExecutor(1) as pool:
        running = start(pool, home, 2, heard)
        # whichever works first stands still, so that the other cannot come too late
        pid, node = catch(home, nodes, running)
        with released(pid):
            other = pid if node is second else catch(home, nodes, running, wanted=second)[0]
            with released(other):
                held = holders(home)[other]
                cluster.remove_node(second, allow_graceful=False)
                kill(other)  # a machine takes its workers with it
        theirs = running.result(LIMIT_S)
    ours = run_study(STAGES, home=tmp_path / "local", device="cpu")
    assert ours["failure"].isna().all()
    assert theirs.drop(columns=CLOCKS).equals(ours.drop(columns=CLOCKS))
    plan = Session(STAGES, home=home, device="cpu").plan
    assert sorted(done(home)) == sorted(stage.key for stage in plan.stages), "each once"
    assert tuple(held.split("-", 1)) in done(home), "what it held was taken over"
    assert {event.key for event in heard if event.what == "done"} == set(done(home))


def test_a_stage_in_which_two_workers_die_is_blamed_and_the_others_go_on(cluster, tmp_path):
    with ThreadPoolExecutor(1) as pool:
        running = start(pool, tmp_path, 1, [])
        killed = set()
        while len(killed) < 2:
            held = wait(partial(holders, tmp_path, "pretrain"), running)
            for pid in held.keys() - killed:
                if stand_still(tmp_path, pid) and holders(tmp_path)[pid].startswith("pretrain"):
                    kill(pid)
                    killed.add(pid)
                else:
                    kill(pid, signal.SIGCONT)
        rows = running.result(LIMIT_S)
    lost = rows[rows["failure"].notna()]
    assert 0 < len(lost) < len(rows) / 2
    assert lost["failure"].str.contains("its worker died 2 times; Ray says").all()
    assert len(done(tmp_path)) == len(set(done(tmp_path)))


def test_an_address_where_no_cluster_is_is_one_sentence(tmp_path):
    from mae_bench.errors import SpecError

    with pytest.raises(SpecError, match=r"^no Ray cluster answers at '127.0.0.1:1' \(.*--ray-addr"):
        run_study(
            STAGES,
            home=tmp_path,
            workers=1,
            executor=make_executor("ray", {"address": "127.0.0.1:1"}),
        )
