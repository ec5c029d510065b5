"""Hashes of what examples/torch_dataset.py reads, for the test to hold against tcolz's own reader.

usage: torch_dataset.py EXAMPLES_FOLDER DATASET

Prints "SPLIT SIZE VIEW HASH": BLAKE3 of each sample's id, a zero byte, its label (int64, -1 for none) and its image,
little-endian, in the order of storage. Samples are asked for in batches and one by one, and must be the same.
"""
import json
import sys
from pathlib import Path

import blake3
import numpy as np

sys.path.insert(0, sys.argv[1])
from torch_dataset import TcolzDataset, torch  # noqa: E402

dataset = Path(sys.argv[2])
meta = json.loads((dataset / "dataset.json").read_text())
is_pixels = meta["columns"][0]["dtype"] == "u8"
views = [view["name"] for view in meta["views"]] + ["u8"] if is_pixels else [meta["recipe"]["view"]]
for split in meta["splits"]:
    for column in meta["columns"]:
        for view in views:
            size, hasher = column["shape"][1], blake3.blake3()
            samples = TcolzDataset(dataset, split["name"], view, size)
            assert len(samples) == split["rows"], (len(samples), split["rows"])
            for start in range(0, len(samples), 7):
                indices = range(start, min(start + 7, len(samples)))
                batch = samples.__getitems__(indices)
                images, labels = (np.asarray(part) for part in samples.collate(batch))
                assert len(batch) == len(images) == len(indices) and labels.dtype == np.int64
                for index, (image, label), sample_id in zip(indices, batch, batch.sample_ids):
                    hasher.update(sample_id.encode() + b"\0" + np.asarray(label).astype("<i8").tobytes())
                    hasher.update(np.ascontiguousarray(image).tobytes())
                    if index % 5 == 0:
                        alone, own = samples[index]
                        assert np.array_equal(np.asarray(alone), np.asarray(image)) and own == label, index
            print(split["name"], size, view, hasher.hexdigest())


def refused(expected, wrong):
    try:
        wrong()
    except (ValueError, IndexError) as error:
        assert expected in str(error), error
    else:
        sys.exit(f"BROKEN: nothing was said of: {expected}")


first = meta["splits"][0]["name"]
refused("no split 'tran' in", lambda: TcolzDataset(dataset, "tran"))
refused("no size 7", lambda: TcolzDataset(dataset, first, size=7))
refused("cannot be had of them" if not is_pixels else "no view 'cafe'", lambda: TcolzDataset(dataset, first, "cafe"))
refused("sample 1000000 of", lambda: TcolzDataset(dataset, first)[1_000_000])
if torch is not None:  # through torch's own loader, in other processes
    samples = TcolzDataset(dataset, first)
    loader = torch.utils.data.DataLoader(samples, batch_size=4, num_workers=2, collate_fn=samples.collate)
    images = torch.cat([images for images, _ in loader])
    assert torch.equal(images, torch.as_tensor(samples.__getitems__(range(len(samples))).images))
    whole = torch.utils.data.DataLoader(samples, batch_size=4)  # with torch's collate, too
    assert torch.equal(images, torch.cat([images for images, _ in whole]))
    print("torch", torch.__version__, file=sys.stderr)
