"""A training with Lightning: it checks validation first, and asks for no more batches than there are."""

import argparse

import lightning
import torch
from points import Points
from torch.utils.data import DataLoader


class Model(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(8, 4)

    def training_step(self, batch, index):
        points, labels = batch
        return torch.nn.functional.cross_entropy(self.layer(points), labels)

    def validation_step(self, batch, index):
        self.log("loss", self.training_step(batch, index))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
arguments = parser.parse_args()
trainer = lightning.Trainer(
    accelerator="cpu", max_epochs=arguments.epochs, logger=False, enable_checkpointing=False
)
train = DataLoader(Points(96), batch_size=8, shuffle=True)
trainer.fit(Model(), train, DataLoader(Points(32), batch_size=8))
print("not reached")
