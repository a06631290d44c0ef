"""image_folder: its PNG files, and the samples that are read back."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from loaders.data import png_readers
from loaders.data.image_split import ImageSplit
from loaders.families import image_folder
from loaders.families.image_folder import CONVERSION, ImageFolder
from tests.fakes import numbered_source

# torchvision 0.29 says so at every call; it is still what many use.
pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding:DeprecationWarning")

DECODERS = image_folder.DECODER.kind.options
UNSAFE = ("a/b", "..", "T-shirt/top", "", "C:\\con\n", "/" * 300)


def noise_source(folder: Path, classes: tuple[str, ...] = UNSAFE, samples: int = 24) -> ImageSplit:
    """Return pictures that are not square and hold every grey, of all classes but the second."""
    images = torch.randint(0, 256, (samples, 20, 31), dtype=torch.uint8)
    images[0].view(-1)[:256] = torch.arange(256)
    labels = torch.arange(samples) * 5 % len(classes)
    labels[labels == 1] = 0
    return ImageSplit("noise", "1" * 64, images, labels, classes, folder)


def only_batch(source: ImageSplit, **knobs: object) -> tuple[torch.Tensor, torch.Tensor]:
    """Return all samples in the stored order, loaded in this process."""
    spec = ImageFolder(batch_size=len(source), num_workers=0, **knobs)
    (batch,) = spec.build(source, shuffle=False, seed=0)
    return batch


def test_a_grey_png_file_a_sample_in_a_folder_a_class(tmp_path: Path) -> None:
    """File names sort like numbers, and each file is 8-bit grey with the sample's pixels."""
    source = replace(numbered_source(120, folder=tmp_path), classes=tuple(f"c{n}" for n in range(11)))
    files = sorted(CONVERSION.prepare(source).rglob("*.png"), key=lambda path: path.name)
    assert [path.name for path in files] == [f"{number:03}.png" for number in range(120)]
    assert [path.parent.name for path in files] == [f"{n:02}-c{n}" for n in source.labels.tolist()]
    for number in (0, 119):
        with Image.open(files[number]) as picture:
            assert (picture.format, picture.mode) == ("PNG", "L")
            assert picture.tobytes() == source.images[number].numpy().tobytes()


@pytest.mark.parametrize("decoder", DECODERS)
def test_pixels_labels_and_order_are_the_sources(decoder: str, tmp_path: Path) -> None:
    """They are equal, though one class has no samples and no folder."""
    source = noise_source(tmp_path)
    images, labels = only_batch(source, decoder=decoder)
    assert torch.equal(images[:, 0], source.images.to(torch.float32) / 255)
    assert torch.equal(labels, source.labels)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("side", [14, 40])
def test_each_decoder_resizes_as_the_reference(decoder: str, side: int, tmp_path: Path) -> None:
    """Results are within the rounding to uint8, for smaller and larger sides."""
    source = noise_source(tmp_path)
    images, _ = only_batch(source, decoder=decoder, resize=side)
    reference = torch.nn.functional.interpolate(
        source.images[:, None] / 255, (side, side), mode="bilinear", antialias=True
    )
    assert images.shape == reference.shape
    assert (images - reference).abs().max() <= 1.01 / 255


def test_unsafe_class_names_stay_in_the_folder(tmp_path: Path) -> None:
    """No class name leads out of the folder, into a deeper one, or to a forbidden name."""
    source = noise_source(tmp_path)
    folder = CONVERSION.prepare(source)
    names = {path.name for path in folder.iterdir() if path.is_dir()}
    assert names == {"0-a-b", "2-T-shirt-top", "3-", "4-C-con", "5-"}
    assert len(list(folder.glob("*/*.png"))) == len(list(tmp_path.rglob("*.png"))) == len(source)


def test_the_files_are_written_once(tmp_path: Path) -> None:
    """A second `prepare` and `build` leave every file unchanged, for any knobs."""
    source = noise_source(tmp_path)
    seen: list[tuple[int, int]] = []
    ImageFolder().prepare(source, lambda done, of: seen.append((done, of)))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    assert seen == [(24, 24)]
    ImageFolder(decoder="torchvision").prepare(source, lambda done, of: seen.append((done, of)))
    only_batch(source, resize=8)
    assert seen == [(24, 24)]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")} == before


def test_progress_is_told_by_the_thousand(tmp_path: Path) -> None:
    """Progress is called for each thousand samples, and at the end."""
    seen: list[tuple[int, int]] = []
    source = numbered_source(2100, side=2, folder=tmp_path)
    ImageFolder().prepare(source, lambda done, of: seen.append((done, of)))
    assert seen == [(1000, 2100), (2000, 2100), (2100, 2100)]


@pytest.mark.parametrize("decoder", DECODERS)
def test_workers_of_any_start_method_can_have_it(decoder: str, tmp_path: Path) -> None:
    """The dataset goes through pickle, as spawn and forkserver send it."""
    dataset = (
        ImageFolder(decoder=decoder, resize=8).build(noise_source(tmp_path), shuffle=True, seed=0).dataset
    )
    picture, label = pickle.loads(pickle.dumps(dataset))[3]
    assert torch.equal(picture, dataset[3][0])
    assert label == dataset[3][1]


def test_a_torchvision_without_png_is_told_before_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the cure, and only the decoder that needs PNG has it."""

    def without_libpng(*_: object, **__: object) -> None:
        raise RuntimeError("decode_png: torchvision not compiled with libPNG support")

    assert ImageFolder(decoder="torchvision").unavailable() is None
    monkeypatch.setattr(png_readers, "decode_image", without_libpng)
    assert "take decoder=pil" in (ImageFolder(decoder="torchvision").unavailable() or "")
    assert ImageFolder(decoder="pil").unavailable() is None
