"""Where a study runs: the names a user may give, and what they mean on this machine."""

from mae_bench.errors import SpecError

DEVICES = ("auto", "cpu", "cuda")
COMPILES = ("auto", "off", "graph", "inductor")


def check_workers(workers: int | None, name: str = "workers") -> None:
    """Raise SpecError unless the number of workers is None or at least 1.

    Args:
        workers: the number.
        name: what the user calls it: an argument, or a flag.
    """
    if workers is not None and workers < 1:
        raise SpecError(f"{name} must be at least 1, got {workers}")


def check_device(device: str, name: str = "device") -> None:
    """Raise SpecError unless the device is auto, cpu or cuda.

    Args:
        device: the device.
        name: what the user calls it: an argument, or a flag.
    """
    if device not in DEVICES:
        raise SpecError(f"{name} must be one of {', '.join(DEVICES)}; got '{device}'")


def check_compile(compile_by: str, name: str = "compile_by") -> None:
    """Raise SpecError unless it names a way to run training steps.

    Args:
        compile_by: the way.
        name: what the user calls it: an argument, or a flag.
    """
    if compile_by not in COMPILES:
        raise SpecError(f"{name} must be one of {', '.join(COMPILES)}; got '{compile_by}'")


SEEDS_ON_A_GPU = 10  # fewer where memory does not suffice for them


def parse_batch_seeds(given: int | str, name: str = "batch_seeds") -> int | str:
    """Return how many seeds are trained as one program: a number, or ``auto``.

    Args:
        given: that, or the text of it.
        name: what the user calls it: an argument, or a flag.

    Raises:
        SpecError: it is neither.
    """
    number = int(given) if str(given).isdecimal() else 0
    if given != "auto" and number < 1:
        raise SpecError(f"{name} must be auto or a number from 1 on; got '{given}'")
    return number or "auto"


def seeds_at_once(batch_seeds: int | str, device: str) -> int:
    """Return the seeds of an arm that are trained as one program: with ``auto`` 1 on a CPU.

    There batched products are not faster than single ones (docs/speed.md).
    """
    if isinstance(batch_seeds, int):
        return batch_seeds
    return SEEDS_ON_A_GPU if device.startswith("cuda") else 1


def num_cards() -> int:
    """Return the CUDA cards that this process may use, as CUDA_VISIBLE_DEVICES says; else 0."""
    import torch

    return torch.cuda.device_count()


def worker_device(device: str, worker: int, num_workers: int, num_cards: int) -> str:
    """Return the device of one worker: several on several cards take them in turn.

    Args:
        device: of the run, ``cpu`` or ``cuda``.
        worker: its number, from 0.
        num_workers: of the run.
        num_cards: that are visible, which CUDA numbers from 0.
    """
    if device != "cuda" or num_workers == 1 or num_cards < 2:
        return device
    return f"cuda:{worker % num_cards}"


def chosen_device(device: str) -> str:
    """Return the device that ``auto`` means here.

    Raises:
        SpecError: the device is unknown, or cuda was asked for and there is no GPU.
    """
    check_device(device)
    if device == "cpu":
        return "cpu"
    import torch

    has_cuda = torch.cuda.is_available()
    if device == "cuda" and not has_cuda:
        raise SpecError("device cuda was asked for, but torch sees no CUDA GPU; use cpu")
    return "cuda" if has_cuda else "cpu"
