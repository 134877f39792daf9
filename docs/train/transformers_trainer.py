"""transformers' Trainer on a build.

python docs/train/transformers_trainer.py BUILD CHECKPOINT PROCESSOR OUT
"""

import sys

from datasets import load_dataset
from transformers import SmolVLMForConditionalGeneration, Trainer, TrainingArguments

from trainer.collate import Collator


def main(build: str, checkpoint: str, processor: str, out: str) -> None:
    rows = load_dataset("parquet", data_files=f"{build}/data/train-*.parquet", split="train")
    arguments = TrainingArguments(
        output_dir=out,
        max_steps=3,
        per_device_train_batch_size=2,
        learning_rate=1e-3,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        # The collator reads messages, images and media.
        remove_unused_columns=False,
    )
    trainer = Trainer(
        model=SmolVLMForConditionalGeneration.from_pretrained(checkpoint),
        args=arguments,
        train_dataset=rows,
        data_collator=Collator(checkpoint, processor),
    )
    trainer.train()


if __name__ == "__main__":
    main(*sys.argv[1:])
