"""Reads a dataset with the libraries of others, and with the reference decoder.

usage: interoperability.py DATASET SCHEMAS_FOLDER

Exits with 1 and says what differs at the first difference; otherwise prints one line per promise kept.
"""
import json
import struct
import sys
from pathlib import Path

import blake3
import duckdb
import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import xxhash

dataset, schemas = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(schemas))
import reference_decoder  # noqa: E402  (lies in schemas/)

meta = json.loads((dataset / "dataset.json").read_bytes())


def promise(sentence, kept):
    if not kept:
        sys.exit(f"BROKEN: {sentence}")
    print(f"kept: {sentence}")


schema = json.loads((schemas / "dataset.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
errors = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(meta)]
promise(f"dataset.json follows its JSON schema {errors}", not errors)

# pyarrow: every shard by memory map, every column of every row.
shards = [(split["name"], shard) for split in meta["splits"] for shard in split["shards"]]
rows = 0
for split, shard in shards:
    path = dataset / shard["file"]
    before = pa.total_allocated_bytes()
    with pa.memory_map(str(path)) as source:
        start = source.read_buffer().address
        source.seek(0)
        reader = pa.ipc.open_file(source)
        for index in range(reader.num_record_batches):
            batch = reader.get_batch(index)
            batch.validate(full=True)
            rows += batch.num_rows
            for column in meta["columns"]:
                tensors = batch.column(column["name"])
                if column["codec"] == "raw":
                    array = tensors.to_numpy_ndarray()
                    assert array.shape[1:] == tuple(column["shape"]), array.shape
                    assert not array.flags.owndata, "raw tensors were copied"
                    address = array.__array_interface__["data"][0]
                    assert start <= address < start + source.size(), "raw tensors lie outside the map"
                else:
                    assert tensors.type == pa.large_binary() or tensors.type.storage_type == pa.large_binary()
                    field = batch.schema.field(column["name"])
                    assert field.metadata[b"ARROW:extension:name"] == b"tcolz.tensor", field.metadata
        assert pa.total_allocated_bytes() == before, "reading a mapped shard allocated memory"
stored = sum(shard["rows"] for _, shard in shards)
promise(f"pyarrow {pa.__version__} maps {len(shards)} shards and reads {rows} rows without a copy", rows == stored)

# The reference decoder: the same pixels (by the ledger's hashes) and the same content root.
ledger = pa.parquet.read_table(dataset / meta["ledger"]["file"]).to_pylist()
by_place = {(row["split"], row["shard"], row["row"]): row for row in ledger if row["status"] == "stored"}
checked = 0
for sample in reference_decoder.samples(dataset):
    row = by_place.pop((sample.split, sample.shard, sample.row))
    assert (sample.sample_id, sample.label) == (row["sample_id"], row["label"]), (sample, row)
    for column in meta["columns"]:
        name, pixels = column["name"], sample.tensors[column["name"]]
        found = blake3.blake3(np.ascontiguousarray(pixels).tobytes()).digest()
        assert found == row[f"{name}_pixels_blake3"], (sample.sample_id, name)
        if column["dtype"] == "u8":
            planes = pixels.reshape(3, -1).astype(np.uint64)
            sums = [int(row[f"{name}_sum_{c}"]) for c in "rgb"]
            squares = [int(row[f"{name}_sum_squares_{c}"]) for c in "rgb"]
            assert sums == planes.sum(1).tolist(), (sample.sample_id, name)
            assert squares == (planes * planes).sum(1).tolist(), (sample.sample_id, name)
        checked += 1
promise(f"the reference decoder gives the pixels of the ledger in {checked} tensors", not by_place and checked)
root = reference_decoder.content_root(dataset)
promise(f"and the content root {root}", root == meta["content_root"])
for split in meta["splits"]:
    own = [row["sample_id"] for row in ledger if row["status"] == "stored" and row["split"] == split["name"]]
    receipt = sum(int.from_bytes(blake3.blake3(sample_id.encode()).digest()[:16], "little") for sample_id in own)
    promise(f"the receipt of {split['name']}", split["receipt"] == f"{receipt % 2**128:032x}")

# What a shard says that it holds follows from the ledger.
for split in meta["splits"]:
    for number, shard in enumerate(split["shards"]):
        own = [row for row in ledger if (row["status"], row["split"], row["shard"]) == ("stored", split["name"], number)]
        content = 0
        for row in own:
            label = 0xFFFF if row["label"] is None else row["label"]
            pixels = b"".join(row[f"{column['name']}_pixels_blake3"] for column in meta["columns"])
            content += xxhash.xxh3_128_intdigest(struct.pack("<IH", row["row"], label) + pixels + row["sample_id"].encode())
        with pa.memory_map(str(dataset / shard["file"])) as source:
            said = pa.ipc.open_file(source).metadata[b"tcolz.content"].decode()
        promise(f"{shard['file']} says what it holds", said == f"{content % 2**128:032x}")

# DuckDB: the ledger as a table.
path = str(dataset / meta["ledger"]["file"])
counts = dict(duckdb.sql(f"select status, count(*) from read_parquet('{path}') group by status").fetchall())
expected = {key: value for key, value in meta["counts"].items() if key != "listed" and value}
promise(f"DuckDB {duckdb.__version__} counts {counts}", counts == expected)
largest = duckdb.sql(
    f"select max(width * height), max(tweet_id) from read_parquet('{path}') where status = 'stored'"
).fetchall()[0]
promise(f"and computes with its numbers {largest}", largest[0] > 0)
