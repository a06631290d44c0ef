"""Tests of the audit: an honest epoch passes, and the error of any other names its fault."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
import torch
from torch.nn.functional import interpolate
from torchvision import transforms

from bench.trial.audit import audit_epoch
from bench.trial.audit_result import AuditError, AuditResult
from bench.trial.batch_inspector import BatchInspector
from bench.trial.pixel_grid import PixelGrid
from bench.trial.reference_samples import ReferenceSamples
from loaders.data.image_split import ImageSplit

SAMPLES, SIZE = 600, 50


@pytest.fixture(scope="module")
def source() -> ImageSplit:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (SAMPLES, 28, 28), dtype=torch.uint8, generator=random)
    # Two that look the same, with the same label, and two with different ones.
    images[1], images[3] = images[0], images[2]
    labels = torch.arange(SAMPLES) % 10
    labels[1] = labels[0]
    return ImageSplit("random", "0" * 64, images, labels, tuple("abcdefghij"))


@pytest.fixture(scope="module")
def order() -> torch.Tensor:
    return torch.randperm(SAMPLES, generator=torch.Generator().manual_seed(1))


Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


def batches(
    source: ImageSplit, order: torch.Tensor, size: int = SIZE
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    images = source.images[order].unsqueeze(1).float() / 255
    return list(zip(images.split(size), source.labels[order].split(size), strict=True))


def judge(
    source: ImageSplit, delivered: Batches, *, resize: int | None = None, unseen: int = 0
) -> AuditResult:
    """Return the audit of these batches; `unseen` more of 50 samples each were delivered unseen."""
    side = resize or 28
    grid = PixelGrid.draw(side, side, seed=0)
    inspector = BatchInspector(grid, (1, side, side), SAMPLES, budget=math.inf)
    batches = samples = 0
    for images, labels in delivered:
        inspector((images, labels), 1)
        batches += 1
        samples += len(labels)
    observation = inspector.observe(batches + unseen, samples + unseen * SIZE)
    return audit_epoch(observation, ReferenceSamples(source, grid, resize))


def test_an_honest_epoch_stands(source, order) -> None:
    """Two of its samples look the same and share a label, and two have different labels."""
    result = judge(source, batches(source, order))
    assert result.seen_share == 1
    assert result.shuffle_quality == pytest.approx(1, abs=0.1)


def test_a_dropped_batch(source, order) -> None:
    with pytest.raises(AuditError, match="550 samples were delivered of 600: 50 missing"):
        judge(source, batches(source, order)[:-1])


def test_an_empty_batch_changes_nothing(source, order) -> None:
    delivered = batches(source, order)
    delivered.insert(1, (torch.empty(0, 1, 28, 28), torch.empty(0, dtype=torch.int64)))
    assert judge(source, delivered).shuffle_quality == pytest.approx(1, abs=0.1)


def test_no_batch_at_all(source) -> None:
    with pytest.raises(AuditError, match="0 samples were delivered of 600: 600 missing"):
        judge(source, [])


def test_a_repeated_sample_in_anothers_place(source, order) -> None:
    """The number of samples is right."""
    order = order.clone()
    order[20:26] = order[10]
    with pytest.raises(
        AuditError, match="600 samples were delivered of 600: 6 missing, 6 delivered more than once"
    ):
        judge(source, batches(source, order))


def test_an_epoch_delivered_twice(source, order) -> None:
    """It may come twice as a whole, or sample by sample, as from two unsharded workers."""
    with pytest.raises(AuditError, match="1,200 samples were delivered of 600"):
        judge(source, batches(source, order) * 2)
    with pytest.raises(AuditError, match="600 samples were checked of 600: 300 delivered more than once"):
        judge(source, batches(source, order.repeat_interleave(2)))


def test_labels_that_moved_on_by_one(source, order) -> None:
    """Each picture of a batch has the label of the one before."""
    delivered = batches(source, order)
    images, labels = delivered[3]
    delivered[3] = (images, labels.roll(1))
    moved = int((labels != labels.roll(1)).sum())
    with pytest.raises(AuditError, match=f"were delivered of 600: {moved} with another sample's label"):
        judge(source, delivered)


def test_pictures_of_something_else(source, order) -> None:
    """A buffer that nobody filled is black."""
    delivered = batches(source, order)
    delivered[0] = (torch.zeros(SIZE, 1, 28, 28), delivered[0][1])
    with pytest.raises(AuditError, match="50 missing, 50 with pictures that aren't in the dataset"):
        judge(source, delivered)


def test_one_wrong_pixel_beside_the_grid(source, order) -> None:
    """The grid's pixels are right, and the picture's mean is wrong."""
    grid = PixelGrid.draw(28, 28, seed=0)
    delivered = batches(source, order)
    images = delivered[0][0].clone()
    images[:, 0, grid.rows.start + 1, :] = 0
    delivered[0] = (images, delivered[0][1])
    with pytest.raises(AuditError, match=r"\d+ pictures differ from the dataset's"):
        judge(source, delivered)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda images: images * 255, "pixel values from 0 to 255 instead of 0 to 1"),
        (lambda images: images * 2 - 1, "pixel values from -1 to 1 instead of 0 to 1"),
        (lambda images: images + torch.nan, "instead of 0 to 1"),
        (lambda images: images.double(), "pictures of dtype float64 instead of float32"),
        (lambda images: images[:, 0], "pictures of shape 28x28 instead of 1x28x28"),
        (lambda images: images * 0.9, "with pictures that aren't in the dataset"),
        (lambda images: images.flip(3), "with pictures that aren't in the dataset"),
    ],
)
def test_another_form_or_range(source, order, change, says) -> None:
    """A train step would take some of these without an error."""
    with pytest.raises(AuditError, match=says):
        judge(source, [(change(images), labels) for images, labels in batches(source, order)])


def test_an_epoch_seen_in_part_is_judged_in_part(source, order) -> None:
    """Samples may be in unseen batches, and those that were seen must be right."""
    delivered = batches(source, order)
    result = judge(source, delivered[:4], unseen=8)
    assert result.seen_share == pytest.approx(1 / 3)
    with pytest.raises(AuditError, match="550 samples were delivered of 600"):
        judge(source, delivered[:4], unseen=7)
    with pytest.raises(AuditError, match="250 samples were checked of 600: 50 delivered more than once"):
        judge(source, [*delivered[:4], delivered[0]], unseen=7)


def resized(source: ImageSplit, order: torch.Tensor, side: int, *, by_pil: bool) -> Batches:
    """Return the samples resized, in float32, or rounded to uint8 as PIL does."""
    if by_pil:
        steps = [transforms.ToPILImage(), transforms.Resize((side, side)), transforms.ToTensor()]
        images = torch.stack([transforms.Compose(steps)(source.images[n]) for n in order])
    else:
        whole = source.images[order].unsqueeze(1) / 255
        images = interpolate(whole, (side, side), mode="bilinear", antialias=True)
    return list(zip(images.split(SIZE), source.labels[order].split(SIZE), strict=True))


@pytest.mark.parametrize("by_pil", [False, True])
@pytest.mark.parametrize("side", [8, 14, 32, 64])
def test_resized_pictures_are_known(source, order, side, by_pil) -> None:
    """A sample that comes twice is found, with PIL's rounding and without."""
    delivered = resized(source, order, side, by_pil=by_pil)
    assert judge(source, delivered, resize=side).shuffle_quality == pytest.approx(1, abs=0.1)
    again = order.clone()
    again[20] = again[10]
    with pytest.raises(AuditError, match="1 missing, 1 delivered more than once"):
        judge(source, resized(source, again, side, by_pil=by_pil), resize=side)


def test_a_resize_without_antialiasing_is_no_resize(source, order) -> None:
    """Such a resize is faster, and makes other pictures."""
    delivered = [
        (interpolate(images, (14, 14), mode="bilinear"), labels) for images, labels in batches(source, order)
    ]
    with pytest.raises(AuditError, match="with pictures that aren't in the dataset"):
        judge(source, delivered, resize=14)


def test_near_twins_are_assigned_together(order) -> None:
    """Some rounded pictures are nearer to another sample than to their own."""
    random = torch.Generator().manual_seed(2)
    images = torch.randint(256, (SAMPLES, 28, 28), dtype=torch.uint8, generator=random)
    images[:12] = images[0]
    images[:12, :, 14:] ^= torch.randint(2, (12, 28, 14), dtype=torch.uint8, generator=random)
    source = ImageSplit("twins", "0" * 64, images, torch.zeros(SAMPLES, dtype=torch.int64), ("a",))
    result = judge(source, resized(source, order, 28, by_pil=True), resize=28)
    rounded = resized(source, order, 20, by_pil=True)
    assert result.shuffle_quality == pytest.approx(1, abs=0.1)
    assert judge(source, rounded, resize=20).shuffle_quality == pytest.approx(1, abs=0.1)


def test_resized_duplicates_hide_no_fault(source, order) -> None:
    """A tenth of the pictures are blank, and the others must come once each."""
    images = source.images.clone()
    images[:60] = 0
    blank = ImageSplit("blank", "0" * 64, images, source.labels, source.classes)
    assert judge(blank, resized(blank, order, 32, by_pil=True), resize=32).seen_share == 1
    few = order.clone()
    few[100:] = order[0]
    with pytest.raises(AuditError, match="500 missing, 500 delivered more than once"):
        judge(blank, resized(blank, few, 32, by_pil=True), resize=32)


def test_not_a_number_beside_the_grid(source, order) -> None:
    """Its mean is NaN, as for a picture that was not seen in whole."""
    delivered = batches(source, order)
    images = delivered[2][0].clone()
    images[:, 0, PixelGrid.draw(28, 28, seed=0).rows.start + 1, :] = torch.nan
    delivered[2] = (images, delivered[2][1])
    with pytest.raises(AuditError, match="instead of 0 to 1"):
        judge(source, delivered)


def test_pictures_of_one_pixel_are_counted(source, order) -> None:
    """256 levels can't tell 600 samples apart, so the labels are counted and the shuffle is unknown."""
    assert judge(source, resized(source, order, 1, by_pil=True), resize=1).shuffle_quality is None
    again = order.clone()
    again[20:40] = again[10]
    with pytest.raises(AuditError, match="some label came another number of times"):
        judge(source, resized(source, again, 1, by_pil=True), resize=1)
