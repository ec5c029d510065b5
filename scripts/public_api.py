"""Prints the public items of a crate and their members, one a line, by the pages that rustdoc made of it."""

import html.parser
import pathlib
import sys

KINDS = {"constant", "enum", "fn", "struct", "trait", "type"}
MEMBERS = {"associatedconstant", "associatedtype", "method", "structfield", "tymethod", "variant"}


class Page(html.parser.HTMLParser):
    """Collects the anchors of a page that stand for members that were written for the type itself."""

    def __init__(self):
        super().__init__()
        self.members = set()
        self.inside = []  # ids of the sections that the parser is in
        self.foreign = 0  # how many elements deep inside a list of implementations of others' traits

    def handle_starttag(self, tag, attributes):
        name = dict(attributes).get("id") or ""
        if tag in {"br", "img", "input", "link", "meta", "wbr", "hr"}:
            return
        starts = name in {"trait-implementations-list", "synthetic-implementations-list", "blanket-implementations-list"}
        if self.foreign or starts or name.startswith("deref-methods"):
            self.foreign += 1
        kind, _, member = name.partition(".")
        if not self.foreign and kind in MEMBERS and member and not member.endswith(".fields"):
            self.members.add(f"{kind} {member}")

    def handle_endtag(self, tag):
        if self.foreign:
            self.foreign -= 1


def main(root):
    for page in sorted(root.rglob("*.html"), key=lambda page: page.relative_to(root).as_posix()):
        kind, _, name = page.stem.partition(".")
        if kind not in KINDS or not name:
            continue
        path = "::".join(["tcolz", *page.relative_to(root).parent.parts, name])
        print(f"{path}: {kind}")
        if kind in {"enum", "struct", "trait"}:
            reader = Page()
            reader.feed(page.read_text(encoding="utf-8"))
            for member in sorted(reader.members):
                print(f"{path}: {member}")


main(pathlib.Path(sys.argv[1]))
