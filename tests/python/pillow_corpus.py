"""Makes small pictures of every kind that JPEG, PNG, GIF, WebP and BMP can be: pillow_corpus.py OUT

Sound ones by Pillow, odd ones by hand; Pillow reads them all. What tcolz reads otherwise than Pillow, on purpose, is not among them:
16-bit PNG and what the modules of crates/photo name.
"""
import io
import itertools
import math
import random
import struct
import sys
import zlib
from pathlib import Path

from PIL import Image

PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
SIZES = [(1, 1), (1, 9), (7, 1), (2, 3), (5, 4), (8, 8), (13, 11), (17, 16), (33, 19)]


def picture(width, height, mode="RGB"):
    """Edges, slopes and a little noise in every channel."""
    rng = random.Random(width * 1000 + height)
    data = bytearray()
    for y, x, c in itertools.product(range(height), range(width), range(len(mode))):
        value = 128 + 70 * math.sin(x / (5 + c) + y / 7) + (40 if (x // 5 + y // (4 + c)) % 2 else -20)
        data.append(max(0, min(255, int(value + rng.randint(-6, 6)))))
    return Image.frombytes(mode, (width, height), bytes(data))


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# --- PNG ---

def chunk(kind, data, crc=0):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ crc)


def png(width, height, depth, colour, rows, before=b"", interlace=0, between=b"", idats=1, after=b"", end=chunk(b"IEND", b"")):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = zlib.compress(rows, 6)
    step = max(1, -(-len(data) // idats))
    pixels = between.join(chunk(b"IDAT", data[at:at + step]) for at in range(0, len(data), step))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + pixels + after + end


def png_rows(rng, width, height, bits, interlace, most=255, filters=5):
    """Rows of random bytes, of each pass where interlaced."""
    rows = bytearray()
    for x0, y0, dx, dy in PASSES if interlace else [(0, 0, 1, 1)]:
        columns = -(-(width - x0) // dx) if x0 < width else 0
        for _ in range(y0, height, dy) if columns else ():
            rows.append(rng.randrange(filters))
            rows += bytes(rng.randint(0, most) for _ in range((columns * bits + 7) // 8))
    return bytes(rows)


def pngs():
    rng = random.Random(1)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    kinds = [(depth, 0) for depth in (1, 2, 4, 8)] + [(8, 2)] + [(depth, 3) for depth in (1, 2, 4, 8)] + [(8, 4), (8, 6)]
    for (depth, colour), interlace, (width, height) in itertools.product(kinds, (0, 1), SIZES):
        rows = png_rows(rng, width, height, depth * channels[colour], interlace)
        palette = chunk(b"PLTE", rng.randbytes(3 << depth)) if colour == 3 else b""
        yield f"{depth}-{colour}-{interlace}-{width}x{height}", png(width, height, depth, colour, rows, palette, interlace)
    for depth, interlace, colours in itertools.product((1, 2, 4, 8), (0, 1), (0, 1, 2, 3, 5, 10, 100, 255)):
        if colours < 1 << depth:
            rows = png_rows(rng, 13, 11, depth, interlace)
            for extra in range(2):
                palette = chunk(b"PLTE", rng.randbytes(3 * colours + extra))
                yield f"beyond-{depth}-{interlace}-{colours}-{extra}", png(13, 11, depth, 3, rows, palette, interlace)
    for interlace in (0, 1):
        rows = png_rows(rng, 9, 7, 8, interlace)
        yield f"no-palette-{interlace}", png(9, 7, 8, 3, rows, interlace=interlace)
        transparent = chunk(b"tRNS", rng.randbytes(200))
        for name, colours in (("long", 256), ("short", 20)):
            palette = chunk(b"PLTE", rng.randbytes(3 * colours))
            yield f"transparent-{name}-{interlace}", png(9, 7, 8, 3, rows, palette + transparent, interlace)
        yield f"two-palettes-{interlace}", png(9, 7, 8, 3, rows, chunk(b"PLTE", bytes(768)) + chunk(b"PLTE", rng.randbytes(768)), interlace)
    for depth, colour in kinds:
        value = {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\0\xff", 4: b"\0\0", 6: b"\0\0"}[colour]
        palette = chunk(b"PLTE", rng.randbytes(3 << depth)) if colour == 3 else b""
        rows = png_rows(rng, 11, 8, depth * channels[colour], 0)
        yield f"tRNS-{depth}-{colour}", png(11, 8, depth, colour, rows, palette + chunk(b"tRNS", value))
        yield f"tRNS-first-{depth}-{colour}", png(11, 8, depth, colour, rows, chunk(b"tRNS", value) + palette)
    rows = png_rows(rng, 13, 11, 24, 0)
    ancillary = {
        b"gAMA": [b"\0\0\xb1\x8f", b"\0\0\0\0"],
        b"cHRM": [bytes(32), bytes(8)],
        b"sRGB": [b"\0", b"\xff"],
        b"pHYs": [bytes(8) + b"\1", bytes(8) + b"\7"],
        b"tIME": [bytes(7), b""],
        b"bKGD": [bytes(6), bytes(1)],
        b"sBIT": [b"\x08\x08\x08", b"\0\0\0", b"\x63"],
        b"hIST": [bytes(4)],
        b"sPLT": [b"name\0\x08"],
        b"tEXt": [b"Comment\0hello", b"no end", b"\0", "Ä\0ö".encode()],
        b"zTXt": [b"a\0\0" + zlib.compress(b"text"), b"a\0\0broken", b"a\0"],
        b"iTXt": [b"a\0\0\0\0\0text", b"XML:com.adobe.xmp\0\0\0\0\0<x/>", b"a\0\1\0\0\0broken", b"a"],
        b"iCCP": [b"p\0\0" + zlib.compress(bytes(200)), b"p\0\0broken"],
        b"eXIf": [b"MM\0*\0\0\0\x08\0\0", b"junk"],
        b"caNv": [bytes(16)],
        b"vpAg": [bytes(9)],
        b"prVt": [b"private"],
        b"PLTE": [bytes(range(48))],
    }
    for kind, contents in ancillary.items():
        for number, data in enumerate(contents):
            one = chunk(kind, data)
            yield f"{kind.decode()}-{number}-before", png(13, 11, 8, 2, rows, one)
            yield f"{kind.decode()}-{number}-twice", png(13, 11, 8, 2, rows, one + one)
            yield f"{kind.decode()}-{number}-after", png(13, 11, 8, 2, rows, after=one)
    for kind in (b"tEXt", b"gAMA", b"prVt"):
        yield f"{kind.decode()}-crc-after", png(13, 11, 8, 2, rows, after=chunk(kind, b"a\0b\0", crc=1))
    for idats in (2, 3, 7, 50, 10_000):
        yield f"idats-{idats}", png(13, 11, 8, 2, rows, idats=idats)
        yield f"idats-empty-{idats}", png(13, 11, 8, 2, rows, between=chunk(b"IDAT", b"") * 2, idats=idats)
    whole = png(13, 11, 8, 2, rows)
    for name, data in {
        "no-end": png(13, 11, 8, 2, rows, end=b""),
        "half-an-end": whole[:-5],
        "trailing-bytes": whole + b"junk" * 30,
        "trailing-zeros": whole + bytes(3000),
        "two-files": whole + whole,
        "pixels-crc": whole[:-16] + bytes([whole[-16] ^ 1]) + whole[-15:],
        "too-many-rows": png(13, 11, 8, 2, rows + rows),
        "header-longer": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 13, 11, 8, 2, 0, 0, 0) + b"more") + whole[33:],
        "compression-1": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 13, 11, 8, 2, 1, 0, 0)) + whole[33:],
        "text-first": whole[:8] + chunk(b"tEXt", b"a\0b") + whole[8:],
        "no-adler": png(13, 11, 8, 2, rows, end=b"")[:-8],
        "stored": png_of_zlib(13, 11, zlib.compress(rows, 0)),
        "small-window": png_of_zlib(13, 11, deflated(rows, 9)),
        "zlib-then-junk": png_of_zlib(13, 11, zlib.compress(rows) + b"junk"),
    }.items():
        yield name, data
    for interlace in (2, 255):
        rows = png_rows(rng, 13, 11, 24, 1)
        yield f"interlace-{interlace}", png(13, 11, 8, 2, rows, interlace=interlace)
    frames = [picture(20, 15), picture(15, 20).resize((20, 15))]
    yield "animated", saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=50)
    yield "animated-default", saved(frames[0], "PNG", save_all=True, append_images=frames, default_image=True)
    yield from oriented("PNG")
    for mode, options in [("1", {}), ("L", {}), ("P", {}), ("P", {"bits": 4}), ("LA", {}), ("RGBA", {}), ("RGB", {"optimize": True})]:
        colour = picture(31, 22)
        image = colour.quantize(15) if mode == "P" else colour.convert(mode)
        yield f"pillow-{mode}-{len(options)}", saved(image, "PNG", **options)


def oriented(kind):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"orientation-{orientation}", saved(picture(23, 14), kind, exif=exif)


def deflated(data, bits):
    deflate = zlib.compressobj(6, zlib.DEFLATED, bits)
    return deflate.compress(data) + deflate.flush()


def png_of_zlib(width, height, data):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# --- JPEG ---

def without(jpeg, marker):
    at = jpeg.index(marker)
    return jpeg[:at] + jpeg[at + 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]:]


def jpegs():
    for (width, height), subsampling in itertools.product([(w, h) for w in range(1, 18) for h in (1, 2, 7, 8, 9, 15, 16, 17)], (0, 1, 2)):
        yield f"{width}x{height}-{subsampling}", saved(picture(width, height), "JPEG", subsampling=subsampling, quality=75)
    for mode, quality, progressive, optimize in itertools.product(("L", "RGB", "CMYK"), (1, 30, 95, 100), (False, True), (False, True)):
        options = {"quality": quality, "progressive": progressive, "optimize": optimize}
        yield f"{mode}-{quality}-{progressive}-{optimize}", saved(picture(37, 29, mode), "JPEG", **options)
    for (width, height), progressive in itertools.product(SIZES, (False, True)):
        for mode in ("L", "CMYK"):
            yield f"{mode}-{width}x{height}-{progressive}", saved(picture(width, height, mode), "JPEG", progressive=progressive)
    for interval, unit, progressive in itertools.product((1, 2, 5), ("blocks", "rows"), (False, True)):
        options = {f"restart_marker_{unit}": interval, "progressive": progressive, "subsampling": interval % 3}
        yield f"restart-{unit}-{interval}-{progressive}", saved(picture(53, 41), "JPEG", **options)
    whole = saved(picture(37, 29), "JPEG", quality=80)
    grey = saved(picture(37, 29, "L"), "JPEG", quality=80)
    cmyk = saved(picture(37, 29, "CMYK"), "JPEG", quality=80)
    adobe = cmyk.index(b"\xff\xee") + 15
    app14 = lambda transform: b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])
    bare = without(whole, b"\xff\xe0")
    scan = whole.index(b"\xff\xda")
    comment = b"\xff\xfe\0\x07hello"
    frame = whole.index(b"\xff\xc0")
    numbered = lambda ids: b"".join(bytes([whole[at]]) if at not in ids else bytes([ids[at]]) for at in range(len(whole)))
    component, selector = frame + 10, scan + 5
    for name, data in {
        "no-jfif": bare,
        "grey-no-jfif": without(grey, b"\xff\xe0"),
        "grey-adobe": grey[:2] + app14(0) + grey[2:],
        "ycck": cmyk[:adobe] + b"\2" + cmyk[adobe + 1:],
        "cmyk-1": cmyk[:adobe] + b"\1" + cmyk[adobe + 1:],
        "cmyk-no-marker": without(cmyk, b"\xff\xee"),
        **{f"adobe-{t}": bare[:2] + app14(t) + bare[2:] for t in range(3)},
        **{f"jfif-adobe-{t}": whole[:2] + app14(t) + whole[2:] for t in range(3)},
        "comment": whole[:2] + comment + whole[2:],
        "comment-before-scan": whole[:scan] + comment + whole[scan:],
        "padded-marker": whole[:scan] + b"\xff\xff\xff" + whole[scan:],
        "junk-between": whole[:scan] + b"\0\1\2\3" + whole[scan:],
        "junk-after": whole + b"junk" * 100,
        "zeros-after": whole + bytes(5000),
        "two-files": whole + grey,
        "no-end": whole[:-2],
        "exif-thumbnail": whole[:2] + b"\xff\xe1" + struct.pack(">H", len(grey) + 8) + b"Exif\0\0" + grey + whole[2:],
        "icc": saved(picture(20, 20), "JPEG", icc_profile=bytes(range(256)) * 400),
        "dpi": saved(picture(20, 20), "JPEG", dpi=(300, 300)),
        "rgb": saved(picture(37, 29), "JPEG", keep_rgb=True),
        "rgb-ids": bare if len(bare) < frame else numbered({component: 82, component + 3: 71, component + 6: 66, selector: 82, selector + 2: 71, selector + 4: 66}),
        "ids-0": numbered({component: 0, component + 3: 1, component + 6: 2, selector: 0, selector + 2: 1, selector + 4: 2}),
        "extended": whole[:frame + 1] + b"\xc1" + whole[frame + 2:],
        "wrong-version": whole.replace(b"JFIF\0\1\1", b"JFIF\0\7\7"),
        "mpo": saved(picture(40, 30), "MPO", save_all=True, append_images=[picture(30, 40)]),
        "xmp": saved(picture(20, 20), "JPEG", xmp=b"<x/>"),
    }.items():
        yield name, data
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"orientation-{orientation}", saved(picture(23, 14), "JPEG", exif=exif)
        yield f"orientation-large-{orientation}", saved(picture(301, 170), "JPEG", exif=exif, progressive=True)
    tables = [[min(255, 1 + (i * k) % 97) for i in range(64)] for k in (1, 7)]
    yield "own-tables", saved(picture(37, 29), "JPEG", qtables=tables)
    # Every sampling that has a name, and some that have none: factors of the first component, written over 4:4:4's data.
    for factors in (0x11, 0x12, 0x21, 0x22, 0x41, 0x14, 0x42):
        mcu_wide, mcu_high = 8 * (factors >> 4), 8 * (factors & 15)
        grey_rgb = saved(picture(mcu_wide, mcu_high), "JPEG", subsampling=0)
        yield f"factors-{factors:x}", grey_rgb.replace(b"\1\x11\0\2\x11\1\3\x11\1", bytes([1, factors, 0]) + b"\2\x11\1\3\x11\1")


# --- GIF ---

def lzw(indices, code_size, clear_every=None, deferred=False, end=True):
    """Codes as encoders write them: growing, with a table of at most 4096 entries."""
    clear = 1 << code_size
    bits, count, data = 0, 0, bytearray()

    def put(code, width):
        nonlocal bits, count
        bits |= code << count
        count += width
        while count >= 8:
            data.append(bits & 255)
            bits >>= 8
            count -= 8

    def fresh():
        return {(value,): value for value in range(clear)}, clear + 2, code_size + 1

    table, following, width = fresh()
    put(clear, width)
    prefix, written = (), 0
    for index in indices:
        if prefix + (index,) in table:
            prefix += (index,)
            continue
        put(table[prefix], width)
        written += 1
        if following < 4096:
            table[prefix + (index,)] = following
            if following == 1 << width and width < 12:
                width += 1
            following += 1
        elif not deferred:
            put(clear, width)
            table, following, width = fresh()
        if clear_every and written % clear_every == 0:
            put(clear, width)
            table, following, width = fresh()
        prefix = (index,)
    put(table[prefix], width)
    if end:
        if following == 1 << width and width < 12:
            width += 1
        put(clear + 1, width)
    if count:
        data.append(bits & 255)
    return bytes(data)


def gif(canvas, rect, indices, code_size=4, palette=None, local=None, transparent=None, interlaced=False, version=b"89a", background=0,
        before=b"", block=255, data=None, after=b"", end=b"\0;", flags=0):
    table = lambda colours: 0x80 | (len(colours) // 3).bit_length() - 2
    out = b"GIF" + version + struct.pack("<HHBBB", *canvas, (table(palette) if palette else 0) | flags, background, 0) + (palette or b"")
    out += before
    if transparent is not None:
        out += b"!\xf9\4" + struct.pack("<BHBB", 1, 7, transparent, 0)
    out += b"," + struct.pack("<HHHHB", *rect, 0x40 * interlaced | (table(local) if local else 0)) + (local or b"")
    data = lzw(indices, code_size) if data is None else data
    blocks = b"".join(bytes([len(data[at:at + block])]) + data[at:at + block] for at in range(0, len(data), block))
    return out + bytes([code_size]) + blocks + after + end


def gifs():
    rng = random.Random(2)
    colours = lambda count: rng.randbytes(3 * count)
    grey = lambda count: bytes(value for index in range(count) for value in (index,) * 3)
    dots = lambda count, most: [(i * 7 + i // 5 + rng.randrange(2)) % most for i in range(count)]
    for code_size, (width, height), interlaced in itertools.product(range(2, 9), SIZES, (False, True)):
        most = 1 << code_size
        indices = dots(width * height, most)
        yield f"size-{code_size}-{width}x{height}-{interlaced}", gif((width, height), (0, 0, width, height), indices, code_size, colours(most), interlaced=interlaced)
    places = [(0, 0, 12, 9), (5, 3, 12, 9), (18, 11, 12, 9), (25, 15, 12, 9), (40, 30, 12, 9), (0, 19, 12, 9)]
    for place, rect in enumerate(places):
        indices = dots(12 * 9, 16)
        for transparent, background, local, interlaced in itertools.product((None, 3, 14, 200), (0, 9), (False, True), (False, True)):
            own = colours(16) if local else None
            name = f"place-{place}-{transparent}-{background}-{local}-{interlaced}"
            yield name, gif((30, 20), rect, indices, 4, colours(16), own, transparent, interlaced, background=background)
    indices = dots(12 * 9, 16)
    rect, canvas = (2, 1, 12, 9), (17, 12)
    for transparent in (None, 5):
        for name, options in {
            "no-palette": {},
            "local-only": {"local": colours(16)},
            "grey": {"palette": grey(16)},
            "grey-short": {"palette": grey(4)},
            "grey-global": {"palette": grey(16), "local": colours(16)},
            "short": {"palette": colours(4)},
            "short-local": {"palette": colours(16), "local": colours(2)},
            "long": {"palette": colours(256)},
            "empty-canvas": {"palette": colours(16), "canvas": (0, 0)},
            "old": {"palette": colours(16), "version": b"87a"},
            "comment": {"palette": colours(16), "before": b"!\xfe\5hello\3you\0"},
            "empty-comment": {"palette": colours(16), "before": b"!\xfe\0"},
            "netscape": {"palette": colours(16), "before": b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0"},
            "application": {"palette": colours(16), "before": b"!\xff\x0bXMP DataXMP\4abcd\0"},
            "plain-text": {"palette": colours(16), "before": b"!\1\x0c" + bytes(12) + b"\2hi\0"},
            "unknown-extension": {"palette": colours(16), "before": b"!\x77\2hi\0"},
            "two-controls": {"palette": colours(16), "before": b"!\xf9\4\1\0\0\3\0!\xf9\4\0\0\0\4\0"},
            "long-control": {"palette": colours(16), "before": b"!\xf9\6\1\0\0\3\0\0\0"},
            "junk-before-frame": {"palette": colours(16), "before": b"\0\1\2abc\0"},
            "tiny-blocks": {"palette": colours(16), "block": 1},
            "small-blocks": {"palette": colours(16), "block": 7},
            "no-trailer": {"palette": colours(16), "end": b"\0"},
            "no-terminator": {"palette": colours(16), "end": b""},
            "junk-after": {"palette": colours(16), "end": b"\0;" + b"junk" * 50},
            "second-frame-cut": {"palette": colours(16), "end": b"\0,\0\0\0"},
            "trailer-twice": {"palette": colours(16), "end": b"\0;;"},
            "blocks-after-pixels": {"palette": colours(16), "after": b"\4junk"},
            "sorted-flag": {"palette": colours(16), "flags": 8},
            "no-end-code": {"palette": colours(16), "data": lzw(indices, 4, end=False)},
            "more-pixels": {"palette": colours(16), "data": lzw(indices + indices, 4)},
            "often-cleared": {"palette": colours(16), "data": lzw(indices, 4, clear_every=3)},
            "two-clears": {"palette": colours(16), "data": lzw(indices, 4, clear_every=1)},
        }.items():
            at = options.pop("canvas", canvas)
            yield f"{name}-{transparent}", gif(at, rect, indices, 4, **{"transparent": transparent, **options})
    for code_size in (3, 5, 7, 8, 9, 10, 11):
        few = dots(12 * 9, 4)
        yield f"code-{code_size}", gif((12, 9), (0, 0, 12, 9), few, code_size, colours(4))
    noise = [rng.randrange(256) for _ in range(120 * 90)]
    for interlaced in (False, True):
        for deferred in (False, True):
            data = lzw(noise, 8, deferred=deferred)
            yield f"full-table-{deferred}-{interlaced}", gif((120, 90), (0, 0, 120, 90), noise, 8, colours(256), data=data, interlaced=interlaced)
    for count, interlace in itertools.product((2, 3, 17, 64, 256), (0, 1)):
        yield f"pillow-{count}-{interlace}", saved(picture(41, 29).quantize(count), "GIF", interlace=interlace)
    frames = [picture(30, 20).quantize(32), picture(20, 30).resize((30, 20)).quantize(32)]
    for disposal, loop in itertools.product(range(4), (0, 5)):
        yield f"animated-{disposal}-{loop}", saved(frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=disposal, loop=loop)
    yield "grey-pillow", saved(picture(30, 20, "L"), "GIF")
    yield "one-bit", saved(picture(30, 20).convert("1"), "GIF")


# --- WebP ---

def riff(*chunks, size=None):
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def parts(webp):
    at, found = 12, []
    while at + 8 <= len(webp):
        length = struct.unpack("<I", webp[at + 4:at + 8])[0]
        found.append((webp[at:at + 4], webp[at + 8:at + 8 + length]))
        at += 8 + length + length % 2
    return found


def three(value):
    return struct.pack("<I", value)[:3]


def extended(flags, width, height, *chunks):
    return riff((b"VP8X", bytes([flags, 0, 0, 0]) + three(width - 1) + three(height - 1)), *chunks)


def webp_frame(x, y, width, height, flags, *chunks):
    head = three(x // 2) + three(y // 2) + three(width - 1) + three(height - 1) + three(100) + bytes([flags])
    return (b"ANMF", head + riff(*chunks)[12:])


def webps():
    for (width, height), quality in itertools.product(SIZES + [(64, 64), (100, 3), (3, 100), (75, 53)], (0, 10, 50, 80, 100)):
        for method in (0, 4, 6):
            yield f"{width}x{height}-{quality}-{method}", saved(picture(width, height), "WEBP", quality=quality, method=method)
    for (width, height), mode in itertools.product(SIZES, ("RGB", "RGBA")):
        for exact, quality in itertools.product((False, True), (0, 100)):
            yield f"lossless-{mode}-{width}x{height}-{exact}-{quality}", saved(picture(width, height, mode), "WEBP", lossless=True, exact=exact, quality=quality)
        if mode == "RGBA":
            for alpha, quality in itertools.product((0, 50, 100), (10, 90)):
                yield f"alpha-{width}x{height}-{alpha}-{quality}", saved(picture(width, height, mode), "WEBP", quality=quality, alpha_quality=alpha)
    for count in (2, 5, 16, 200):
        yield f"few-colours-{count}", saved(picture(61, 47).quantize(count).convert("RGB"), "WEBP", lossless=True)
    lossy, lossless = parts(saved(picture(24, 18), "WEBP"))[0], parts(saved(picture(24, 18), "WEBP", lossless=True))[0]
    alpha, under_alpha = parts(saved(picture(24, 18, "RGBA"), "WEBP"))[1:3]
    canvas_30 = parts(saved(picture(30, 20), "WEBP", lossless=True))[0]
    transparent = parts(saved(picture(24, 18, "RGBA"), "WEBP", lossless=True, exact=True))[0]
    anim = lambda background: (b"ANIM", background + b"\0\0")
    for kind, one in (("lossy", lossy), ("lossless", lossless), ("transparent", transparent)):
        for name, data in {
            "plain": riff(one),
            "extended": extended(0, 24, 18, one),
            "alpha-flag": extended(0x10, 24, 18, one),
            "icc": extended(0x20, 24, 18, (b"ICCP", bytes(131)), one),
            "icc-flag-only": extended(0x20, 24, 18, one),
            "exif": extended(0x08, 24, 18, one, (b"EXIF", b"MM\0*\0\0\0\x08\0\0")),
            "exif-no-flag": extended(0, 24, 18, one, (b"EXIF", b"MM\0*\0\0\0\x08\0\0")),
            "xmp": extended(0x04, 24, 18, one, (b"XMP ", b"<x/>!")),
            "unknown-before": extended(0, 24, 18, (b"abcd", b"12345"), one),
            "unknown-after": extended(0, 24, 18, one, (b"abcd", b"12345")),
            "trailing": riff(one) + b"junk" * 9,
            "extended-trailing": extended(0, 24, 18, one) + b"junk" * 9,
            "two-pictures": riff(one, one),
            "even-more": riff(one, (b"abcd", b"123")),
        }.items():
            yield f"{kind}-{name}", data
        for flags, background in itertools.product(range(4), (b"\0\0\0\0", b"\xff\x10\x80\xff")):
            for x, y in ((0, 0), (4, 2)):
                frames = [webp_frame(x, y, 24, 18, flags, one), webp_frame(0, 0, 30, 20, 0, canvas_30)]
                yield f"{kind}-animated-{flags}-{background[0]}-{x}", extended(0x12, 30, 20, anim(background), *frames)
        yield f"{kind}-animated-one", extended(0x02, 24, 18, anim(bytes(4)), webp_frame(0, 0, 24, 18, 0, one))
    for flags in range(4):
        for x, y in ((0, 0), (4, 2)):
            frame = webp_frame(x, y, 24, 18, flags, alpha, under_alpha)
            yield f"animated-alpha-{flags}-{x}", extended(0x12, 30, 20, anim(bytes(4)), frame)
    yield from oriented("WEBP")
    for lossy_ in (False, True):
        frames = [picture(30, 20, "RGBA"), picture(20, 30, "RGBA").resize((30, 20))]
        yield f"pillow-animated-{lossy_}", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=not lossy_, background=(9, 99, 199, 255))


# --- BMP ---

def bmp(width, height, bits, rows, compression=0, palette=b"", masks=b"", header_bytes=40, colours=None, offset=None, dots=2835):
    if header_bytes == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        colours = len(palette) // 4 if colours is None else colours
        header = struct.pack("<IiiHHIIiiII", header_bytes, width, height, 1, bits, compression, len(rows), dots, dots, colours, 0)
        if header_bytes > 40:
            header += (masks + bytes(header_bytes))[:header_bytes - 40]
            masks = b""
    start = 14 + len(header) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start if offset is None else offset) + header + masks + palette + rows


def bmps():
    rng = random.Random(3)
    stride = lambda width, bits: (width * bits + 31) // 32 * 4
    noise = lambda width, height, bits: rng.randbytes(stride(width, bits) * height)
    colours = lambda count, each=4: b"".join(rng.randbytes(3) + bytes(each - 3) for _ in range(count))
    grey = lambda count, each=4: b"".join(bytes([index] * 3) + bytes(each - 3) for index in range(count))
    for bits, (width, height), header_bytes in itertools.product((1, 4, 8, 16, 24, 32), SIZES, (12, 40, 52, 56, 64, 108, 124)):
        each = 3 if header_bytes == 12 else 4
        palette = colours(1 << bits, each) if bits <= 8 else b""
        yield f"{bits}-{width}x{height}-{header_bytes}", bmp(width, height, bits, noise(width, height, bits), palette=palette, header_bytes=header_bytes)
    for bits in (1, 4, 8, 16, 24, 32):
        palette = colours(1 << bits) if bits <= 8 else b""
        yield f"top-down-{bits}", bmp(13, -7, bits, noise(13, 7, bits), palette=palette)
        rows = noise(13, 7, bits)
        padding = stride(13, bits) - (13 * bits + 7) // 8
        yield f"last-padding-{bits}", bmp(13, 7, bits, rows[:len(rows) - padding], palette=palette)
        yield f"trailing-{bits}", bmp(13, 7, bits, rows + b"junk" * 40, palette=palette)
        yield f"offset-0-{bits}", bmp(13, 7, bits, rows, palette=palette, offset=0)
        yield f"gap-{bits}", bmp(13, 7, bits, bytes(10) + rows, palette=palette, offset=14 + 40 + len(palette) + 10)
        yield f"no-dots-{bits}", bmp(13, 7, bits, rows, palette=palette, dots=0)
    for count in (3, 5, 16, 100, 200, 256):
        for kind, palette in (("colours", colours(count)), ("grey", grey(count))):
            yield f"palette-8-{kind}-{count}", bmp(13, 7, 8, noise(13, 7, 8), palette=palette, colours=count)
    for count in (3, 5, 15):
        yield f"palette-4-{count}", bmp(13, 7, 4, noise(13, 7, 4), palette=colours(count), colours=count)
    yield "palette-skipped-8", bmp(13, 7, 8, noise(13, 7, 8), palette=colours(256), offset=54)
    yield "palette-skipped-1", bmp(13, 7, 1, noise(13, 7, 1), palette=colours(2), offset=54)
    yield "black-white", bmp(13, 7, 1, noise(13, 7, 1), palette=b"\0\0\0\0\xff\xff\xff\0")
    yield "white-black", bmp(13, 7, 1, noise(13, 7, 1), palette=b"\xff\xff\xff\0\0\0\0\0")
    masks = {
        32: [(0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
             (0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0)],
        24: [(0xFF0000, 0xFF00, 0xFF, 0)],
        16: [(0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)],
    }
    for bits, header_bytes in itertools.product((16, 24, 32), (40, 52, 56, 108, 124)):
        for number, fields in enumerate(masks[bits]):
            if number == 4 and header_bytes < 56:
                continue  # needs the mask of alpha
            packed = struct.pack("<IIII", *fields)[:16 if header_bytes >= 56 else 12]
            name = f"fields-{bits}-{header_bytes}-{number}"
            yield name, bmp(13, 7, bits, noise(13, 7, bits), 3, masks=packed, header_bytes=header_bytes)
            yield f"{name}-down", bmp(13, -7, bits, noise(13, 7, bits), 3, masks=packed, header_bytes=header_bytes)
    for bits, (width, height), header_bytes in itertools.product((4, 8), SIZES, (40, 124)):
        rows = b""
        for _ in range(height):
            left = width
            while left:
                run = min(left, rng.randint(1, 20))
                if run >= 3 and rng.random() < 0.5 and (bits == 8 or run % 2 == 0):
                    literal = rng.randbytes(run if bits == 8 else run // 2)
                    rows += bytes([0, run]) + literal + bytes(len(literal) % 2)
                else:
                    rows += bytes([run, rng.randrange(256)])
                left -= run
            rows += b"\0\0"
        palette = colours(1 << bits)
        rows += b"\0\1"
        yield f"runs-{bits}-{width}x{height}-{header_bytes}", bmp(width, height, bits, rows, 3 - bits // 4, palette, header_bytes=header_bytes)
        yield f"runs-down-{bits}-{width}x{height}-{header_bytes}", bmp(width, -height, bits, rows, 3 - bits // 4, palette, header_bytes=header_bytes)
    runs = lambda *rows: b"".join(rows)
    for name, rows in {
        "no-end": runs(b"\5\1\0\0\5\2\0\0\5\3\0\0"),
        "too-long": runs(b"\x09\1\0\0\x09\2\0\0\x09\3\0\0\0\1"),
        "short-rows": runs(b"\3\1\0\0\2\2\0\0\1\3\0\0\0\1"),
        "end-at-once": runs(b"\5\1\0\0\5\2\0\0\5\3\0\1"),
        "no-row-ends": runs(b"\5\1\0\0\5\2\0\0\5\3"),
    }.items():
        yield f"runs-{name}", bmp(5, 3, 8, rows, 1, colours(256))
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        image = picture(31, 22).quantize(200) if mode == "P" else picture(31, 22).convert(mode)
        yield f"pillow-{mode}", saved(image, "BMP")


def corpus():
    """Names and bytes of every picture."""
    for extension, pictures in (("png", pngs), ("jpg", jpegs), ("gif", gifs), ("webp", webps), ("bmp", bmps)):
        for name, data in pictures():
            yield f"{extension}/{name}.{extension}", data


def main():
    out, names = Path(sys.argv[1]), set()
    for name, data in corpus():
        assert name not in names, name
        names.add(name)
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{len(names)} pictures")


if __name__ == "__main__":
    main()
