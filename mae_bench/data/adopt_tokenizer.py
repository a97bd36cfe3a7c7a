"""An encoder's own tokenizer, with its special tokens moved to the ids that this suite uses."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from mae_bench.data.tokenizer import SPECIAL, save_tokenizer
from mae_bench.errors import SpecError

FILE = "tokenizer.json"
ROLES = ("padding", "unknown tokens", "the start of a row", "the end of a text", "hidden tokens")


def adopt_tokenizer(folder: Path, out: Path) -> None:
    """Write the tokenizer of an encoder's folder as `train_tokenizer` writes a trained one.

    Raises:
        SpecError: there is none, or this suite cannot use it.
    """
    from tokenizers import Tokenizer

    content = renumbered(folder)
    try:
        tokenizer = Tokenizer.from_str(json.dumps(content, ensure_ascii=False))
    except Exception as error:  # the library raises nothing narrower
        raise _unreadable(folder / FILE, error) from error
    tokenizer.add_special_tokens([word for word in SPECIAL if word not in _added(content)])
    expected = _ids(content)
    if tokenizer.get_vocab(with_added_tokens=True) != expected:
        raise SpecError(
            f"the tokenizer in '{folder}' numbers its added tokens in a way that cannot be kept; "
            "train one (corpus.tokenizer.kind), or take another encoder's"
        )
    save_tokenizer(tokenizer, out)


def renumbered(folder: Path) -> dict[str, object]:
    """Return an encoder's tokenizer.json with our special ids, and the others in their old order.

    How text is split stays as it is. Settings of one use of the encoder are removed: the special
    tokens put around a text, the length at which texts are cut, and padding.

    Raises:
        SpecError: no tokenizer.json, a kind in which this suite cannot see where a word starts,
            or a special token is missing.
    """
    content = _read(folder)
    model = content["model"]
    kind = model["type"] = _kind(model)
    splitter = json.dumps(content.get("pre_tokenizer"))
    is_bytes = kind == "BPE" and '"ByteLevel"' in splitter
    is_pieces = kind == "WordPiece" and model.get("continuing_subword_prefix") == "##"
    if not (is_bytes or is_pieces):
        raise SpecError(
            f"the tokenizer in '{folder}' must be a WordPiece that marks the inside of words by "
            f"'##', or a BPE of bytes, got another kind of {kind}; take another encoder's"
        )
    id_of = _ids(content)
    missing = [f"{w} for {role}" for w, role in zip(SPECIAL, ROLES, strict=True) if w not in id_of]
    if is_pieces and model.get("unk_token") != "[UNK]" and not missing:
        missing = ["[UNK] for unknown tokens in its model"]
    if missing:
        raise SpecError(
            f"the tokenizer in '{folder}' must have the tokens {', '.join(SPECIAL)}, it lacks "
            f"{' and '.join(missing)}; take another encoder's"
        )
    # The special tokens go into the model's own vocabulary, first, as in the tokenizers trained
    # here: `tokenizers` numbers added tokens after the model's, and ids 0 to 4 must be special.
    words = sorted(set(model["vocab"]) - set(SPECIAL), key=lambda word: id_of[word])
    model["vocab"] = {word: index for index, word in enumerate((*SPECIAL, *words))}
    later = sorted(_added(content).keys() - model["vocab"].keys(), key=lambda word: id_of[word])
    new_id_of = model["vocab"] | {
        word: len(model["vocab"]) + index for index, word in enumerate(later)
    }
    added = [{**token, "id": new_id_of[token["content"]]} for token in content["added_tokens"]]
    content["added_tokens"] = sorted(added, key=lambda token: int(token["id"]))
    return content | {"post_processor": None, "truncation": None, "padding": None}


@cache
def check_tokenizer(folder: Path) -> None:
    """Raise SpecError where a folder's tokenizer cannot be taken over."""
    renumbered(folder)


@cache
def tokenizer_digest(folder: Path) -> str:
    """Return a digest of a folder's tokenizer.json."""
    return hashlib.sha256((folder / FILE).read_bytes()).hexdigest()[:16]


def num_tokens(folder: Path) -> int:
    """Return the number of tokens of a folder's tokenizer.json.

    Raises:
        SpecError: there is none.
    """
    return len(_ids(_read(folder)))


def vocabulary(folder: Path) -> dict[str, int]:
    """Return the ids of a folder's tokenizer by token.

    Raises:
        SpecError: there is no tokenizer.
    """
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    if (folder / FILE).is_file():  # not through classes that may add tokens of their own
        ids: dict[str, int] = Tokenizer.from_file(str(folder / FILE)).get_vocab()
        return ids
    try:
        ids = AutoTokenizer.from_pretrained(str(folder)).get_vocab()
    except (OSError, ValueError) as error:
        first_line = str(error).partition("\n")[0]
        raise SpecError(f"'{folder}' has no tokenizer beside its encoder: {first_line}") from error
    return ids


def _read(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    if not path.is_file():
        raise SpecError(
            f"'{folder}' holds no {FILE} to take the tokenizer from; name a folder that a fast "
            "tokenizer's save_pretrained wrote, or owner/name@commit on the Hub"
        )
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        words = content["model"].get("vocab")
        tokens = content.setdefault("added_tokens", [])
        ids = [int(token["id"]) for token in tokens if isinstance(token["content"], str)]
        ids += words.values() if isinstance(words, dict) else range(len(words))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from error
    if not all(isinstance(token_id, int) for token_id in ids):
        raise _unreadable(path, TypeError("an id is not a whole number"))
    return content


def _kind(model: dict[str, object]) -> str:
    """Return a model's kind; files of tokenizers' first years, as BERT's own, do not name it."""
    if "type" in model:
        return str(model["type"])
    if "merges" in model:
        return "BPE"
    return "WordPiece" if "max_input_chars_per_word" in model else "model without a name"


def _unreadable(path: Path, error: Exception) -> SpecError:
    first_line = str(error).partition("\n")[0]
    return SpecError(
        f"{path} is not a tokenizer that can be read ({type(error).__name__}: {first_line}); fetch "
        "it again, or take another encoder's"
    )


def _added(content: dict[str, Any]) -> dict[str, int]:
    return {token["content"]: int(token["id"]) for token in content["added_tokens"]}


def _ids(content: dict[str, Any]) -> dict[str, int]:
    """Return all ids by token.

    A list is the vocabulary of a Unigram model, which is refused later; only its length is used.
    """
    words = content["model"]["vocab"]
    if isinstance(words, list):
        words = {str(word[0]): index for index, word in enumerate(words)}
    return {**words, **_added(content)}
