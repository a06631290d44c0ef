"""Train a text classifier on reviews of varying length: dict batches, padded by a collate function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

WORDS = 5_000
SHORTEST, LONGEST = 10, 120
Batch = dict[str, Tensor]


class Reviews(Dataset[Batch]):
    """Reviews that were turned into word numbers before. Most good ones contain the even numbers."""

    def __init__(self, reviews: int) -> None:
        """Draw random reviews. The same ones come each time.

        Args:
            reviews: number of reviews.
        """
        random = torch.Generator().manual_seed(0)
        lengths = torch.randint(SHORTEST, LONGEST + 1, (reviews,), generator=random).tolist()
        self.labels = torch.randint(2, (reviews,), generator=random)
        self.texts = [torch.randint(1, WORDS, (length,), generator=random) for length in lengths]
        for text, label in zip(self.texts, self.labels, strict=True):
            text[: len(text) // 2] = text[: len(text) // 2] // 2 * 2 + label

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Batch:
        return {"input_ids": self.texts[index], "label": self.labels[index]}


def pad(samples: Sequence[Batch]) -> Batch:
    """Return a batch: int64 (B, longest) numbers of words, bool (B, longest) mask, int64 (B,) labels."""
    input_ids = pad_sequence([sample["input_ids"] for sample in samples], batch_first=True)
    labels = torch.stack([sample["label"] for sample in samples])
    return {"input_ids": input_ids, "attention_mask": input_ids != 0, "labels": labels}


def train_loader(reviews: int = 500, num_workers: int = 0) -> DataLoader[Batch]:
    """Return the loader of training batches.

    Args:
        reviews: number of reviews.
        num_workers: worker processes.
    """
    dataset = Reviews(reviews)
    return DataLoader(dataset, batch_size=32, shuffle=True, collate_fn=pad, num_workers=num_workers)


class Classifier(nn.Module):
    """A transformer of one layer, the mean over the words, and a linear classifier."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.embed = nn.Embedding(WORDS + 1, 32, padding_idx=0)
        self.encode = nn.TransformerEncoderLayer(32, nhead=4, dim_feedforward=64, batch_first=True)
        self.classify = nn.Linear(32, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the logits, float32 (B, 2)."""
        encoded = self.encode(self.embed(input_ids), src_key_padding_mask=~attention_mask)
        kept = attention_mask[:, :, None]
        return self.classify((encoded * kept).sum(1) / kept.sum(1))


def make_step(device: str = "cpu") -> Callable[[Batch], None]:
    """Return a function that trains on one batch.

    Args:
        device: `cpu` or `cuda`.
    """
    model = Classifier().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step(batch: Batch) -> None:
        logits = model(batch["input_ids"], batch["attention_mask"])
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits, batch["labels"]).backward()
        optimizer.step()

    return step


def main() -> None:
    """Train for two epochs."""
    loader, step = train_loader(), make_step()
    for _ in range(2):
        for batch in loader:
            step(batch)


if __name__ == "__main__":
    main()
