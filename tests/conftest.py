"""Settings every test runs under."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # workers of a run in this process read it too
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest
import torch
from hypothesis import HealthCheck, settings
from pytest_socket import disable_socket

torch.set_num_threads(1)
# no test may depend on the clock or on chance: a busy machine must not fail what passed before
settings.register_profile(
    "mae_bench",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("mae_bench")


def pytest_runtest_setup(item):
    disable_socket(allow_unix_socket=True)
    if item.get_closest_marker("data") and not os.environ.get("MAE_BENCH_DATA"):
        pytest.skip("MAE_BENCH_DATA is not set")
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA GPU")
