from __future__ import annotations

import math

import pytest
import torch

from model.losses import CrossEntropy
from model.softmax_regression import SoftmaxRegression, accuracy, batch_accuracy, one_hot, softmax
from model.step_spec import StepSpec
from model.train_step import build_step
from tests.paths import REAL


@pytest.fixture
def model():
    """Return a model on images of 1 x 2. Class 0 is the left pixel, class 1 the right one plus 0.5."""
    return SoftmaxRegression(weight=torch.eye(2), bias=torch.tensor([0.0, 0.5]))


def make_images(*pixels):
    return torch.tensor(pixels).view(-1, 1, 1, 2)


def test_the_seed_decides_the_initial_model():
    """One seed gives one model, and another seed another one."""
    first, same, other = (SoftmaxRegression.initial(pixels=6, classes=3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.weight, same.weight)
    assert not torch.equal(first.weight, other.weight)


def test_initial_leaves_the_global_generator_alone():
    """A loader that shuffles with the global generator draws the same order with any model."""
    before = torch.get_rng_state()
    SoftmaxRegression.initial(pixels=6, classes=3, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_initial_is_small_noise_and_no_bias():
    """The weight is normal(0, 0.01) and float32, the bias is zero, and the shapes are as documented."""
    model = SoftmaxRegression.initial(pixels=784, classes=10, seed=0)
    assert model.weight.shape == (10, 784)
    assert model.weight.dtype == torch.float32
    assert model.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert abs(model.weight.mean().item()) < 0.0005
    assert torch.equal(model.bias, torch.zeros(10))


def test_outputs_by_hand(model):
    """An output is the weighted sum of the pixels and the bias."""
    outputs = model.outputs(make_images([0.25, 1.0], [0.5, 0.0]))
    assert outputs.tolist() == [[0.25, 1.5], [0.5, 0.5]]


def test_probabilities_by_hand(model):
    """Outputs that differ by ln 3 have probabilities of 1/4 and 3/4."""
    probabilities = model.probabilities(make_images([0.5, math.log(3)]))
    assert probabilities.tolist() == [pytest.approx([0.25, 0.75])]


def test_predict_takes_the_largest_output(model):
    """The class with the largest output wins, whatever its size."""
    assert model.predict(make_images([1.0, 0.0], [0.4, 0.0], [0.0, 1.0])).tolist() == [0, 1, 1]


def test_softmax_of_huge_outputs():
    """Outputs of ±10,000 overflow exp and still give probabilities."""
    assert softmax(torch.tensor([[1e4, -1e4], [-1e4, -1e4]])).tolist() == [[1, 0], [0.5, 0.5]]


def test_one_hot_by_hand():
    """Each row has its 1 in the label's column."""
    rows = one_hot(torch.tensor([2, 0]), 3, torch.float64)
    assert rows.dtype == torch.float64
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_one_hot_refuses_a_label_beyond_the_classes():
    """A label without a class is an error, not a row of zeros."""
    with pytest.raises(IndexError):
        one_hot(torch.tensor([3]), 3)


def test_batch_accuracy_by_hand(model):
    """Three of four right is 0.75."""
    batch = make_images([1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 0.0])
    assert batch_accuracy(model, batch, torch.tensor([0, 1, 1, 1])) == 0.75


def test_accuracy_counts_every_sample_alike(model):
    """A last batch of one weighs as much as one sample of the batch of three before it."""
    batches = [
        (make_images([1.0, 0.0], [1.0, 0.0], [1.0, 0.0]), torch.tensor([0, 0, 0])),
        (make_images([1.0, 0.0]), torch.tensor([1])),
    ]
    assert accuracy(model, iter(batches)) == 0.75


def test_accuracy_of_nothing_is_an_error(model):
    """Without samples there is no share."""
    with pytest.raises(ValueError, match="at least one sample; the batches given hold none"):
        accuracy(model, [])


def read_real(split):
    """Return the images and labels of a split of the real pictures."""
    raw = REAL / "FashionMNIST" / "raw"
    pixels, labels = (
        torch.frombuffer(
            bytearray((raw / f"{split}-{name}-ubyte").read_bytes()), dtype=torch.uint8, offset=header
        )
        for name, header in (("images-idx3", 16), ("labels-idx1", 8))
    )
    return pixels.view(-1, 1, 28, 28).float().div_(255), labels.long()


@pytest.mark.parametrize("name", ["analytic", "autograd"])
def test_learns_real_images(name):
    """Five epochs at learning rate 0.1 and batch size 64 predict 0.69 of 150 unseen pictures right."""
    pictures, labels = read_real("train")
    step = build_step(StepSpec(name, CrossEntropy(), 0.1), pixels=784, classes=10)
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        for batch in torch.randperm(len(labels), generator=generator).split(64):
            step((pictures[batch], labels[batch]))
    assert batch_accuracy(step.model, *read_real("t10k")) == pytest.approx(0.69, abs=0.03)
