"""The few lengths that batches are padded to where kernels and graphs are kept for each shape."""

_STEPS = ((128, 16), (256, 32), (None, 64))  # up to so many tokens, multiples of


def bucket_of(longest: int) -> int:
    """Return the padded length of a batch whose longest text has so many tokens."""
    step = next(step for end, step in _STEPS if end is None or longest <= end)
    return -(-longest // step) * step


def wants_buckets(device: str) -> bool:
    """Whether a device keeps something for each shape that it meets."""
    return device.startswith("cuda")
