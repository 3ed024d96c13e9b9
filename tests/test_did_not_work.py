"""The networks of the claims N1 to N5: what holds for any of their configurations."""
import numpy as np
import pytest
import torch

from promoter_nb.data.dataset import Dataset
from promoter_nb.models.enformer import AttentionPool
from promoter_nb.models.registry import build, load, save
from promoter_nb.models.self_supervised import base_accuracy
from promoter_nb.data.sequence import encode, one_hot
from promoter_nb.training.fit import Recipe, fit_network, predict

SMALL = {
    "min_gpt": {"channels": 12, "blocks": 2, "context": 40},
    "enformer": {"channels": (8, 12), "blocks": 1},
    "attentive_chrome": {"hidden": 4},
    "xpresso": {"length": 40, "channels": (8, 4)},
    "autoencoder": {"length": 40, "hidden": 32, "code": 8},
    "sparse_autoencoder": {"length": 40, "units": 32},
}
SELF_SUPERVISED = ("min_gpt", "autoencoder", "sparse_autoencoder")


def random_codes(n, width=40, seed=0): return np.random.default_rng(seed).integers(0, 4, (n, width), dtype=np.uint8)
def random_bases(n, width=40, seed=0): return one_hot(torch.from_numpy(random_codes(n, width, seed)))


def count_gc(n, seed):
    codes = random_codes(n, seed=seed)
    return Dataset(codes, ((codes == 1) | (codes == 2)).sum(1).astype(np.float32)/2, "gc", "", np.arange(n), {})


@pytest.mark.parametrize("name", SMALL)
def test_trains_stops_and_loads_as_any_network(name, tmp_path):
    recipe = Recipe(epochs=2, batch_size=64, sgd_epochs=1, averaging_epochs=2)
    train, validation = count_gc(512, 0), count_gc(128, 1)
    model, history = fit_network(build(name, width=40, **SMALL[name]), train, validation, recipe, tmp_path/"run",
                                 accelerator="cpu", progress=False)
    assert np.isfinite(history.training_loss).all() and len(history) == 5
    expected = predict(model, validation.codes, accelerator="cpu")
    assert expected.shape == (128,) and expected.dtype == np.float32
    np.testing.assert_array_equal(predict(load(tmp_path/"run/weights.safetensors"), validation.codes,
                                          accelerator="cpu"), expected)
    again, _ = fit_network(build(name, width=40, **SMALL[name]), train, validation, recipe, tmp_path/"again",
                           accelerator="cpu", progress=False)
    np.testing.assert_array_equal(predict(again, validation.codes, accelerator="cpu"), expected)


@pytest.mark.parametrize("name", SMALL)
def test_a_prediction_does_not_depend_on_the_rest_of_its_batch(name):
    model, codes = build(name, width=40, **SMALL[name]), random_codes(50)
    apart = np.concatenate([predict(model, part, accelerator="cpu") for part in np.split(codes, [1, 8, 31])])
    np.testing.assert_allclose(apart, predict(model, codes, accelerator="cpu"), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_embedding_is_one_row_of_numbers_a_sequence(name):
    embedding = build(name, width=40, **SMALL[name]).embed(random_bases(5))
    assert embedding.ndim == 2 and len(embedding) == 5


# A language model sees the past only.

@pytest.mark.parametrize("position", [0, 1, 20, 39])
def test_states_and_readings_before_a_changed_base_stay(position):
    model = build("min_gpt", width=40, learn="sequences", **SMALL["min_gpt"]).eval()
    before = random_bases(8)
    after = before.clone()
    after[:, :, position] = before[:, :, position].roll(1, 1)
    states, changed = (model.body(bases.unsqueeze(2)) for bases in (before, after))
    assert torch.equal(states[..., :position], changed[..., :position])
    assert not torch.equal(states[..., position], changed[..., position])
    # The reading of a base comes from the states before it.
    assert torch.equal(model.read(before)[..., :position + 1], model.read(after)[..., :position + 1])


def test_nothing_is_said_of_the_first_base():
    assert (build("min_gpt", width=40, learn="sequences", **SMALL["min_gpt"]).read(random_bases(3))[..., 0] == 0).all()


def test_places_are_counted_from_the_right():
    "Whatever the context, a sequence gets its last places, as it is aligned at the right."
    model = build("min_gpt", width=40, context=60)
    torch.testing.assert_close(model.body.embedding(torch.zeros(1, 4, 1, 40)),
                               model.body.embedding(torch.zeros(1, 4, 1, 60))[..., 20:])


# Classes, and the way back to a number.

def test_min_gpt_predicts_the_expected_class():
    model = build("min_gpt", width=40, **SMALL["min_gpt"])
    torch.nn.init.zeros_(model.head.line.weight)
    model.head.line.bias.data = torch.full((19,), -100.)
    model.head.line.bias.data[[10, 13]] = torch.tensor([3., 1.]).log()
    torch.testing.assert_close(model(random_bases(2)), torch.full((2,), 10.75))


def test_min_gpt_starts_at_the_mean_label():
    labels = torch.tensor([9., 11., 13.]).repeat(10_000)
    for classes in (19, 0):
        model = build("min_gpt", width=40, classes=classes, **SMALL["min_gpt"])
        torch.nn.init.zeros_(model.head.line.weight)
        model.start_at(labels)
        torch.testing.assert_close(model(random_bases(2)), torch.full((2,), 11.), atol=0.02, rtol=0)


# Padding.

@pytest.mark.parametrize("name, options", [("xpresso", {"length": 300, "pools": (30, 10)}),
                                           ("attentive_chrome", {"length": 300, "bin": 100}),
                                           ("autoencoder", {"length": 300}), ("sparse_autoencoder", {"length": 300})])
def test_padding_by_hand_or_by_the_network_is_the_same(name, options):
    model, codes = build(name, **options).eval(), random_codes(4, 80)
    by_hand = np.pad(codes, ((0, 0), (220, 0)), constant_values=4)
    torch.testing.assert_close(model(one_hot(torch.from_numpy(codes))), model(one_hot(torch.from_numpy(by_hand))))


def test_a_maximum_over_thirty_bases_hides_where_a_motif_is():
    "A first convolution that looks for one base, then the original's pooling: places within a window are alike."
    model = build("xpresso", length=300, pools=(30, 10))
    first = model.body[:5]
    a, b = (one_hot(torch.from_numpy(encode([text], 80))) for text in ("A" + 14*"N", "A" + 20*"N"))
    torch.testing.assert_close(first(a.unsqueeze(2)), first(b.unsqueeze(2)))


def test_attention_pooling_lies_between_mean_and_maximum():
    features = torch.rand(3, 1, 1, 20)
    pooled, pairs = AttentionPool(1)(features), features.unflatten(-1, (-1, 2))
    assert ((pooled >= pairs.mean(-1)) & (pooled <= pairs.amax(-1))).all()


# Learning from sequences.

@pytest.mark.parametrize("name", SELF_SUPERVISED)
def test_labels_do_not_reach_the_body_when_only_sequences_count(name):
    def body_gradient(labels):
        model = build(name, width=40, **SMALL[name] | {"learn": "sequences"})
        model(random_bases(8), labels).mean().backward()
        return [parameter.grad for parameter in model.body.parameters()]
    for some, other in zip(body_gradient(torch.full((8,), 3.)), body_gradient(torch.full((8,), 15.))):
        assert torch.equal(some, other)


@pytest.mark.parametrize("name", SELF_SUPERVISED)
@pytest.mark.parametrize("learn", ["labels", "sequences", "both"])
def test_every_parameter_learns(name, learn):
    "Several processes can train it only then."
    model = build(name, width=40, **SMALL[name] | {"learn": learn})
    model(random_bases(8), torch.arange(8.)).mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", SELF_SUPERVISED)
def test_unknown_bases_cost_nothing(name):
    model = build(name, width=40, **SMALL[name] | {"learn": "sequences"})
    nothing = torch.zeros(2, 4, 40)
    states = model.body(nothing.unsqueeze(2))
    loss = model.sequence_loss(states, nothing)
    assert loss.isfinite().all()
    if name != "sparse_autoencoder": assert loss.tolist() == [0, 0]


@pytest.mark.parametrize("name, options", [("autoencoder", {"code": 8, "hidden": 64}),
                                           ("sparse_autoencoder", {"units": 64, "penalty": 0.01}),
                                           ("min_gpt", {"blocks": 1, "learn": "sequences"})])
def test_a_repetitive_set_is_recovered(name, options):
    bases = one_hot(torch.from_numpy(encode([word*10 for word in ("ACGT", "AACC", "TGTG", "GATC")])))
    model = build(name, width=40, **options | ({} if name == "min_gpt" else {"length": 40}))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        model(bases, torch.zeros(4)).mean().backward()
        optimizer.step()
    first = 4 if name == "min_gpt" else 0
    assert base_accuracy(model.read(bases)[..., first:], bases[..., first:]) == 1


def test_a_tuned_body_keeps_its_names(tmp_path):
    "A language model's file of weights holds the body that tuning begins with."
    language = build("min_gpt", width=40, learn="sequences", **SMALL["min_gpt"])
    save(language, tmp_path/"language.safetensors")
    tuned = build("min_gpt", width=40, seed=1, **SMALL["min_gpt"])
    tuned.body.load_state_dict(load(tmp_path/"language.safetensors").body.state_dict())
    torch.testing.assert_close(tuned.embed(random_bases(2)), language.embed(random_bases(2)))


# What cannot be, refused in words.

@pytest.mark.parametrize("name, width, options, message", [
    ("min_gpt", 120, {}, "there are 110 places; set context=120"),
    ("min_gpt", 80, {"heads": 5}, "5 heads cannot share 48 channels"),
    ("min_gpt", 80, {"state": "first"}, "no expression is read from 'first'; expected 'last' or 'mean'"),
    ("min_gpt", 80, {"learn": "everything"}, "no network learns from 'everything'; there are labels, sequences, both"),
    ("enformer", 80, {"channels": (32,)*7}, "80 bases"),
    ("enformer", 80, {"first_kernel": 14}, "kernels are odd"),
    ("enformer", 80, {"heads": 7}, "7 heads cannot share 96 channels"),
    ("enformer", 3, {}, "but 3 are left of a sequence of 3 bases"),
    ("attentive_chrome", 80, {"bin": 100}, "80 bases"),
    ("attentive_chrome", 80, {"bin": 0}, "bin is 0; expected 1 or more"),
    ("attentive_chrome", 110, {"length": 100}, "set length=110"),
    ("xpresso", 80, {"pools": (30, 10)}, "pad to length=300"),
    ("xpresso", 110, {}, "set length=110"),
    ("xpresso", 80, {"pools": (0, 1)}, "expected 1 or more"),
    ("autoencoder", 110, {}, "set length=110"),
    ("autoencoder", 80, {"code": 0}, "code is 0; expected 1 or more"),
    ("sparse_autoencoder", 80, {"penalty": -0.1}, "penalty is -0.1"),
    ("sparse_autoencoder", 110, {}, "set length=110"),
])
def test_refused(name, width, options, message):
    with pytest.raises(ValueError, match=message): build(name, width=width, **options)
