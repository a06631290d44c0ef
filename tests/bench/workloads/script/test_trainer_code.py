"""Code for loaders that the Hugging Face Trainer makes."""

from __future__ import annotations

from bench.workloads.script.trainer_code import write_trainer_call


def test_arguments_have_the_names_of_the_trainer() -> None:
    """The batch size has another prefix than the others."""
    assert write_trainer_call(["batch_size=8", "num_workers=2", "in_order=False"]) == (
        "TrainingArguments(..., per_device_train_batch_size=8, dataloader_num_workers=2, "
        "dataloader_in_order=False)"
    )
