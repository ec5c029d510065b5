"""Reference decoder of tcolz datasets, format version 1: numpy, pyarrow, zstandard, blake3, xxhash.

    python reference_decoder.py DATASET          reads everything, tests every hash, prints the content root

    import reference_decoder
    for sample in reference_decoder.samples("DATASET"):
        sample.sample_id, sample.label, sample.tensors["image_224"]    # numpy [3, 224, 224]

It is written to be read beside format.md, not to be fast, and shares no code with tcolz.
"""
import json
import sys
from pathlib import Path
from typing import NamedTuple

import blake3
import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import xxhash
import zstandard

DTYPES = {"u8": np.dtype("u1"), "f16": np.dtype("<f2"), "f32": np.dtype("<f4")}


class Sample(NamedTuple):
    split: str
    shard: int
    row: int
    sample_id: str
    label: int | None
    tensors: dict


def read_meta(dataset):
    """dataset.json, after its checksum: BLAKE3 of everything before the key `checksum`."""
    text = (Path(dataset) / "dataset.json").read_bytes()
    before, key, _ = text.rpartition(b'"checksum": "')
    meta = json.loads(text)
    assert key and blake3.blake3(before).hexdigest() == meta["checksum"], "dataset.json is damaged"
    assert (meta["format"], meta["format_version"]) == ("tcolz", 1), "another format version"
    assert not meta["critical_features"], f"unknown features {meta['critical_features']}"
    return meta


def read_ledger(dataset, meta):
    path = Path(dataset) / meta["ledger"]["file"]
    assert blake3.blake3(path.read_bytes()).hexdigest() == meta["ledger"]["blake3"], "the ledger is damaged"
    return pa.parquet.read_table(path).to_pylist()


def samples(dataset):
    """Every stored sample, in the order of storage."""
    meta = read_meta(dataset)
    for split in meta["splits"]:
        for number, shard in enumerate(split["shards"]):
            with pa.memory_map(str(Path(dataset) / shard["file"])) as source:
                reader, row = pa.ipc.open_file(source), 0
                for index in range(reader.num_record_batches):
                    batch = reader.get_batch(index)
                    for at in range(batch.num_rows):
                        sample_id, label = (batch.column(name)[at].as_py() for name in ("sample_id", "label"))
                        tensors = {column["name"]: read_tensor(batch, at, column) for column in meta["columns"]}
                        yield Sample(split["name"], number, row, sample_id, label, tensors)
                        row += 1
                assert row == shard["rows"], shard


def read_tensor(batch, at, column):
    """One tensor, after its hash: XXH3-64 of id, zero byte, label (2 bytes LE, 0xFFFF for none), stored bytes."""
    sample_id, label = batch.column("sample_id")[at].as_py(), batch.column("label")[at].as_py()
    values, dtype, shape = batch.column(column["name"]), DTYPES[column["dtype"]], column["shape"]
    if column["codec"] == "raw":
        stored = values.storage[at].values.to_numpy(zero_copy_only=True).astype(dtype).tobytes()
    else:
        storage = values.storage if isinstance(values, pa.ExtensionArray) else values
        stored = storage[at].as_py()
    prefix = sample_id.encode() + b"\0" + (0xFFFF if label is None else label).to_bytes(2, "little")
    found, expected = xxhash.xxh3_64_intdigest(prefix + stored), batch.column(column["hash"])[at].as_py()
    assert found == expected, f"sample {sample_id} is damaged: {found:016x}, expected {expected:016x}"
    if column["codec"] == "raw":
        return np.frombuffer(stored, dtype).reshape(shape)
    if column["encoding"] == "plain-v1":  # the tensor's own bytes
        return np.frombuffer(zstandard.ZstdDecompressor().decompress(stored), dtype).reshape(shape)
    assert column["encoding"] == "limited-gradient-tiles8-v1", f"unknown encoding {column['encoding']}"
    return decode_frame(stored, *shape[1:])


def content_root(dataset):
    """BLAKE3 over one line of class names and one line for each stored sample, sorted by split and id."""
    meta = read_meta(dataset)
    lines = []
    for sample in samples(dataset):
        fields = [sample.split, sample.sample_id, "" if sample.label is None else str(sample.label)]
        for column in meta["columns"]:
            pixels = blake3.blake3(np.ascontiguousarray(sample.tensors[column["name"]]).tobytes()).hexdigest()
            fields.append(f"{column['name']}:{column['dtype']}:{'x'.join(map(str, column['shape']))}:{pixels}")
        lines.append(((sample.split.encode(), sample.sample_id.encode()), "\t".join(fields)))
    text = ["\t".join(["classes", *meta["classes"]])] + [line for _, line in sorted(lines)]
    return blake3.blake3("".join(line + "\n" for line in text).encode()).hexdigest()


def decode_frame(frame, height, width):
    """One zstd frame to u8 [3, height, width], channels R, G, B."""
    content = np.frombuffer(zstandard.ZstdDecompressor().decompress(frame), np.uint8)
    places = [(y, x) for y in range(0, height, 8) for x in range(0, width, 8)]
    assert content[0] == 1 and content[3] == 0 and content[4 : 4 + len(places)].max() < 135
    residuals = np.zeros((3, height, width), np.int64)  # G, R-G, B-G
    jobs = [[] for _ in range(6)]  # what each stream holds: planes, y, x
    for (y, x), code in zip(places, content[4:].tolist()):
        luma, chroma = divmod(code, 27)
        planes = [(0, luma)] + ([(1, chroma // 5), (2, chroma % 5)] if chroma < 25 else [])
        for plane, kind in planes:
            if kind:
                jobs[kind - 1].append(((plane,), y, x))  # 1, 2: wide; 3, 4: half
        if chroma >= 25:
            jobs[4 + chroma - 25].append(((1, 2), y, x))
    at = 4 + len(places)
    for stream, tiles in enumerate(jobs):
        for planes, y, x in tiles:
            shape = residuals[0, y : y + 8, x : x + 8].shape
            n = shape[0] * shape[1]
            size = (n + 1) // 2 if stream in (2, 3) else n
            part = content[at : at + size].astype(np.int64)
            at += size
            if stream < 2:
                values = [(part ^ 128) - 128]  # signed bytes
            else:
                low, high = ((part & 15) ^ 8) - 8, ((part >> 4) ^ 8) - 8
                values = [np.concatenate([low, high])[:n]] if stream < 4 else [low, high]
            for plane, value in zip(planes, values):
                residuals[plane, y : y + 8, x : x + 8] = value.reshape(shape)
    assert at == len(content)
    for plane in (1, 2):
        residuals[plane] += (int(content[plane].astype(np.int8)) * residuals[0] + 4) >> 3
    pixels = np.full((3, height + 1, width), 128)  # row 0 stands above the image
    for step in range(width + 2 * (height - 1)):  # a front of pixels whose neighbours are known
        y = np.arange(max(0, (step - width + 2) // 2), min(height - 1, step // 2) + 1)
        x = step - 2 * y
        n, ne = pixels[:, y, x], pixels[:, y, np.minimum(x + 1, width - 1)]
        w, nw = (np.where(x == 0, n, pixels[:, y + below, x - 1]) for below in (1, 0))
        low, high = np.minimum(np.minimum(w, n), ne), np.maximum(np.maximum(w, n), ne)
        pixels[:, y + 1, x] = np.clip(w + n - nw, low, high) + residuals[:, y, x] & 255
    g, red, blue = pixels[:, 1:]
    return np.stack([red + g - 128, g, blue + g - 128]).astype(np.uint8)


if __name__ == "__main__":
    root = content_root(sys.argv[1])
    read_ledger(sys.argv[1], read_meta(sys.argv[1]))
    assert root == read_meta(sys.argv[1])["content_root"], f"content root {root} is not the one written down"
    print(f"every row is as it was written; content root {root}")
