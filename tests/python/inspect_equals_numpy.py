"""Holds `tcolz inspect --json` against what numpy counts and adds up from the pixels themselves.

usage: inspect_equals_numpy.py DATASET INSPECT_JSON SCHEMAS_FOLDER

Whole numbers must be equal, and so must what follows from them; the deviation that numpy computes in
floating point must agree to twelve digits.
"""
import json
import math
import sys
from collections import Counter
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow.parquet

dataset, schemas = Path(sys.argv[1]), Path(sys.argv[3])
found = json.loads(Path(sys.argv[2]).read_text())
sys.path.insert(0, str(schemas))
import reference_decoder  # noqa: E402  (lies in schemas/)

schema = json.loads((schemas / "inspect.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(found, schema)


def equal(what, said, counted):
    if said != counted:
        sys.exit(f"{what}: inspect says {said}, numpy {counted}")


meta = reference_decoder.read_meta(dataset)
rows = reference_decoder.read_ledger(dataset, meta)
stored = [row for row in rows if row["status"] == "stored"]

# The pixels: exact sums of every column over everything, each split and each class, sample by sample, so
# that no dataset is too large; numpy's own floating-point statistics where it holds them in memory.
FEW_BYTES = 50_000_000
few = len(stored) * sum(math.prod(column["shape"]) for column in meta["columns"]) <= FEW_BYTES
totals, pixels = {}, {}
for sample in reference_decoder.samples(dataset):
    for column in meta["columns"]:
        planes = sample.tensors[column["name"]].reshape(3, -1)
        wide = planes.astype(np.uint64)
        row = np.array([[planes.shape[1]] * 3, wide.sum(1), (wide * wide).sum(1)], dtype=np.uint64)
        for group in [("all",), ("split", sample.split), ("class", sample.label)]:
            key = (column["name"], *group)
            totals[key] = totals.get(key, 0) + row
            if few:
                pixels.setdefault(key, []).append(planes)


def channels(said, column, *group):
    total = totals.get((column, *group))
    if total is None:
        equal(f"{column} {group}", [said["pixels"], said["mean"], said["std"]], [0, None, None])
        return
    (number, *_), sums, squares = total.tolist()
    equal(f"{column} {group} pixels", said["pixels"], number)
    equal(f"{column} {group} sum", said["sum"], sums)
    equal(f"{column} {group} sum_of_squares", said["sum_of_squares"], squares)
    equal(f"{column} {group} mean", said["mean"], [total / number for total in sums])
    exact = [math.sqrt(number * q - s * s) / number for s, q in zip(sums, squares)]
    equal(f"{column} {group} std", said["std"], exact)
    if few:
        float64 = np.concatenate(pixels[column, *group], axis=1).astype(np.float64)
        assert np.allclose(said["mean"], float64.mean(1), rtol=1e-12, atol=0), (column, group)
        assert np.allclose(said["std"], float64.std(1), rtol=1e-12, atol=1e-12), (column, group)


for index, column in enumerate(meta["columns"]):
    name = column["name"]
    channels(found["tensors"][index], name, "all")
    for split in found["splits"]:
        channels(split["channels"][index], name, "split", split["name"])
    for label, of_class in enumerate(found["class_statistics"]):
        channels(of_class["channels"][index], name, "class", label)

# The counts.
status = Counter(row["status"] for row in rows)
words = ["stored", "quarantined", "missing", "duplicate"]
equal("counts", found["counts"], {"listed": len(rows)} | {word: status[word] for word in words})
for split in found["splits"]:
    labels = Counter(row["label"] for row in stored if row["split"] == split["name"])
    equal(split["name"], split["samples"], sum(labels.values()))
    equal(split["name"], split["by_class"], [labels[label] for label in range(len(meta["classes"]))])
    equal(split["name"], split["unlabelled"], labels[None])
code = lambda row: (row["reason"] or "unknown").partition(":")[0]  # noqa: E731
equal("reasons", found["reasons"], Counter(code(row) for row in rows if row["status"] != "stored"))
equal("remarks", found["remarks"], Counter(code(row) for row in stored if row["reason"]))
equal("recovered", found["recovered"], sum(row["recovered_share"] < 1 for row in stored))
formats = Counter(row["format"] + (" (progressive)" if row["progressive"] else "") for row in stored)
equal("formats", found["formats"], formats)
equal("text scores", found["with_text_scores"], sum(row["text_neg"] is not None for row in stored))
agreement = Counter(str(row["agreement"]) for row in stored if row["agreement"] is not None)
equal("agreement", found["agreement"], agreement)

for name, column in [("bytes", "source_bytes"), ("width",) * 2, ("height",) * 2, ("jpeg_quality",) * 2]:
    numbers = np.array([row[column] for row in stored if row[column] is not None], dtype=np.uint64)
    said = found["source"][name]
    equal(name, said["count"], len(numbers))
    if len(numbers):
        quartiles = np.percentile(numbers, [25, 50, 75], method="inverted_cdf").tolist()
        ends = [said["smallest"], *said["quartiles"], said["largest"], said["sum"]]
        equal(name, ends, [int(numbers.min()), *quartiles, int(numbers.max()), int(numbers.sum())])

# The histograms and the text scores.
largest = meta["columns"][-1]["name"]
photos = [row for row in stored if row["width"]]
sums = lambda row, what: [row[f"{largest}_{what}_{channel}"] for channel in "rgb"]  # noqa: E731
side = meta["columns"][-1]["shape"][-1] ** 2
spread = lambda row: sum(side * q - s * s for s, q in zip(sums(row, "sum"), sums(row, "sum_squares")))  # noqa: E731
values = {
    "width": [row["width"] for row in photos],
    "height": [row["height"] for row in photos],
    "aspect": [row["width"] / row["height"] for row in photos],
    "bytes": [row["source_bytes"] for row in stored if row["source_bytes"] is not None],
    "jpeg_quality": [row["jpeg_quality"] for row in photos if row["jpeg_quality"] is not None],
    "brightness": [sum(sums(row, "sum")) / (3 * side) for row in stored],
    "contrast": [math.sqrt(spread(row) / 3) / side for row in stored],
}
for name, numbers in values.items():
    said = found["histograms"][name]
    equal(f"{name} histogram", sum(said["counts"]), len(numbers))
    if numbers:
        edges = np.array([*said["edges"][:-1], np.inf])
        equal(f"{name} histogram", said["counts"], np.histogram(numbers, edges)[0].tolist())
fields = ["text_neg", "text_neu", "text_pos"]
scored = [row for row in stored if None not in (row[field] for field in fields)]
equal("text scores", found["text_scores"] is None, not scored)
if scored:
    for label, said in enumerate(found["text_scores"]["by_class"]):
        label = label if said["class"] is not None else None
        own = np.array([[row[f] for f in fields] for row in scored if row["label"] == label])
        equal(f"scores of {label}", said["samples"], len(own))
        if len(own):
            assert np.allclose(said["mean"], own.mean(0), rtol=0, atol=1e-6), (label, said)
            highest = np.bincount(own.argmax(1), minlength=3).tolist()
            equal(f"highest of {label}", said["highest"], highest)

# The bytes.
size = lambda file: (dataset / file).stat().st_size  # noqa: E731
for split, storage in zip(meta["splits"], found["storage"]):
    equal("storage", storage["bytes"], sum(size(shard["file"]) for shard in split["shards"]))
shards = [shard["file"] for split in meta["splits"] for shard in split["shards"]]
equal("stored bytes", found["stored_bytes"], sum(map(size, shards)) + size("ledger.parquet"))
equal("content root", found["content_root"], reference_decoder.content_root(dataset))
print("every number is numpy's")
