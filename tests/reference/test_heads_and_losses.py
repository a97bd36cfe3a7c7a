"""The vocabulary head and the losses of a teacher against NumPy."""

import numpy as np
import pytest
import torch
from scipy.special import erf, log_softmax

from mae_bench.model.matching import mean_cosine, soft_loss
from mae_bench.model.vocabulary import VocabularyHead

N, W, D, V = 7, 6, 5, 11


def numbers(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


def head_and_logits():
    """Return a head whose every weight is drawn, and its logits one token at a time."""
    head = VocabularyHead(W, D, V, seed=0)
    for index, parameter in enumerate(head.parameters()):
        parameter.data = numbers(*parameter.shape, seed=index)
    hidden, embedding = numbers(N, W, seed=10), numbers(V, D, seed=11)
    state = {name: value.numpy() for name, value in head.state_dict().items()}
    rows = []
    for vector in hidden.numpy():
        dense = state["dense.weight"] @ vector + state["dense.bias"]
        curved = dense * (1 + erf(dense / np.sqrt(2))) / 2
        normed = (curved - curved.mean()) / np.sqrt(curved.var() + 1e-5)
        scaled = normed * state["norm.weight"] + state["norm.bias"]
        rows.append(embedding.numpy() @ scaled + state["bias"])
    return head, hidden, embedding, np.stack(rows)


def test_the_head_is_dense_gelu_norm_tied_embedding_and_bias():
    head, hidden, embedding, wanted = head_and_logits()
    with torch.no_grad():
        np.testing.assert_allclose(head(hidden, embedding), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("chunk", [3, 100])
def test_its_loss_is_the_mean_over_tokens_in_nats(monkeypatch, chunk):
    monkeypatch.setattr("mae_bench.model.vocabulary.CHUNK", chunk)
    head, hidden, embedding, logits = head_and_logits()
    targets = torch.arange(N) % V
    wanted = -log_softmax(logits, axis=1)[np.arange(N), targets].mean()
    with torch.no_grad():
        loss = float(head.loss(hidden, embedding, targets, len(targets)))
        assert loss == pytest.approx(wanted, rel=1e-4)
        accuracy = float(head.accuracy(hidden, embedding, targets))
    assert accuracy == pytest.approx((logits.argmax(1) == targets.numpy()).mean())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 4.0])
def test_soft_targets_are_kl_of_teacher_to_student_times_temperature_squared(temperature):
    student, teacher = numbers(N, V, seed=1), 3 * numbers(N, V, seed=2)
    ours, theirs = (log_softmax(x.numpy() / temperature, axis=1) for x in (student, teacher))
    divergence = (np.exp(theirs) * (theirs - ours)).sum(1).mean()
    loss = float(soft_loss(student, teacher, temperature))
    assert loss == pytest.approx(temperature**2 * divergence, rel=1e-4)


def test_the_cosine_is_a_mean_over_real_tokens():
    student, teacher = numbers(3, 4, D, seed=1), numbers(3, 4, D, seed=2)
    is_pad = torch.arange(4) >= torch.tensor([4, 2, 1])[:, None]
    cosines = [
        float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        for a, b in zip(student[~is_pad].numpy(), teacher[~is_pad].numpy(), strict=True)
    ]
    assert float(mean_cosine(student, teacher, is_pad)) == pytest.approx(np.mean(cosines), rel=1e-4)
    assert float(mean_cosine(student, teacher, None)) != pytest.approx(np.mean(cosines), rel=1e-2)
