"""A tcolz dataset as a torch Dataset, with numpy and pyarrow alone: nothing of tcolz is called.

    from torch_dataset import TcolzDataset
    photos = TcolzDataset("b-t4sa.tcolz", "train", view="caffe")
    loader = torch.utils.data.DataLoader(photos, batch_size=64, shuffle=True, num_workers=2, collate_fn=photos.collate)
    for images, labels in loader:              # f32 [64, 3, 224, 224], int64 [64]; -1 where there is no label

    python examples/torch_dataset.py DATASET --bench [--workers 2] [--view caffe] …      prints photos/s as JSON

It needs numpy, pyarrow, zstandard, xxhash, blake3; without torch it gives numpy arrays. Every row's hash is tested. The
format is that of schemas/format.md; numpy_decoder.py beside this file decodes whole batches at once. It is for those who
cannot run tcolz: its own loader is many times as fast.
"""
import argparse
import bisect
import itertools
import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import xxhash
import zstandard

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "schemas")]
import reference_decoder  # noqa: E402  (lies in schemas/)
from numpy_decoder import decode_tiles  # noqa: E402  (lies beside this file)

try:
    import torch
    from torch.utils.data import Dataset
except ImportError:  # the same protocol, on numpy arrays
    torch, Dataset = None, object

NO_LABEL = -1


class Batch(list):
    """Samples (image, label) that lie in one array each, so that `TcolzDataset.collate` copies nothing."""

    def __init__(self, images, labels, sample_ids):
        super().__init__(zip(images, labels))
        self.images, self.labels, self.sample_ids = images, labels, sample_ids


class TcolzDataset(Dataset):
    """The stored samples of a split, in the order of storage.

    view: a view of dataset.json, None for the recipe's. "u8" gives the pixels as stored. size: which stored size.
    """

    def __init__(self, path, split, view=None, size=None):
        self.path = Path(path)
        meta = reference_decoder.read_meta(path)
        splits = {entry["name"]: entry["shards"] for entry in meta["splits"]}
        if split not in splits:
            raise ValueError(f"no split {split!r} in {path}; there are: {', '.join(splits)}")
        columns = {column["shape"][1]: column for column in meta["columns"]}
        if size is not None and size not in columns:
            raise ValueError(f"no size {size} in {path}; there are: {', '.join(map(str, columns))}")
        self.column = columns[size] if size is not None else meta["columns"][0]
        self.shards = splits[split]
        self.ends = list(itertools.accumulate(shard["rows"] for shard in self.shards))
        self.classes = meta["classes"]
        self.tables = self._tables(meta, view)
        self.open = {}

    def _tables(self, meta, view):
        """The view as float32 [3, 256] and its order of channels; None where numbers are given as stored."""
        name, own = view or meta["recipe"]["view"], meta["recipe"]["view"]
        if self.column["dtype"] != "u8":
            if name != own:
                raise ValueError(f"the dataset holds numbers of the view {own}; {name} cannot be had of them")
            return None
        if name == "u8":
            return None
        views = {entry["name"]: entry for entry in meta["views"]}
        if name not in views:
            raise ValueError(f"no view {name!r}; there are: u8, {', '.join(views)}")
        tables = np.broadcast_to(np.arange(256, dtype=np.float32), (3, 256))
        for step in views[name]["operations"]:
            ((operation, values),) = step.items()
            values = np.array(values, np.float32)[:, None]
            tables = {"subtract": np.subtract, "divide": np.divide}[operation](tables, values)
        return tables, [2, 1, 0] if views[name]["channels"] == "BGR" else [0, 1, 2]

    def __len__(self):
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, index):
        return self.__getitems__([index])[0]

    def __getitems__(self, indices):
        """A batch, decoded at once. torch's DataLoader calls it by itself."""
        samples = [self._stored(int(index)) for index in indices]
        ids, labels, stored = zip(*samples) if samples else ((), (), ())
        images = self._images(stored)
        labels = np.array([NO_LABEL if label is None else label for label in labels], np.int64)
        if torch is not None:
            images, labels = torch.from_numpy(images), torch.from_numpy(labels)
        return Batch(images, labels, list(ids))

    @staticmethod
    def collate(batch):
        """(images, labels) of a batch; torch's own collate would copy them once more."""
        return batch.images, batch.labels

    def __getstate__(self):
        """Workers that are spawned map the shards themselves."""
        return {**self.__dict__, "open": {}}

    def _shard(self, number):
        """Record batches of a mapped shard and where each ends, tested once against dataset.json."""
        if number not in self.open:
            entry = self.shards[number]
            reader = pa.ipc.open_file(pa.memory_map(str(self.path / entry["file"])))
            batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
            ends = list(itertools.accumulate(batch.num_rows for batch in batches))
            if (ends or [0])[-1] != entry["rows"]:
                raise ValueError(f"{entry['file']}: expected {entry['rows']} rows, found {ends[-1]}")
            self.open[number] = (batches, ends)
        return self.open[number]

    def _stored(self, index):
        """Sample id, label and stored bytes of a sample, their hash tested."""
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        number = bisect.bisect_right(self.ends, index)
        row = index - (self.ends[number - 1] if number else 0)
        batches, ends = self._shard(number)
        at = bisect.bisect_right(ends, row)
        batch, row = batches[at], row - (ends[at - 1] if at else 0)
        sample_id, label = (batch.column(name)[row].as_py() for name in ("sample_id", "label"))
        values = batch.column(self.column["name"])
        values = values.storage if isinstance(values, pa.ExtensionArray) else values
        if self.column["codec"] == "raw":
            stored = memoryview(values[row].values.to_numpy(zero_copy_only=True)).cast("B")
        else:
            stored = memoryview(values[row].as_buffer())
        hasher = xxhash.xxh3_64(sample_id.encode() + b"\0" + (0xFFFF if label is None else label).to_bytes(2, "little"))
        hasher.update(stored)
        expected = batch.column(self.column["hash"])[row].as_py()
        if hasher.intdigest() != expected:
            where = f"{self.shards[number]['file']}, row {index - (self.ends[number - 1] if number else 0)}"
            raise ValueError(f"{where}: sample {sample_id} is damaged: {hasher.hexdigest()}, expected {expected:016x}")
        return sample_id, label, stored

    def _images(self, stored):
        """Stored bytes of n samples to [n, 3, H, W]."""
        shape, dtype = self.column["shape"], reference_decoder.DTYPES[self.column["dtype"]]
        if self.column["codec"] == "zstd":
            decompress = zstandard.ZstdDecompressor().decompress
            stored = [decompress(frame) for frame in stored]
        if self.column.get("encoding", "plain-v1") == "plain-v1":
            images = np.empty((len(stored), *shape), dtype)
            for image, tensor in zip(images, stored):
                image[:] = np.frombuffer(tensor, dtype).reshape(shape)
        else:
            expected = "limited-gradient-tiles8-v1"
            if self.column["encoding"] != expected:
                raise ValueError(f"expected the encoding {expected}, found {self.column['encoding']}")
            images = decode_tiles(stored, *shape[1:])
        if self.tables is None:
            return images
        tables, order = self.tables
        out = np.empty(images.shape, np.float32)
        for channel, (table, source) in enumerate(zip(tables, order)):
            np.take(table, images[:, source], out=out[:, channel], mode="clip")
        return out


def bench(arguments):
    """Shuffled epochs until there were enough of them and enough seconds; photos/s of each."""
    dataset = TcolzDataset(arguments.dataset, arguments.split, arguments.view)
    size, epochs, begun = arguments.batch, [], time.perf_counter()
    whole = len(dataset) // size * size
    if not whole:
        sys.exit(f"{arguments.dataset}: {len(dataset)} samples are fewer than a batch of {size}")
    random = np.random.default_rng(0)
    if torch is not None:
        torch.set_num_threads(1)
        options = {"shuffle": True, "drop_last": True, "collate_fn": dataset.collate}
        loader = torch.utils.data.DataLoader(dataset, batch_size=size, num_workers=arguments.workers, **options)
    else:
        arguments.workers = 0
    while len(epochs) < arguments.epochs or time.perf_counter() - begun < arguments.seconds:
        if torch is not None:
            batches = iter(loader)
        else:
            order = random.permutation(len(dataset))[:whole].reshape(-1, size)
            batches = (dataset.collate(dataset.__getitems__(part)) for part in order)
        photos, start = 0, time.perf_counter()
        for images, labels in batches:
            assert images.shape[1] == 3 and len(images) == len(labels) == size, images.shape
            photos += len(images)
        epochs.append(photos / (time.perf_counter() - start))
    versions = {"numpy": np.__version__, "pyarrow": pa.__version__, "torch": torch and torch.__version__}
    print(json.dumps({
        "photos_per_second": float(np.median(epochs)), "epochs": epochs, "photos": whole, "batch": size,
        "workers": arguments.workers, **versions,
    }))


def main():
    parser = argparse.ArgumentParser(description="A tcolz dataset as a torch Dataset.")
    parser.add_argument("dataset")
    parser.add_argument("--split", default="train")
    parser.add_argument("--view", help="a view of dataset.json (the recipe's), or u8")
    parser.add_argument("--bench", action="store_true", help="measure shuffled epochs, print JSON")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2, help="processes of torch's DataLoader")
    parser.add_argument("--epochs", type=int, default=3, help="at least so many")
    parser.add_argument("--seconds", type=float, default=5, help="and so many seconds")
    arguments = parser.parse_args()
    if arguments.bench:
        return bench(arguments)
    dataset = TcolzDataset(arguments.dataset, arguments.split, arguments.view)
    image, label = dataset[0]
    print(f"{len(dataset)} samples of {arguments.split}, images {tuple(image.shape)} {image.dtype}; the first is of")
    print("no class" if label == NO_LABEL else f"class {dataset.classes[int(label)]}")


if __name__ == "__main__":
    main()
