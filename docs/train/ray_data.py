"""Ray Data into a loop of one's own: `python docs/train/ray_data.py BUILD CHECKPOINT PROCESSOR`.

Ray reads the Parquet and hands over rows in the build's order; ids and tiles are made in the loop's
process, so that no tensors of a picture's size go through the object store.
"""

import sys

import ray
import torch
from transformers import SmolVLMForConditionalGeneration

from trainer.collate import Collator


def main(build: str, checkpoint: str, processor: str) -> None:
    ray.init(address="local", include_dashboard=False, num_cpus=2)
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    rows = ray.data.read_parquet(f"{build}/data", file_extensions=["parquet"])
    collate = Collator(checkpoint, processor)
    model = SmolVLMForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    pair = []
    step = 0
    for row in rows.iter_rows():
        pair.append(row)
        if len(pair) < 2:
            continue
        loss = model(**collate(pair)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        pair, step = [], step + 1
        print(f"step {step}  loss {loss.item():.4f}")
        if step == 3:
            break
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
