"""The masked autoencoders: no variant sees what it predicts, and each part does what it says."""

import copy

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_blocks import run_pretraining, write_blocks

import mae_bench.pretraining.pretrain as loop
from mae_bench.costs import StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.model.cross_decoder import CrossDecoder
from mae_bench.model.moving_average import MovingAverage
from mae_bench.model.regularisers import covariance_loss, variance_loss
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.specs import BackboneSpec

SPEC = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=64)
V, B, L = 90, 6, 24
VARIANTS = [
    ("mae", {}),
    ("mae", {"decoder_attention": "cross", "decoder_layers": 2, "decoder_width": 48}),
    ("mae", {"mask_vector": "shared", "output_embedding": "own"}),
    ("mae", {"fill": "random_token"}),
    ("mae", {"fill": "noise"}),
    ("mae", {"reads_masks": True, "decoder_attention": "cross"}),
    ("mae", {"target": "embeddings"}),
    ("mae", {"target": "ema_features", "reads_masks": True}),
    ("mae", {"random_targets": True}),
    ("mae", {"target_sets": 3}),
    ("mae", {"target_sets": 2, "decoder_attention": "cross", "fill": "noise"}),
]
NAMES = [str(number) for number in range(len(VARIANTS))]


def make(name, options, spec=SPEC, seed=0):
    parsed = parse_options(name, options)
    return OBJECTIVES.get(name)(build_backbone(spec, V, seed), spec, parsed, seed=seed)


def blocks(is_padded=False, rows=B):
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(NUM_SPECIAL, V, (rows, L), generator=generator)
    ids[:, 0], ids[:, -1] = CLS_ID, SEP_ID
    if not is_padded:
        return Block(ids)
    for row, length in enumerate([L, L - 1, 12, 7, 6, L][:rows]):
        ids[row, length - 1], ids[row, length:] = SEP_ID, PAD_ID
    return Block(ids, ids == PAD_ID)


def draws(rows=B, epoch=0):
    return Draws(0, epoch, torch.arange(rows))


def other_tokens(ids, where):
    span = V - NUM_SPECIAL
    return torch.where(where, (ids - NUM_SPECIAL + 17) % span + NUM_SPECIAL, ids)


def scattered(view, columns):
    """Return [B, L], True at the real targets of these columns."""
    here = view.target_positions[:, columns]
    is_target = torch.ones_like(here, dtype=bool)
    if view.is_target is not None:
        is_target = view.is_target[:, columns]
    return torch.zeros(B, L, dtype=torch.bool).scatter(1, here, is_target)


def decoded(objective, view):
    """Return what the decoder makes of a view, [B, M, W], target by target."""
    kept, decoded_features = objective.decoder.decode_sets, []
    objective.decoder.decode_sets = lambda *given: (
        decoded_features.append(kept(*given)) or decoded_features[-1]
    )
    with torch.no_grad():
        objective.eval()(view)
    del objective.decoder.decode_sets
    return decoded_features[0]


def set_columns(objective, view):
    count = view.target_positions.shape[1]
    return torch.arange(count).tensor_split(getattr(objective.options, "target_sets", 1))


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=NAMES)
def test_what_is_predicted_moves_neither_the_encoder_nor_its_own_features(name, options, is_padded):
    objective, block = make(name, options), blocks(is_padded)
    view = objective.corrupt(block, draws())
    features = decoded(objective, view)
    for columns in set_columns(objective, view):
        hidden = scattered(view, columns)
        assert hidden.any()
        ids = other_tokens(block.ids, hidden)
        changed = objective.corrupt(Block(ids, block.is_pad), draws())
        assert torch.equal(view.input_ids, changed.input_ids)
        assert torch.equal(view.positions, changed.positions)
        if view.noise is not None:
            assert torch.equal(view.noise, changed.noise)
        assert not torch.equal(view.target_ids[:, columns], changed.target_ids[:, columns])
        moved = decoded(objective, changed)
        if view.is_target is None:
            assert torch.equal(features[:, columns], moved[:, columns])
        else:
            real = view.is_target[:, columns]
            assert torch.equal(features[:, columns][real], moved[:, columns][real])
    # the same check sees it where a token that is kept changes
    first = view.positions if view.kept is None else view.kept
    index = torch.zeros(B, L, dtype=torch.bool).scatter(1, first[:, 1:2], True)
    ids = other_tokens(block.ids, index & (block.ids >= NUM_SPECIAL))
    changed = objective.corrupt(Block(ids, block.is_pad), draws())
    assert not torch.equal(decoded(objective, changed), features)


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("encoder_input", ["removed", "masked"])
def test_the_bottleneck_lets_targets_through_the_sentence_vector_alone(encoder_input, is_padded):
    objective = make("mae_bottleneck", {"encoder_input": encoder_input})
    block = blocks(is_padded)
    view = objective.corrupt(block, draws())
    features = decoded(objective, view)
    targets = scattered(view, slice(None))
    read = torch.zeros_like(targets).scatter(1, view.positions, view.input_ids != MASK_ID)
    read &= block.ids >= NUM_SPECIAL
    assert (targets & read).any(), "the encoder reads some of what the decoder predicts"
    assert (targets & ~read).any()
    unread = other_tokens(block.ids, targets & ~read)
    view_of_unread = objective.corrupt(Block(unread, block.is_pad), draws())
    assert torch.equal(view.input_ids, view_of_unread.input_ids)
    assert torch.equal(features, decoded(objective, view_of_unread))
    changed = objective.corrupt(
        Block(other_tokens(block.ids, targets & read), block.is_pad), draws()
    )
    assert not torch.equal(features, decoded(objective, changed))
    for field in ("input_ids", "positions"):
        part, same = view.parts["decoder"], changed.parts["decoder"]
        assert torch.equal(getattr(part, field), getattr(same, field))
    # with one sentence vector for all, the tokens read by the encoder alone leave no trace
    objective.backbone.forward = lambda ids, *rest: torch.ones(len(ids), ids.shape[1], 32)
    assert torch.equal(decoded(objective, view), decoded(objective, changed))


def test_encoder_and_decoder_hide_apart():
    objective = make("mae_bottleneck", {"mask_ratio": 0.5})
    block = blocks()
    view = objective.corrupt(block, draws())
    hidden = torch.ones(B, L, dtype=bool).scatter(1, view.positions, False)
    both = hidden & scattered(view, slice(None))
    # 11 of 22 each: nested masks would share 11, drawn apart they share 5.5 on average
    assert 3 < both.sum(1).double().mean() < 8


@pytest.mark.parametrize("options", [{}, {"fill": "noise"}, {"fill": "random_token"}])
def test_fills_stand_at_all_removed_positions_and_nowhere_else(options):
    objective, block = make("mae", options), blocks(is_padded=True)
    view = objective.corrupt(block, draws())
    if not options:
        assert view.noise is None and view.kept is None
        return
    removed = scattered(view, slice(None))
    assert torch.equal(view.input_ids[~removed], block.ids[~removed])
    kept = torch.zeros_like(removed).scatter(1, view.kept, True)
    assert not (kept & removed).any() and (kept | removed | block.is_pad).all()
    if options["fill"] == "random_token":
        put = view.input_ids[removed]
        assert put.min() >= NUM_SPECIAL and (put != block.ids[removed]).float().mean() > 0.9
    else:
        seen = []
        objective.backbone.encoder.register_forward_pre_hook(
            lambda module, given, named: seen.append(named["inputs_embeds"]), with_kwargs=True
        )
        decoded(objective, view)
        own = objective.backbone.embedding(block.ids)
        assert torch.equal(seen[0][~removed & ~block.is_pad], own[~removed & ~block.is_pad])
        row, column = 0, 3
        position = view.target_positions[row, column]
        assert torch.equal(seen[0][row, position], 0.02 * view.noise[row, column])


def test_noise_is_standard_normal_and_follows_row_epoch_and_position():
    objective = make("mae", {"fill": "noise"})
    block = blocks(rows=300)
    noise = objective.corrupt(block, draws(300)).noise.double()
    assert noise.isfinite().all() and abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01
    assert abs((noise**4).mean() - 3) < 0.1
    flat = noise.flatten(0, 1)
    correlation = torch.corrcoef(flat[:400])
    assert (correlation - torch.eye(400)).abs().max() < 0.95
    other = objective.corrupt(block, draws(300, epoch=1)).noise
    assert not torch.equal(noise.float(), other)


@pytest.mark.parametrize("num_sets", [2, 3, 7])
@pytest.mark.parametrize("is_padded", [False, True])
def test_target_sets_are_an_even_partition_of_what_is_removed(num_sets, is_padded):
    whole = make("mae", {}).corrupt(blocks(is_padded), draws())
    objective = make("mae", {"target_sets": num_sets})
    view = objective.corrupt(blocks(is_padded), draws())
    columns = set_columns(objective, view)
    sets = [scattered(view, part) for part in columns]
    assert torch.equal(torch.stack(sets).sum(0), scattered(whole, slice(None)).long())
    sizes = torch.stack([one.sum(1) for one in sets])
    assert (sizes.amax(0) - sizes.amin(0)).max() <= 1
    assert torch.equal(view.input_ids, whole.input_ids)
    # a pass reads every token but its own set: what the encoder keeps and the other sets
    calls, real = [], type(objective.decoder).forward
    objective.decoder.forward = lambda *given: (
        calls.append(given) or real(objective.decoder, *given)
    )
    with torch.no_grad():
        output = objective.eval()(view)
    assert len(calls) == num_sets and output.predicted == int(torch.stack(sets).sum())
    for (_, positions, removed, _, _), part in zip(calls, columns, strict=True):
        assert torch.equal(removed, view.target_positions[:, part])
        together = torch.cat([positions, removed], 1).sort(1).values
        assert torch.equal(together, torch.arange(L).expand(B, -1))


def test_cross_attention_is_that_of_a_plain_loop():
    torch.manual_seed(0)
    spec = SPEC.model_copy(update={"hidden_size": 8})
    decoder = CrossDecoder(spec, layers=2, width=12, heads=3).double().eval()
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    hidden = torch.randn(2, 5, 8, dtype=torch.float64)
    positions = torch.tensor([[0, 2, 3, 7, 9], [0, 1, 4, 6, 8]])
    removed = torch.tensor([[1, 5, 8], [2, 3, 9]])
    is_pad = torch.zeros(2, 8, dtype=bool)
    is_pad[1, 3:5] = True
    with torch.no_grad():
        features = decoder(hidden, positions, removed, is_pad, torch.zeros(8))
    weights = {name: value.detach().numpy() for name, value in decoder.named_parameters()}
    for row in range(2):
        readable = [i for i in range(5) if not is_pad[row, i]]
        memory = [hidden[row, i].numpy() for i in readable]
        memory_positions = [int(positions[row, i]) for i in readable]
        for column in range(3):
            wanted = plain_cross(weights, memory, memory_positions, int(removed[row, column]))
            assert np.allclose(features[row, column], wanted, atol=1e-5)


def plain_cross(weights, memory, memory_positions, removed_position, layers=2, heads=3, size=4):
    """One removed position, one vector at a time: angles are those of RoFormer."""

    def affine(name, x):
        return weights[f"{name}.weight"] @ x + weights[f"{name}.bias"]

    def norm(name, x):
        scaled = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def turned(x, position):
        out = x.copy()
        for i in range(size // 2):
            angle = position / 10_000 ** (2 * i / size)
            a, b = x[i], x[i + size // 2]
            out[i] = a * np.cos(angle) - b * np.sin(angle)
            out[i + size // 2] = b * np.cos(angle) + a * np.sin(angle)
        return out

    memory = [norm("memory_norm", affine("project", vector)) for vector in memory]
    x = weights["mask_vector"].copy()
    for layer in (f"layers.{i}" for i in range(layers)):
        query = affine(f"{layer}.query", norm(f"{layer}.query_norm", x))
        read = []
        for head in range(heads):
            mine = slice(head * size, (head + 1) * size)
            q = turned(query[mine], removed_position)
            scores = [
                q @ turned(affine(f"{layer}.key", m)[mine], p) / np.sqrt(size)
                for m, p in zip(memory, memory_positions, strict=True)
            ]
            share = np.exp(scores) / np.exp(scores).sum()
            values = [affine(f"{layer}.value", m)[mine] for m in memory]
            read.append(sum(s * v for s, v in zip(share, values, strict=True)))
        x = x + affine(f"{layer}.out", np.concatenate(read))
        up = affine(f"{layer}.up", norm(f"{layer}.mlp_norm", x))
        erf = torch.erf(torch.from_numpy(up) / np.sqrt(2)).numpy()
        x = x + affine(f"{layer}.down", up * (1 + erf) / 2)
    return norm("final_norm", x)


def test_a_shared_mask_vector_is_the_embedding_of_mask():
    shared, learned = make("mae", {"mask_vector": "shared"}), make("mae", {})
    assert "decoder.mask_vector" not in shared.state_to_save()
    assert "decoder.mask_vector" in learned.state_to_save()
    view = shared.corrupt(blocks(), draws())
    before = decoded(shared, view)
    with torch.no_grad():
        shared.backbone.embedding.weight[MASK_ID] += torch.linspace(-1, 1, 32)
        learned.backbone.embedding.weight[MASK_ID] += torch.linspace(-1, 1, 32)
    assert not torch.equal(decoded(shared, view), before)


def test_the_average_follows_by_hand():
    backbone = build_backbone(SPEC, V, 0)
    average = MovingAverage(backbone, 0.9)
    start = {name: value.clone() for name, value in backbone.state_dict().items()}
    wanted = copy.deepcopy(start)
    for step in range(3):
        with torch.no_grad():
            for parameter in backbone.parameters():
                parameter.add_(step + 1.0)
        average.update(backbone)
        now = backbone.state_dict()
        wanted = {name: 0.9 * wanted[name] + 0.1 * now[name] for name in wanted}
    for name, value in average.state_dict().items():
        assert torch.allclose(value, wanted[name], atol=1e-5), name
        if name in dict(average.named_parameters()):
            assert not torch.equal(value, start[name])
    assert not any(p.requires_grad for p in average.parameters())
    assert not average.train().training


def test_the_average_reads_the_whole_row_and_moves_after_a_step():
    objective = make("mae", {"target": "ema_features", "ema_decay": 0.5})
    view = objective.corrupt(blocks(True), draws())
    assert torch.equal(view.parts["whole"].input_ids, blocks(True).ids)
    with torch.no_grad():
        row = objective.average(view.parts["whole"].input_ids, None, blocks(True).is_pad)
        here = row[torch.arange(B)[:, None], view.target_positions][view.is_target].numpy()
        targets = objective.eval()._wanted(view.target_ids, view).numpy()
    scaled = (here - here.mean(1, keepdims=True)) / np.sqrt(here.var(1, keepdims=True) + 1e-5)
    assert np.allclose(targets, scaled, atol=1e-5)
    before = objective.average.embedding.weight.clone()
    with torch.no_grad():
        objective.backbone.embedding.weight += 1
    objective.after_step()
    assert torch.allclose(objective.average.embedding.weight, before + 0.5)


@torch.no_grad()
def test_the_encoder_cannot_move_the_targets_within_a_step():
    objective = make("mae", {"target": "ema_features"}).eval()
    view = objective.corrupt(blocks(True), draws())
    before = objective._wanted(view.target_ids, view)
    objective.backbone.embedding.weight.normal_(generator=torch.Generator().manual_seed(0))
    assert torch.equal(objective._wanted(view.target_ids, view), before)


def test_a_run_with_an_average_cut_short_ends_as_an_undisturbed_one(tmp_path, monkeypatch):
    write_blocks(tmp_path / "blocks")
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_REPORTS", -1.0)
    options = {"target": "ema_features", "ema_decay": 0.8}
    whole = run_pretraining(tmp_path, "mae", options, name="whole")

    def cut(done, total, note=""):
        if done / total > 0.55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pretraining(tmp_path, "mae", options, name="cut", progress=cut)
    resumed = run_pretraining(tmp_path, "mae", options, name="cut")
    names = []
    for file in ("model.safetensors", "objective.safetensors"):
        first, second = load_file(whole / file), load_file(resumed / file)
        assert all(torch.equal(first[key], second[key]) for key in first)
        names += first
    assert any(name.startswith("average.") for name in names)


def test_variance_and_covariance_are_those_of_numpy():
    vectors = np.random.default_rng(0).normal(size=(20, 6)) * np.linspace(0.2, 2, 6)
    vectors[:, 1] += vectors[:, 0]
    cov = np.cov(vectors.T)
    wanted = np.maximum(0, 1 - np.sqrt(vectors.var(0, ddof=1) + 1e-4)).mean()
    assert float(variance_loss(torch.from_numpy(vectors))) == pytest.approx(wanted, rel=1e-5)
    off = (cov**2).sum() - (np.diag(cov) ** 2).sum()
    assert float(covariance_loss(torch.from_numpy(vectors))) == pytest.approx(off / 6, rel=1e-5)
    assert float(covariance_loss(torch.ones(1, 4))) == 0


def test_terms_against_collapse_count_in_training_alone():
    view = make("mae", {}).corrupt(blocks(), draws())
    plain, held = make("mae", {}), make("mae", {"variance_weight": 2.0, "covariance_weight": 3.0})
    with torch.no_grad():
        pooled = plain.backbone(view.input_ids, view.positions).mean(1)
        extra = 2 * variance_loss(pooled) + 3 * covariance_loss(pooled)
        assert torch.allclose(held.train()(view).loss, plain.train()(view).loss + extra)
        assert torch.equal(held.eval()(view).loss, plain.eval()(view).loss)


def test_random_targets_have_nothing_to_do_with_the_tokens():
    objective = make("mae", {"random_targets": True})
    block = blocks(rows=200)
    view = objective.corrupt(block, draws(200))
    assert (view.labels == view.target_ids).float().mean() < 0.05
    assert len(view.labels.unique()) == V - NUM_SPECIAL
    again = objective.corrupt(block, draws(200, epoch=1))
    assert not torch.equal(view.labels, again.labels)


@pytest.mark.parametrize("name", ["mae", "mae_bottleneck"])
@pytest.mark.parametrize(
    "options", [{}, {"mask_ratio": {"start": 0.6, "end": 0.2}, "masking": {"short_ratio": 0.1}}]
)
def test_controls_are_valid_and_predict_as_much(name, options):
    parsed = parse_options(name, options)
    controls = OBJECTIVES.get(name).controls(parsed)
    labels = {"masks given to the encoder", "random targets", "mlm at its ratio"}
    if name == "mae":
        assert set(controls) == labels
    for objective, given in controls.values():
        control = parse_options(objective, given)
        assert control.masking == parsed.masking
        if objective == "mlm":
            ratio = getattr(parsed, "decoder_mask_ratio", parsed.mask_ratio)
            assert control.mask_ratio == ratio and control.mask_share == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reads_masks": True, "fill": "noise"}, "reads_masks cannot be combined with fill: noise"),
        ({"output_embedding": "own", "target": "embeddings"}, "needs target: tokens, got embed"),
        ({"ema_decay": 0.9}, "ema_decay belongs to target: ema_features, got tokens"),
        ({"random_targets": True, "target": "ema_features"}, "random_targets needs target: tokens"),
        ({"target_sets": 99}, "target_sets 99 is more than the 11 tokens"),
        ({"decoder_width": 40}, "decoder_width 40 must be a multiple of .* head size 16"),
        ({"decoder_heads": 5}, "decoder_heads 5 must divide decoder_width 32"),
        ({"decoder_heads": 32}, "into heads of even size"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(SpecError, match=message):
        OBJECTIVES.get("mae").check(parse_options("mae", options), SPEC, L)


def test_a_mae_that_reads_masks_pays_for_whole_rows():
    shape = StepShape(SPEC, B, L, V)

    def price(**options):
        return OBJECTIVES.get("mae").flops_per_step(parse_options("mae", options), shape)

    plain, masked = price(), price(reads_masks=True)
    assert masked.encoder == shape.encoder() > 1.9 * plain.encoder
    assert (masked.decoder, masked.head) == (plain.decoder, plain.head)
    assert price(target_sets=2).decoder == 2 * plain.decoder
    assert price(decoder_attention="cross").decoder < plain.decoder
    assert price(target="ema_features").teacher == pytest.approx(shape.encoder() / 3)
