"""The dataset: pictures of shapes, drawn as they are asked for."""

from __future__ import annotations

import random

from PIL import Image, ImageDraw
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import transforms

CLASSES = ("circle", "square", "triangle")
SIDE = 128
AUGMENT = transforms.Compose(
    [
        transforms.RandomRotation(20),
        transforms.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3),
        transforms.ToTensor(),
    ]
)


class Shapes(Dataset[tuple[Tensor, int]]):
    """Pictures of one shape each: float32 (3, SIDE, SIDE), and the number of its class."""

    def __init__(self, first: int, count: int, *, augment: bool) -> None:
        """Choose the pictures.

        Args:
            first: number of the first picture; each number is another picture.
            count: number of pictures.
            augment: whether they are rotated and recoloured at random.
        """
        self.numbers = range(first, first + count)
        self.transform = AUGMENT if augment else transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        number = self.numbers[index]
        label = number % len(CLASSES)
        return self.transform(draw(CLASSES[label], random.Random(number))), label


def draw(shape: str, chance: random.Random) -> Image.Image:
    """Return a picture of a shape at a random place, of a random size and colour."""
    paint, ground = (tuple(chance.randrange(256) for _ in range(3)) for _ in range(2))
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    pencil = ImageDraw.Draw(picture)
    radius = chance.randrange(16, 40)
    x, y = (chance.randrange(radius, SIDE - radius) for _ in range(2))
    if shape == "circle":
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), paint)
    elif shape == "square":
        pencil.rectangle((x - radius, y - radius, x + radius, y + radius), paint)
    else:
        pencil.polygon([(x - radius, y + radius), (x + radius, y + radius), (x, y - radius)], paint)
    return picture
