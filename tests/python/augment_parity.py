"""Compares augmented batches with what Pillow makes of the stored pictures.

usage: augment_parity.py DATASET BATCHES

BATCHES.json: augmentation, seed, epoch, side, and the sample ids in the order of delivery; BATCHES.bin: their
pixels, uint8 [n, 3, side, side]. What is drawn comes from the fixtures' own Python, the stored pictures from the
reference decoder. Every byte must be equal.
"""
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "schemas"), str(ROOT / "tests/fixtures/loader")]
from augment import draw  # noqa: E402
from reference_decoder import samples  # noqa: E402


def stored(dataset, side):
    return {sample.sample_id: sample.tensors[f"image_{side}"] for sample in samples(dataset) if sample.split == "train"}


def augmented(planes, part):
    top, left, height, width, high, wide, flipped = part
    image = Image.fromarray(np.ascontiguousarray(planes.transpose(1, 2, 0)))
    image = image.crop((left, top, left + width, top + height))
    if (height, width) != (high, wide):
        image = image.resize((wide, high), Image.BILINEAR)
    if flipped:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    return np.asarray(image).transpose(2, 0, 1)


def main():
    dataset, batches = Path(sys.argv[1]), Path(sys.argv[2])
    assert PIL.__version__.startswith("11.3."), f"the reference is Pillow 11.3, found {PIL.__version__}"
    told = json.loads(batches.with_suffix(".json").read_bytes())
    pictures = stored(dataset, told["stored_side"])
    side = told["side"]
    found = np.fromfile(batches.with_suffix(".bin"), np.uint8).reshape(-1, 3, side, side)
    assert len(found) == len(told["ids"]) > 0
    seen, scaled, turned = Counter(), 0, 0
    for sample_id, pixels in zip(told["ids"], found):
        planes = pictures[sample_id]
        part = draw(told["augment"], told["seed"], told["epoch"], sample_id, seen[sample_id], *planes.shape[1:])
        seen[sample_id] += 1
        expected = augmented(planes, part)
        if not np.array_equal(pixels, expected):
            sys.exit(f"BROKEN: {sample_id}, drawn {part}: {np.count_nonzero(pixels != expected)} bytes differ")
        scaled += part[2:4] != part[4:6]
        turned += part[6]
    print(f"kept: {len(found)} samples equal Pillow {PIL.__version__}'s, {scaled} scaled, {turned} turned round")


if __name__ == "__main__":
    main()
