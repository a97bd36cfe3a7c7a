"""Where a study runs: the names a user may give, and what they mean on this machine."""

from mae_bench.errors import SpecError

DEVICES = ("auto", "cpu", "cuda")


def check_workers(workers: int | None) -> None:
    """Raise SpecError unless the number of workers is None or at least 1."""
    if workers is not None and workers < 1:
        raise SpecError(f"--workers must be at least 1, got {workers}")


def check_device(device: str) -> None:
    """Raise SpecError unless the device is auto, cpu or cuda."""
    if device not in DEVICES:
        raise SpecError(f"--device must be one of {', '.join(DEVICES)}; got '{device}'")


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
        raise SpecError("--device cuda was asked for, but torch sees no CUDA GPU; use cpu")
    return "cuda" if has_cuda else "cpu"
