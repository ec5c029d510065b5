"""Holds a page of `tcolz inspect --html` against its JSON form, and its mean images against numpy.

usage: report_equals_json.py DATASET REPORT_HTML REPORT_JSON SCHEMAS_FOLDER

Every element `data` must have the value that stands in the JSON form at the place it names, and show it; every
picture must be in the page; nothing may run or be fetched.
"""
import base64
import io
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import numpy as np
import referencing
from PIL import Image

dataset, page, schemas = Path(sys.argv[1]), Path(sys.argv[2]).read_text(), Path(sys.argv[4])
said = json.loads(Path(sys.argv[3]).read_text())
sys.path.insert(0, str(schemas))
import reference_decoder  # noqa: E402  (lies in schemas/)

names = ["report", "inspect", "duplicates"]
schema, *others = [json.loads((schemas / f"{name}.schema.json").read_text()) for name in names]
registry = referencing.Registry().with_resources(
    (f"{name}.schema.json", referencing.Resource.from_contents(other)) for name, other in zip(names[1:], others)
)
jsonschema.Draft202012Validator(schema, registry=registry).validate(said)

VOID = {"meta", "img", "link", "br"}


class Page(HTMLParser):
    """Elements in their order: tag, attributes, text; an error where they are not closed in order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.all = [], []

    def handle_starttag(self, tag, attributes):
        self.all.append([tag, dict(attributes), ""])
        if tag not in VOID:
            self.open.append(self.all[-1])

    def handle_startendtag(self, tag, attributes):
        self.all.append([tag, dict(attributes), ""])

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, (tag, self.open[-3:], self.getpos())
        self.open.pop()

    def handle_data(self, text):
        if self.open:
            self.open[-1][2] += text


parsed = Page()
parsed.feed(page)
parsed.close()
assert not parsed.open, parsed.open

# Numbers.
def resolve(pointer):
    value = said
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else (value or {}).get(key)
    return value


numbers = [(a["data-at"], a["value"], text) for tag, a, text in parsed.all if tag == "data"]
assert len(numbers) > 20, len(numbers)
for pointer, value, text in numbers:
    expected = resolve(pointer)
    if expected is None:
        assert (value, text) == ("", "–"), (pointer, value, text)
        continue
    assert not isinstance(expected, (bool, str)), (pointer, expected)
    assert float(value) == expected, (pointer, value, expected)
    shown = text.replace(",", "")
    units = {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
    if match := re.fullmatch(r"([\d.]+) (\w+)", shown):
        step = 10.0 ** -len(match[1].partition(".")[2]) * units[match[2]]
        assert abs(float(match[1]) * units[match[2]] - expected) <= step * 0.5001, (pointer, text)
    else:
        step = 10.0 ** -len(shown.partition(".")[2]) if "." in shown else 0
        assert abs(float(shown) - expected) <= step * 0.5001, (pointer, text, expected)

# Whatever a table shows as a number behind a row's name says where it is from, but for words and counts of groups.
assert "/inspection/counts/stored" in {pointer for pointer, *_ in numbers}

# Nothing runs, nothing is fetched.
for tag, attributes, _ in parsed.all:
    assert tag not in {"script", "iframe", "object", "embed", "form", "link", "base"}, tag
    for name, value in attributes.items():
        assert not name.startswith("on"), (tag, name)
        if name in {"src", "href", "action", "xlink:href"}:
            assert value.startswith(("data:image/", "#")), (tag, name, value[:80])
for css in [text for tag, _, text in parsed.all if tag == "style"]:
    assert "@import" not in css and all(url.startswith(('"data:', "data:")) for url in re.findall(r"url\(([^)]*)", css))

# Alternative texts.
for tag, attributes, _ in parsed.all:
    assert tag != "img" or attributes.get("alt"), attributes
    assert attributes.get("role") != "img" or attributes.get("aria-label"), attributes
ids = [a["id"] for _, a, _ in parsed.all if "id" in a]
assert len(ids) == len(set(ids)), "ids are different"
assert len(page.encode()) <= 10_000_000, len(page)

# Mean images: the mean over all samples of each cell's pixels, rounded half up, once.
means = said["mean_images"]
if means and means["percent"] is None and said["inspection"]["selected"] is None:
    meta = reference_decoder.read_meta(dataset)
    column = meta["columns"][-1]
    size, side = column["shape"][-1], means["side"]
    sums = {}
    for sample in reference_decoder.samples(dataset):
        total, number = sums.get(sample.label, (0, 0))
        sums[sample.label] = (total + sample.tensors[column["name"]].astype(np.uint64), number + 1)
    classes = {name: label for label, name in enumerate(meta["classes"])}
    shown = [a["src"] for tag, a, _ in parsed.all if tag == "img" and a["src"].startswith("data:image/png")]
    assert len(shown) == len(means["classes"])
    edges = [cell * size // side for cell in range(side + 1)]
    for source, of_class in zip(shown, means["classes"]):
        total, number = sums[classes.get(of_class["class"])]
        assert number == of_class["samples"], of_class
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))
        cells = np.add.reduceat(np.add.reduceat(total, edges[:-1], axis=1), edges[:-1], axis=2)
        spans = np.diff(edges)
        pixels = np.outer(spans, spans).astype(np.uint64) * np.uint64(number)
        expected = (2 * cells + pixels) // (2 * pixels)
        assert np.array_equal(picture.transpose(2, 0, 1), expected), of_class
print(f"{len(numbers)} numbers are those of the JSON form")
