"""A loop of one's own over `datasets`, streaming.

python docs/train/datasets_stream.py BUILD CHECKPOINT PROCESSOR
"""

import os
import sys

import torch
from datasets import load_dataset
from torch.utils.data import DataLoader
from transformers import SmolVLMForConditionalGeneration

from trainer.collate import Collator


def main(build: str, checkpoint: str, processor: str) -> None:
    rows = load_dataset(
        "parquet", data_files=f"{build}/data/train-*.parquet", split="train", streaming=True
    )
    model = SmolVLMForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = DataLoader(rows, batch_size=2, collate_fn=Collator(checkpoint, processor))
    for step, batch in zip(range(3), loader, strict=False):
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print(f"step {step + 1}  loss {loss.item():.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
    # The loop has left the stream before its end, and pyarrow's threads may still read: an orderly
    # exit then waits for them without end, or aborts (apache/arrow#45214, pyarrow 26.0.1).
    sys.stdout.flush()
    os._exit(0)
