"""The page's own JavaScript, inlined: one script, and the policy that lets nothing else run."""

import base64
import hashlib
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "templates" / "script"
_PARTS = (  # the last one starts the others
    "elements",
    "statistics",
    "outcomes",
    "tables",
    "sorting",
    "saving",
    "hover",
    "charts",
    "compare",
    "wins",
    "costs",
    "start",
)


@cache
def script() -> str:
    """Return the script, in a scope of its own."""
    texts = [(_FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in _PARTS]
    return "\n".join(['"use strict";', "(() => {", *texts, "})();", ""])


@cache
def content_policy() -> str:
    """Return a Content-Security-Policy: this script alone, images in the page, no network."""
    digest = hashlib.sha256(script().encode()).digest()
    allowed = {
        "default-src": "'none'",
        "script-src": f"'sha256-{base64.b64encode(digest).decode()}'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in allowed.items())
