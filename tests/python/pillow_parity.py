"""Compares every stored picture of a dataset with what Pillow makes of its source.

usage: pillow_parity.py DATASET DUMP

Pillow is to read every one of them, so none may be missing. The recipe is read from dataset.json (decode must be `exact`, dtype u8). Every byte must be equal.
"""
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import blake3
import numpy as np
import PIL
import pyarrow.parquet
from PIL import Image, ImageFile, ImageOps

ImageFile.LOAD_TRUNCATED_IMAGES = True
Image.MAX_IMAGE_PIXELS = None
FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos3": Image.LANCZOS}


def tensor(path, size, recipe):
    picture = Image.open(path)
    if recipe.get("orient", "stored") == "exif":
        try:
            picture = ImageOps.exif_transpose(picture)
        except SyntaxError:
            pass  # Pillow gives up at EXIF data that are none; here they say nothing.
    picture = picture.convert("RGB")
    width, height = picture.size
    if recipe["fit"] == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        picture = picture.crop((left, top, left + side, top + side))
    assert recipe["fit"] in ("squash", "crop"), recipe["fit"]
    picture = picture.resize((size, size), FILTERS[recipe["filter"]])
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def differing(job):
    path, row, columns, recipe = job
    names = []
    for column in columns:
        pixels = tensor(path, column["shape"][2], recipe)
        if blake3.blake3(pixels.tobytes()).digest() != row[f"{column['name']}_pixels_blake3"]:
            names.append(f"{row['sample_id']} {column['name']}")
    return names


def main():
    dataset, dump = Path(sys.argv[1]), Path(sys.argv[2])
    meta = json.loads((dataset / "dataset.json").read_bytes())
    assert PIL.__version__.startswith("11.3."), f"the reference is Pillow 11.3, found {PIL.__version__}"
    assert meta["recipe"]["decode"] == "exact" and meta["recipe"]["dtype"] == "u8"
    ledger = pyarrow.parquet.read_table(dataset / meta["ledger"]["file"]).to_pylist()
    stored = [row for row in ledger if row["status"] == "stored"]
    jobs = [(dump / row["path"], row, meta["columns"], meta["recipe"]) for row in stored]
    with ProcessPoolExecutor() as pool:
        wrong = [name for names in pool.map(differing, jobs, chunksize=16) for name in names]
    left = [f"{row['sample_id']} ({row['reason']})" for row in ledger if row["status"] != "stored"]
    if left:
        sys.exit(f"BROKEN: {len(left)} of {len(ledger)} pictures are not stored: {left[:5]}")
    if wrong or not stored:
        sys.exit(f"BROKEN: {len(wrong)} of {len(stored)} pictures differ from Pillow's: {wrong[:5]}")
    filter_ = meta["recipe"]["filter"]
    print(f"kept: {len(stored)} pictures equal Pillow {PIL.__version__}'s bit for bit ({filter_})")


if __name__ == "__main__":
    main()
