"""TRL's SFTTrainer on a build: `python docs/train/trl_sft.py BUILD CHECKPOINT PROCESSOR OUT`.

CHECKPOINT is a folder or Hub id of a SmolVLM, PROCESSOR the one that the build is for. A build that
keeps clips as files is refused: TRL would drop its `video` items in silence.
"""

import sys

import torch
from datasets import load_dataset
from transformers import AutoTokenizer, ProcessorMixin, SmolVLMForConditionalGeneration
from trl import SFTConfig, SFTTrainer

from trainer.collate import Collator


class Tokenizer(ProcessorMixin):
    """TRL asks for a processor where there are images; SmolVLM's own needs torchvision, this none.

    What it would do is the collator's.
    """

    def __init__(self, tokenizer: object, **more: object) -> None:
        super().__init__(tokenizer, **more)


def main(build: str, checkpoint: str, processor: str, out: str) -> None:
    rows = load_dataset("parquet", data_files=f"{build}/data/train-*.parquet", split="train")
    config = SFTConfig(
        output_dir=out,
        max_steps=3,
        per_device_train_batch_size=2,
        learning_rate=1e-3,
        bf16=torch.cuda.is_available(),
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        # A cut row would lose its answer, or half of an image: the build has the right lengths.
        max_length=None,
        # The collator reads messages, images and media.
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    trainer = SFTTrainer(
        model=SmolVLMForConditionalGeneration.from_pretrained(checkpoint),
        args=config,
        train_dataset=rows,
        data_collator=Collator(checkpoint, processor),
        processing_class=Tokenizer(AutoTokenizer.from_pretrained(checkpoint)),
    )
    trainer.train()


if __name__ == "__main__":
    main(*sys.argv[1:])
