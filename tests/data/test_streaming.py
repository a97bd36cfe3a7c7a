"""A corpus passes through in chunks: no border cuts a text, and memory does not grow with it."""

import gzip
import json
import os
import re
import resource
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

import mae_bench.data.chunks as chunks
import mae_bench.data.encoding as encoding
import mae_bench.data.spool as spool
from mae_bench.data.blocks import build_blocks, load_blocks
from mae_bench.data.chunks import cut_at_blank_lines, cut_at_line_ends
from mae_bench.data.encoding import batches, encode
from mae_bench.data.files import read_documents
from mae_bench.data.listing import TextFile
from mae_bench.data.rows import RowWriter, cut_rows
from mae_bench.data.spool import Spool
from mae_bench.data.tokenizer import CLS, PAD, SEP, train_tokenizer
from mae_bench.errors import DataError
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec, TokenizerSpec

some_text = st.text("a\n\r ", max_size=20) | st.text("a\n\r \t\u2028\x1c中é\ufeff", max_size=40)


@pytest.fixture(autouse=True)
def kept_sizes(monkeypatch):
    """Let a test set sizes of its own."""
    names = {chunks: ["CHUNK"], spool: ["RUN_BYTES", "READ_BYTES"], encoding: ["MAX_CHARS"]}
    for module, sizes in names.items():
        for name in sizes:
            monkeypatch.setattr(module, name, getattr(module, name))


@given(some_text, st.lists(st.integers(0, 40), max_size=6))
@example("a\n\na", [2])
@example("a\n \n\na\n", [1, 2, 3, 4])
def test_where_chunks_end_cuts_nothing(text, borders):
    borders = sorted(borders)
    parts = [text[a:b] for a, b in zip([0, *borders], [*borders, len(text) + 40], strict=True)]
    assert list(cut_at_blank_lines(iter(parts))) == re.split(r"\n\s*\n", text)
    assert list(cut_at_line_ends(iter(parts))) == text.split("\n")


@settings(max_examples=60, deadline=None)
@given(some_text, st.integers(1, 9), st.booleans())
def test_a_file_read_in_chunks_gives_the_documents_of_the_whole(
    tmp_path_factory, text, size, is_packed
):
    chunks.CHUNK = size  # of bytes: also inside of characters and of line ends
    path = tmp_path_factory.getbasetemp() / "a.txt"
    data = text.encode()
    path.write_bytes(gzip.compress(data) if is_packed else data)
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    file = TextFile(path, ".txt", ".gz" if is_packed else "")
    assert list(read_documents(file)) == re.split(r"\n\s*\n", plain)


@pytest.mark.parametrize("size", [1, 2, 3, 1 << 20])
def test_a_bad_byte_is_named_by_its_place_in_the_file(tmp_path, size):
    chunks.CHUNK = size
    path = tmp_path / "a.txt"
    path.write_bytes("é\n\nzwei\nd".encode() + b"\xff" + b"rei")
    with pytest.raises(DataError, match=r"byte 0xff at offset 10, in line 4"):
        list(read_documents(TextFile(path, ".txt")))
    path.write_bytes("\n\né".encode()[:-1])
    with pytest.raises(DataError, match=r"byte 0xc3 at offset 2, in line 3"):
        list(read_documents(TextFile(path, ".txt")))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("ab", max_size=4), max_size=30), st.integers(1, 2_000))
def test_texts_sorted_in_runs_are_those_sorted_at_once(texts, run_bytes):
    data = [text.encode() for text in texts]
    spool.RUN_BYTES = 1 << 26
    whole = Spool(data, b"key")
    spool.RUN_BYTES = run_bytes
    parted = Spool(data, b"key")
    assert list(parted) == list(whole) == list(parted)
    assert sorted(text for _, text in parted) == sorted(set(texts))
    assert parted.num_read == len(texts)
    assert parted.hashes.tolist() == [value for value, _ in whole]
    assert parted.num_chars.tolist() == [len(text) for _, text in whole]
    other = Spool(data, b"another key")
    assert sorted(other) == sorted(whole)


def test_more_runs_than_a_process_may_have_open_files():
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    spool.RUN_BYTES = 1  # each text a run
    texts = [str(number % 900).encode() for number in range(1_000)]
    os.close(free := os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + 400, most))
    try:
        found = Spool(texts, b"")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    spool.RUN_BYTES = 1 << 26
    assert list(found) == list(Spool(texts, b""))
    assert len(found) == 900 and found.num_read == 1_000


def test_two_readers_of_a_spool_do_not_disturb_each_other():
    texts = [str(number).encode() * 50 for number in range(200)]
    sorted_texts = Spool(texts, b"")
    pairs = list(zip(sorted_texts, sorted_texts, strict=True))
    assert len(pairs) == 200 and all(one == two for one, two in pairs)


def cut_by_hand(ids, body):
    if len(ids) <= body:
        return [[CLS, *ids, SEP] + [PAD] * (body - len(ids))]
    starts = [*range(0, len(ids) - body, body), len(ids) - body]
    return [[CLS, *ids[start : start + body], SEP] for start in starts]


documents = st.lists(st.lists(st.integers(0, 30), max_size=30), max_size=8)


@given(documents, st.integers(4, 12))
def test_rows_cut_together_are_those_cut_by_hand(texts, length):
    flat = np.array([i for ids in texts for i in ids], dtype=np.uint16)
    lengths = np.array([len(ids) for ids in texts], dtype=np.int64)
    is_kept = lengths >= 4
    rows, numbers = cut_rows(flat, lengths, is_kept, length)
    expected = [
        (row, number)
        for number, ids in enumerate(texts)
        if len(ids) >= 4
        for row in cut_by_hand(ids, length - 2)
    ]
    assert list(zip(rows.tolist(), numbers.tolist(), strict=True)) == expected


@settings(max_examples=60, deadline=None)
@given(documents, st.integers(1, 8), st.none() | st.integers(1, 90), st.none() | st.integers(1, 9))
def test_batches_and_limits_give_the_rows_of_one_document_at_a_time(
    tmp_path_factory, texts, together, max_tokens, max_rows
):
    """Documents are taken until one reaches a limit; what follows it is not looked at."""
    path = tmp_path_factory.getbasetemp() / "rows.npy"
    writer = RowWriter(path, 8, 40)
    groups = [texts[i : i + together] for i in range(0, len(texts), together)]
    writer.fill(
        (
            (np.array([i for ids in g for i in ids], np.uint16), np.array([*map(len, g)], np.int64))
            for g in groups
        ),
        max_tokens,
        max_rows,
        silent,
    )
    rows, num_tokens, num_documents, num_dropped = [], 0, 0, 0
    for ids in texts:
        if len(ids) < 4:
            num_dropped += 1
            continue
        num_documents += 1
        for row in cut_by_hand(ids, 6):
            if max_tokens is not None and num_tokens >= max_tokens:
                break
            if len(rows) == max_rows:
                break
            rows.append(row)
            num_tokens += sum(token >= 5 for token in row)
        if (max_tokens is not None and num_tokens >= max_tokens) or len(rows) == max_rows:
            break
    saved = np.load(path, mmap_mode="r")
    assert saved.tolist() == rows
    np.save(path.with_name("plain.npy"), np.array(rows, np.uint16).reshape(-1, 8))
    assert path.read_bytes() == path.with_name("plain.npy").read_bytes()
    counted = writer.num_tokens, writer.num_documents, writer.num_dropped
    assert counted == (num_tokens, num_documents, num_dropped)
    assert writer.counts.tolist() == np.bincount(np.ravel(rows).astype(int), minlength=40).tolist()


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 50))
def test_batches_keep_the_order_and_their_size(sizes, most):
    encoding.MAX_CHARS = most
    texts = [str(number % 10) * size for number, size in enumerate(sizes)]
    parts = list(batches(texts))
    assert [text for part in parts for text in part] == texts
    assert all(part and (len(part) == 1 or sum(map(len, part)) <= most) for part in parts)


def test_threads_change_no_id():
    words = {word: number for number, word in enumerate(["?", *map(str, range(50))])}
    backend = Tokenizer(models.WordLevel(words, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    encoding.MAX_CHARS = 100
    texts = [" ".join(map(str, range(number % 60))) for number in range(300)]
    one, four = (list(encode(texts, backend, np.uint16, threads)) for threads in (1, 4))
    assert len(one) == len(four) > 50
    for (ids, lengths), (same, same_lengths) in zip(one, four, strict=True):
        assert ids.tolist() == same.tolist() and lengths.tolist() == same_lengths.tolist()


def write_corpus(path, count):
    with path.open("w") as file:
        for number in range(count):
            words = " ".join(str((number * 31 + i * i) % 997) for i in range(60))
            file.write(json.dumps({"text": f"{number} {words}"}) + "\n")


def test_memory_does_not_grow_with_the_corpus(tmp_path):
    """Eight times the text, and the same memory but for 16 bytes a document."""
    chunks.CHUNK = spool.READ_BYTES = encoding.MAX_CHARS = 1 << 13
    spool.RUN_BYTES = 1 << 15
    peaks = []
    for count in (1_200, 150, 1_200):  # the first loads what is only loaded when it is used
        path = tmp_path / f"{count}.jsonl"
        write_corpus(path, count)
        spec = CorpusSpec(
            sources=(str(path),), row_length=32, tokenizer=TokenizerSpec(vocab_size=300)
        )
        if not peaks:
            train_tokenizer(spec, tmp_path / "tokenizer", None, silent)
            tracemalloc.start()
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        build_blocks(spec, tmp_path / "tokenizer", tmp_path / str(count), None, silent)
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    text, rows = path.stat().st_size, load_blocks(tmp_path / "1200").rows.nbytes
    assert text + rows > 500_000 and peaks[2] - peaks[1] < (text + rows) / 4, peaks
    left = {p.name for p in (tmp_path / "1200").iterdir()}
    assert left == {"rows.npy", "validation.npy", "meta.json"}
