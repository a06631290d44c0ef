"""A training with the Trainer of Hugging Face's transformers."""

import argparse

import torch
from points import Points
from transformers import PretrainedConfig, PreTrainedModel, Trainer, TrainingArguments


class Model(PreTrainedModel):
    config_class = PretrainedConfig

    def __init__(self, config) -> None:
        super().__init__(config)
        self.layer = torch.nn.Linear(8, 4)
        self.post_init()

    def forward(self, points=None, labels=None):
        logits = self.layer(points)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


class Samples(Points):
    def __getitem__(self, index):
        points, label = super().__getitem__(index)
        return {"points": points, "labels": label}


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--out", default="out")
arguments = parser.parse_args()
settings = TrainingArguments(
    output_dir=arguments.out,
    num_train_epochs=arguments.epochs,
    per_device_train_batch_size=8,
    use_cpu=True,
    report_to=[],
    save_strategy="no",
    eval_strategy="epoch",
    disable_tqdm=True,
)
Trainer(Model(PretrainedConfig()), settings, train_dataset=Samples(96), eval_dataset=Samples(32)).train()
