"""The short forms of ``encoders``: a folder, a Hub id, or a mapping of label and from."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from mae_bench.data.encoders import parse_hub_encoder
from mae_bench.errors import SpecError
from mae_bench.sentences import shown, unknown_key
from mae_bench.user_paths import is_there, user_path

FORMS = "a folder, owner/name@commit, or {label: minilm, from: one of these}"


def encoder_items(raw: object, folder: Path | None, taken: Collection[str]) -> list[dict[str, str]]:
    """Return the label and origin of each encoder of a study.

    Args:
        raw: what the YAML holds.
        folder: where a relative path is looked for, beside the present folder.
        taken: labels of arms and floors.

    Raises:
        SpecError: an item of another form, or a label that another arm has.
    """
    listed = raw if isinstance(raw, list | tuple) else [raw]
    items: list[dict[str, str]] = []
    labels = set(taken)
    for number, item in enumerate(listed):
        made = _item(item, f"encoders[{number}]", folder)
        if made["label"] in labels:
            raise SpecError(
                f"encoders[{number}]: the label '{made['label']}' is that of another arm; give it "
                "another: {label: other, from: ...} in a study, other=ENCODER for `evaluate`",
                made["label"],
                ("encoders", number),
            )
        labels.add(made["label"])
        items.append(made)
    return items


def _item(item: Any, where: str, folder: Path | None) -> dict[str, str]:
    fields = {"from": item} if isinstance(item, str) else item
    if not isinstance(fields, dict) or not isinstance(fields.get("from"), str):
        raise SpecError(f"{where} must be {FORMS}, got {shown(item)}")
    for name in fields:
        if name not in ("from", "label"):
            raise SpecError(f"{where}: {unknown_key(str(name), ['label', 'from'])}")
    origin, label = _origin(fields["from"], folder), fields.get("label")
    if label is not None and not (isinstance(label, str) and label.strip()):
        raise SpecError(f"{where}.label must be a text, got {shown(label)}; put it in quotes")
    return {"label": label or _name(origin), "from": origin}


def _origin(text: str, folder: Path | None) -> str:
    """Return a folder's path; one that is relative may lie beside the study."""
    if not text.strip() or parse_hub_encoder(text):
        return text
    path = user_path(text)
    if not path.is_absolute() and not is_there(path) and folder and is_there(folder / path):
        return str(folder / path)
    return text


def _name(origin: str) -> str:
    hub = parse_hub_encoder(origin)
    return (hub[0] if hub else str(user_path(origin).absolute())).rstrip("/").rpartition("/")[2]
