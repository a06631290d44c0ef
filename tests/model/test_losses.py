from __future__ import annotations

import math

import pytest
import torch

from model.losses import Absolute, CrossEntropy, Huber, Squared, parse_loss
from model.softmax_regression import one_hot

LOSSES = [CrossEntropy(), Squared(), Absolute(), Huber(), Huber(0.5), Huber(2)]
RESIDUAL_LOSSES = [Squared(), Absolute(), Huber()]


def by_name(losses):
    return pytest.mark.parametrize("loss", losses, ids=lambda loss: loss.name)


@pytest.fixture
def outputs():
    generator = torch.Generator().manual_seed(1)
    return 2 * torch.randn(7, 5, generator=generator, dtype=torch.float64)


@pytest.fixture
def labels():
    return torch.tensor([0, 4, 2, 2, 1, 3, 0])


def test_cross_entropy_by_hand():
    """With probabilities 1/8, 2/8, 5/8, label 1 costs ln 4 and label 2 costs ln 8/5."""
    outputs = torch.tensor([[1.0, 2.0, 5.0]]).log().expand(2, 3)
    labels = torch.tensor([1, 2])
    assert CrossEntropy().value(outputs, labels).item() == pytest.approx((math.log(4) + math.log(1.6)) / 2)
    expected = torch.tensor([[1, -6, 5], [1, 2, -3]]) / 8
    torch.testing.assert_close(CrossEntropy().gradient(outputs, labels), expected)


@pytest.mark.parametrize(
    ("loss", "value", "gradient"),
    [
        (Squared(), 2.625, [0.5, -1, 2]),
        (Absolute(), 3.5, [1, -1, 1]),
        (Huber(), 0.125 + 0.5 + 1.5, [0.5, -1, 1]),
        (Huber(0.5), 0.125 + 0.375 + 0.875, [0.5, -0.5, 0.5]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_residual_losses_by_hand(loss, value, gradient):
    """The residuals are ½, -1 and 2 in one sample and 0 in the other, which halves the mean."""
    outputs = torch.tensor([[0.5, -1, 3], [1, 0, 0]])
    labels = torch.tensor([2, 0])
    assert loss.value(outputs, labels).item() == value / 2
    assert loss.gradient(outputs, labels).tolist() == [gradient, [0, 0, 0]]


@by_name(LOSSES)
def test_gradient_is_autograds(loss, outputs, labels):
    """Autograd's gradient of the mean, times B, is the gradient of each sample's own loss."""
    outputs.requires_grad_()
    (expected,) = torch.autograd.grad(loss.value(outputs, labels), outputs)
    torch.testing.assert_close(loss.gradient(outputs.detach(), labels), expected * 7, rtol=1e-12, atol=1e-12)


@by_name(LOSSES)
def test_gradient_is_the_slope_of_the_value(loss, outputs, labels):
    """Central differences of the value agree with the gradient, output by output."""
    step = 1e-6
    for sample in range(7):
        for column in range(5):
            nudge = torch.zeros_like(outputs)
            nudge[sample, column] = step
            rise = loss.value(outputs + nudge, labels) - loss.value(outputs - nudge, labels)
            slope = 7 * rise.item() / (2 * step)
            assert slope == pytest.approx(loss.gradient(outputs, labels)[sample, column].item(), abs=1e-7)


@by_name(LOSSES)
def test_gradient_leaves_the_outputs_alone(loss, outputs, labels):
    """The caller's outputs keep their values."""
    before = outputs.clone()
    loss.gradient(outputs, labels)
    assert torch.equal(outputs, before)


@by_name(LOSSES)
@pytest.mark.parametrize("transposed", [False, True])
def test_write_gradient_returns_the_summed_loss(loss, transposed, outputs, labels):
    """Outputs class by class, in either memory layout, give the same gradient and B means."""
    rows = [outputs.t(), one_hot(labels, 5, torch.float64).t(), torch.empty_like(outputs).t()]
    if not transposed:
        rows = [row.contiguous() for row in rows]
    value, gradient = loss.value(outputs, labels), loss.gradient(outputs, labels)
    total = loss.write_gradient(*rows)
    assert total.shape == ()
    torch.testing.assert_close(total, 7 * value)
    torch.testing.assert_close(rows[2].t(), gradient)


def test_cross_entropy_of_huge_outputs():
    """A difference of 20,000 between outputs overflows exp, and yet the loss is exact."""
    outputs = torch.tensor([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0]])
    labels = torch.tensor([1, 0])
    assert CrossEntropy().value(outputs, labels).item() == 1e4
    assert CrossEntropy().gradient(outputs, labels).tolist() == [[1, -1, 0], [0, 0, 0]]
    targets = one_hot(labels, 3)
    assert CrossEntropy().write_gradient(outputs.t(), targets.t(), torch.empty(3, 2)).item() == 2e4


@pytest.mark.parametrize(
    ("loss", "value"),
    [(Squared(), (1e8 + 10001.0**2) / 2), (Absolute(), 20001), (Huber(), 20000), (Huber(0.5), 10000.25)],
    ids=lambda value: getattr(value, "name", None),
)
def test_residual_losses_of_huge_outputs(loss, value):
    """Outputs of ±10,000 neither overflow nor lose the loss to cancellation."""
    outputs = torch.tensor([[1e4, -1e4]])
    labels = torch.tensor([1])
    slope = {"squared": [1e4, -10001], "huber:0.5": [0.5, -0.5]}.get(loss.name, [1, -1])
    assert loss.value(outputs, labels).item() == pytest.approx(value, rel=1e-6)
    assert loss.gradient(outputs, labels).tolist() == [slope]
    total = loss.write_gradient(outputs.t(), one_hot(labels, 2).t(), torch.empty(2, 1))
    assert total.item() == pytest.approx(value, rel=1e-6)


@by_name(RESIDUAL_LOSSES)
def test_outputs_that_hit_their_targets_stay(loss):
    """At a residual of exactly 0 the gradient is 0, for autograd as well."""
    labels = torch.tensor([1, 0])
    outputs = one_hot(labels, 3).requires_grad_()
    loss.value(outputs, labels).backward()
    assert not outputs.grad.any()
    assert not loss.gradient(outputs.detach(), labels).any()


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("cross_entropy", CrossEntropy()),
        ("squared", Squared()),
        ("absolute", Absolute()),
        ("huber", Huber(1.0)),
        ("huber:1", Huber(1.0)),
        ("huber:0.5", Huber(0.5)),
        ("huber:1e-3", Huber(0.001)),
    ],
)
def test_parse_loss(text, loss):
    """Every allowed text gives its loss."""
    assert parse_loss(text) == loss


@by_name([*LOSSES, Huber(0.1 + 0.2), Huber(1e-7)])
def test_a_name_parses_back_to_its_loss(loss):
    """A name in a result file stands for the same loss, digit by digit."""
    assert parse_loss(loss.name) == loss


def test_the_default_delta_stays_out_of_the_name():
    """The name is as short as the user's own text."""
    assert Huber().name == "huber"
    assert Huber(0.5).name == "huber:0.5"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hinge",
        "Squared",
        "squared:1",
        "huber:",
        "huber:x",
        "huber:0",
        "huber:-1",
        "huber:inf",
        "huber:nan",
    ],
)
def test_parse_loss_refuses_anything_else(text):
    """The error is one line that names the given text and all allowed ones."""
    allowed = r"cross_entropy, squared, absolute, huber, or huber:DELTA .* huber:0\.5$"
    with pytest.raises(ValueError, match=rf"^unknown loss '{text}'; allowed: {allowed}") as error:
        parse_loss(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("delta", [0, -1.0, math.inf, math.nan])
def test_huber_refuses_a_delta_without_meaning(delta):
    """The constructor refuses a delta that is not finite or not above 0."""
    with pytest.raises(ValueError, match=rf"^huber's delta is {delta}; it must be finite and above 0$"):
        Huber(delta)
