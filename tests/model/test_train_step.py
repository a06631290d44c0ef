from __future__ import annotations

import itertools
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import torch

from model.losses import Absolute, CrossEntropy, Huber, Squared
from model.step_spec import STEPS, StepSpec
from model.train_step import build_step

LOSSES = [CrossEntropy(), Squared(), Absolute(), Huber(), Huber(0.1)]
LEARNING = ["analytic", "autograd"]


def by_name(losses):
    return pytest.mark.parametrize("loss", losses, ids=lambda loss: loss.name)


@pytest.fixture
def threads():
    """Return a function that sets the number of torch's threads, and restore it afterwards."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def make_samples(count, side=28, classes=10, seed=0):
    """Return pictures like Fashion-MNIST's, with half of the pixels 0 and the others near a class's mean."""
    generator = torch.Generator().manual_seed(seed)
    shape = torch.rand(side * side, generator=generator) < 0.5
    means = shape * (0.2 + 0.8 * torch.rand(classes, side * side, generator=generator))
    labels = torch.randint(classes, (count,), generator=generator)
    brightness = 0.5 + torch.rand(count, side * side, generator=generator)
    images = (means[labels] * brightness).clamp_(0, 1)
    return images.view(count, 1, side, side), labels


def train(step, images, labels, batch_sizes):
    """Train on batches of these sizes. After the last sample comes the first one again."""
    start = 0
    for size in batch_sizes:
        chosen = torch.arange(start, start + size) % len(labels)
        step((images[chosen], labels[chosen]))
        start += size


def assert_same_training(steps, atol):
    one, other = steps
    assert (one.model.weight - other.model.weight).abs().max().item() <= atol
    assert (one.model.bias - other.model.bias).abs().max().item() <= atol
    assert one.mean_loss() == pytest.approx(other.mean_loss(), rel=1e-5)


@pytest.fixture(scope="module")
def pictures():
    return make_samples(6_007)


@by_name(LOSSES)
@pytest.mark.parametrize("count", [1, 2])
def test_analytic_is_autograd_over_an_epoch(loss, count, threads, pictures):
    """Both have the same model after 60,100 samples in batches of 256 and a last one of 196."""
    threads(count)
    steps = [build_step(StepSpec(name, loss), pixels=784, classes=10, seed=5) for name in LEARNING]
    for step in steps:
        train(step, *pictures, [256] * 234 + [196])
    assert_same_training(steps, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2])
def test_a_gradient_that_jumps_gets_autograds_bits(count, threads, pictures):
    """The absolute loss leaves no room for rounding: 1e-7 in an output moves the weights by 1e-3."""
    threads(count)
    steps = [build_step(StepSpec(name, Absolute(), 0.01), pixels=784, classes=10) for name in LEARNING]
    for step in steps:
        train(step, *pictures, [96] * 100 + [7])
    assert_same_training(steps, atol=0)


@by_name(LOSSES)
@pytest.mark.parametrize(("side", "count"), [(3, 1), (3, 2), (3, 3), (4, 16), (28, 8)])
def test_any_number_of_threads_fits_any_image(loss, side, count, threads):
    """Pixels that the threads can't share evenly give the same result."""
    threads(count)
    steps = [build_step(StepSpec(name, loss), pixels=side * side, classes=4) for name in LEARNING]
    for step in steps:
        train(step, *make_samples(100, side, classes=4), [32] * 20)
    assert_same_training(steps, atol=1e-6)


@by_name(LOSSES)
def test_batches_may_shrink_and_grow(loss):
    """Any order of batch sizes trains as autograd does, also with more sizes than buffers are kept for."""
    steps = [build_step(StepSpec(name, loss), pixels=16, classes=10) for name in LEARNING]
    for step in steps:
        train(step, *make_samples(300, side=4), [8, 3, 8, 1, 300, 2, 8, 64, 5, 6, 7, 9, 10, 11, 8, 300])
    assert_same_training(steps, atol=1e-6)


@by_name(LOSSES)
@pytest.mark.parametrize("name", LEARNING)
def test_one_step_by_the_formula(name, loss):
    """W loses the learning rate times the mean of g xᵀ, b the learning rate times the mean of g."""
    images, labels = make_samples(5, side=2, classes=3)
    step = build_step(StepSpec(name, loss, 0.5), pixels=4, classes=3)
    weight, bias = step.model.weight.double(), step.model.bias.double()
    pixels = images.view(5, 4).double()
    outputs = pixels @ weight.t() + bias
    gradient = loss.gradient(outputs, labels)
    step((images, labels))
    expected = weight - 0.5 * torch.einsum("bc,bp->cp", gradient, pixels) / 5
    torch.testing.assert_close(step.model.weight.double(), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(step.model.bias.double(), bias - 0.5 * gradient.mean(0), rtol=0, atol=1e-6)
    assert step.mean_loss() == pytest.approx(loss.value(outputs, labels).item(), rel=1e-5)


@by_name(LOSSES)
@pytest.mark.parametrize("name", LEARNING)
def test_mean_loss_counts_every_sample_alike(name, loss):
    """The mean over batches of 7 and 2 is that of nine samples, each before its own batch."""
    images, labels = make_samples(9, side=2, classes=3)
    step = build_step(StepSpec(name, loss), pixels=4, classes=3)
    total = 0.0
    for batch in (slice(0, 7), slice(7, 9)):
        outputs = step.model.outputs(images[batch])
        total += loss.value(outputs, labels[batch]).item() * len(labels[batch])
        step((images[batch], labels[batch]))
    assert step.mean_loss() == pytest.approx(total / 9, rel=1e-5)


@pytest.mark.parametrize("name", LEARNING)
def test_reset_starts_a_new_mean_and_keeps_the_model(name):
    """After a reset there is no mean until the next batch, and training goes on."""
    images, labels = make_samples(8, side=2, classes=3)
    step = build_step(StepSpec(name, CrossEntropy()), pixels=4, classes=3)
    assert step.mean_loss() is None
    step((images, labels))
    weight, first = step.model.weight.clone(), step.mean_loss()
    step.reset()
    assert step.mean_loss() is None
    assert torch.equal(step.model.weight, weight)
    step((images, labels))
    assert step.mean_loss() < first


@dataclass(frozen=True)
class Recording(CrossEntropy):
    """A loss that returns given totals, and records the addresses of the step's buffers."""

    totals: itertools.chain
    addresses: list = field(default_factory=list)
    gradient_is_continuous: bool = True

    def write_gradient(self, outputs, targets, gradient):
        self.addresses.append(tuple(tensor.data_ptr() for tensor in (outputs, targets, gradient)))
        gradient.zero_()
        return torch.tensor(next(self.totals))


def test_mean_loss_keeps_small_losses_beside_a_large_sum():
    """A float32 sum would stay at 2²⁴ however often 1 is added."""
    loss = Recording(itertools.chain([2.0**24], itertools.repeat(1.0)))
    step = build_step(StepSpec("analytic", loss), pixels=4, classes=3)
    train(step, *make_samples(8, side=2, classes=3), [8] * 1001)
    assert step.mean_loss() == (2**24 + 1000) / 8008


@pytest.mark.parametrize("continuous", [True, False])
def test_buffers_stay_where_they_are(continuous):
    """Each batch size has one set of buffers, epoch after epoch, as a CUDA graph needs."""
    loss = Recording(itertools.repeat(0.0), gradient_is_continuous=continuous)
    step = build_step(StepSpec("analytic", loss), pixels=4, classes=3)
    train(step, *make_samples(8, side=2, classes=3), [8, 8, 8, 5] * 4)
    full, last = loss.addresses[0], loss.addresses[3]
    assert loss.addresses == [full, full, full, last] * 4
    assert len({*full, *last}) == 6


@by_name(LOSSES)
@pytest.mark.parametrize("name", LEARNING)
def test_parameters_are_updated_in_place(name, loss):
    """The caller's model is the one in training, and its addresses never change."""
    images, labels = make_samples(8, side=2, classes=3)
    step = build_step(StepSpec(name, loss), pixels=4, classes=3)
    weight, bias = step.model.weight, step.model.bias
    before = weight.clone(), bias.clone()
    addresses = weight.data_ptr(), bias.data_ptr()
    step((images, labels))
    assert (step.model.weight.data_ptr(), step.model.bias.data_ptr()) == addresses
    assert not torch.equal(weight, before[0])
    assert not torch.equal(bias, before[1])


@by_name(LOSSES)
@pytest.mark.parametrize("name", STEPS)
def test_a_batch_is_only_read(name, loss):
    """A step leaves the batch unchanged, as the loader may deliver the same memory again."""
    images, labels = make_samples(8, side=2, classes=3)
    before = images.clone(), labels.clone()
    build_step(StepSpec(name, loss), pixels=4, classes=3)((images, labels))
    assert torch.equal(images, before[0])
    assert torch.equal(labels, before[1])


@by_name(LOSSES)
@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize("count", [1, 2])
def test_images_may_be_strided(name, loss, count, threads):
    """A batch that is a view of a larger tensor trains like its copy."""
    threads(count)
    wide, labels = make_samples(20, side=8, classes=3)
    cut = wide[::2, :, ::2, 1:5]
    steps = [build_step(StepSpec(name, loss), pixels=16, classes=3) for _ in range(2)]
    steps[0]((cut, labels[::2]))
    steps[1]((cut.contiguous(), labels[::2].contiguous()))
    assert_same_training(steps, atol=1e-7)


@pytest.mark.parametrize("batch_size", [1, 64])
@by_name(LOSSES)
def test_default_learning_rates_learn(loss, batch_size, threads):
    """With an eigenvalue of E[x xᵀ] as large as Fashion-MNIST's, the loss ends below its start."""
    threads(1)
    images, labels = make_samples(640)
    pixels = images.view(640, 784)
    assert torch.linalg.eigvalsh(pixels.t() @ pixels / 640)[-1] > 109
    step = build_step(StepSpec("analytic", loss), pixels=784, classes=10)
    start = loss.value(step.model.outputs(images), labels).item()
    for _ in range(5):
        step.reset()
        train(step, images, labels, [batch_size] * (640 // batch_size))
    assert step.mean_loss() < start


def test_the_null_step_does_nothing():
    """It has no model and no loss."""
    step = build_step(StepSpec("none", CrossEntropy()), pixels=4, classes=3)
    step(make_samples(8, side=2, classes=3))
    step.reset()
    assert step.model is None
    assert step.mean_loss() is None


@pytest.mark.parametrize("name", STEPS)
def test_building_a_step_leaves_the_global_generator_alone(name):
    """A loader's shuffle is the same under every step."""
    before = torch.get_rng_state()
    build_step(StepSpec(name, CrossEntropy()), pixels=4, classes=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_seed_gives_every_step_the_same_model():
    """The seed alone decides where training starts."""
    first, same = (build_step(StepSpec(name, Squared()), pixels=4, classes=3, seed=1) for name in LEARNING)
    other = build_step(StepSpec("analytic", Squared()), pixels=4, classes=3, seed=2)
    assert torch.equal(first.model.weight, same.model.weight)
    assert not torch.equal(first.model.weight, other.model.weight)


def test_an_unknown_step_is_refused():
    """The error names the given step and the allowed ones."""
    with pytest.raises(ValueError, match=r"^unknown step 'jit'; allowed: analytic, autograd, none$"):
        StepSpec("jit", CrossEntropy())


@pytest.mark.parametrize("rate", [0.0, -0.1, float("inf"), float("nan")])
@pytest.mark.parametrize("name", STEPS)
def test_a_learning_rate_without_meaning_is_refused(name, rate):
    """Every step refuses a rate that is not finite or not above 0."""
    with pytest.raises(ValueError, match=rf"^the learning rate is {rate}; it must be finite and above 0$"):
        StepSpec(name, CrossEntropy(), rate)


@contextmanager
def default_device():
    with torch.device("meta"):
        yield


@contextmanager
def default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def deterministic_algorithms():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@by_name(LOSSES)
@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize("state", [default_device, default_dtype, deterministic_algorithms])
def test_torchs_defaults_change_nothing(state, name, loss):
    """A step that is built and used under a program's own defaults trains to the same bits."""
    images, labels = make_samples(20, side=4)
    expected = build_step(StepSpec(name, loss), pixels=16, classes=10)
    train(expected, images, labels, [8, 8, 3])
    batches = [(images[:8], labels[:8]), (images[8:16], labels[8:16]), (images[16:19], labels[16:19])]
    with state():
        step = build_step(StepSpec(name, loss), pixels=16, classes=10)
        for batch in batches:
            step(batch)
        assert step.mean_loss() == expected.mean_loss()
    assert torch.equal(step.model.weight, expected.model.weight)
    assert torch.equal(step.model.bias, expected.model.bias)


@by_name(LOSSES)
@pytest.mark.parametrize("name", LEARNING)
def test_a_step_may_be_built_in_inference_mode(name, loss):
    """Outside of that mode it trains. The analytic step trains inside of it too, and afterwards."""
    images, labels = make_samples(8, side=4)
    expected = build_step(StepSpec(name, loss), pixels=16, classes=10)
    train(expected, images, labels, [8, 8])
    with torch.inference_mode():
        step = build_step(StepSpec(name, loss), pixels=16, classes=10)
        if name == "analytic":
            step((images, labels))
    train(step, images, labels, [8] if name == "analytic" else [8, 8])
    assert step.mean_loss() == expected.mean_loss()
    assert torch.equal(step.model.weight, expected.model.weight)
    assert torch.equal(step.model.bias, expected.model.bias)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@by_name(LOSSES)
@pytest.mark.parametrize("name", STEPS)
def test_a_step_never_waits_for_the_gpu(name, loss):
    """CUDA raises on any synchronisation during batches of two sizes."""
    images, labels = (tensor.cuda() for tensor in make_samples(100))
    step = build_step(StepSpec(name, loss), pixels=784, classes=10, device="cuda")
    step((images, labels))
    torch.cuda.set_sync_debug_mode("error")
    try:
        step.reset()
        for size in (100, 36, 100):
            step((images[:size], labels[:size]))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert (step.mean_loss() is None) == (name == "none")
