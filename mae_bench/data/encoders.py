"""An encoder of the Hub as a teacher: named with its commit, and fetched once."""

import re
import shutil
from pathlib import Path

from mae_bench.errors import DataError

_HUB_ENCODER = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")
_WANTED = ["*.json", "*.safetensors", "*.txt"]


def parse_hub_encoder(name: str) -> tuple[str, str] | None:
    """Return (Hub id, commit) of ``owner/name@commit``, or None where a name is not of that form.

    The commit is required: a result must not change because somebody else pushed.
    """
    found = _HUB_ENCODER.fullmatch(name)
    return (found[1], found[2]) if found else None


def fetch_encoder(hub_id: str, revision: str, out: Path) -> None:
    """Download an encoder's configuration, tokenizer and safetensors weights into ``out``.

    Raises:
        DataError: the Hub cannot be reached, or holds no such commit or no safetensors weights.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    http_error: type[Exception] = HfHubHTTPError.__bases__[0]
    try:
        snapshot_download(hub_id, revision=revision, local_dir=out, allow_patterns=_WANTED)
    except (OSError, ValueError, RuntimeError, http_error) as error:
        first_line = str(error).partition("\n")[0]
        raise DataError(
            f"the encoder '{hub_id}' at {revision[:12]} could not be fetched from the Hub: "
            f"{first_line}; run `mae-bench prepare` with network, or name a local folder"
        ) from error
    shutil.rmtree(out / ".cache", ignore_errors=True)  # the Hub library's own notes
    if not any(out.glob("*.safetensors")):
        raise DataError(
            f"the encoder '{hub_id}' at {revision[:12]} has no safetensors weights; "
            "other formats can run code when they are loaded, choose another encoder"
        )
