"""Compressed pixels of whole batches with numpy: the vectorised twin of `decode_frame` in schemas/reference_decoder.py.

    images = decode_tiles([decompressed zstd frames], height, width)      # u8 [n, 3, height, width]

The steps are those of schemas/format.md, section "Inside a compressed u8 frame".
"""
import functools

import numpy as np

TILE = 8


def decode_tiles(contents, height, width):
    """Decompressed frames to u8 [n, 3, height, width]: `decode_frame` of the reference decoder, n at a time."""
    residuals = np.empty((height, width, len(contents), 3), np.uint8)  # planes of all pictures side by side
    for number, content in enumerate(contents):
        residuals[:, :, number] = unpack(np.frombuffer(content, np.uint8), height, width).transpose(1, 2, 0)
    planes = undo_prediction(residuals.reshape(height, width, -1)).reshape(residuals.shape)
    green = planes[..., 0]
    images = np.empty((len(contents), 3, height, width), np.uint8)
    images[:, 1] = green.transpose(2, 0, 1)
    for channel, plane in ((0, 1), (2, 2)):  # modulo 256, as uint8 computes
        images[:, channel] = (planes[..., plane] + green - np.uint8(128)).transpose(2, 0, 1)
    return images


@functools.lru_cache
def tile_shapes(height, width):
    """Of each tile of the map, row by row, its pixels; and the shapes there are, each with its tiles.

    At most four shapes: whole, cut off at the right edge, at the lower edge, in the corner.
    """
    heights = np.minimum(height - np.arange(0, height, TILE), TILE)
    widths = np.minimum(width - np.arange(0, width, TILE), TILE)
    h, w = (x.ravel() for x in np.meshgrid(heights, widths, indexing="ij"))
    return h * w, [(a, b, (h == a) & (w == b)) for a in set(heights.tolist()) for b in set(widths.tolist())]


def unpack(content, height, width):
    """Content of a frame to residuals u8 [3, height, width] of the planes G, R-G, B-G, the colour fit undone."""
    down, across = -(-height // TILE), -(-width // TILE)
    pixels, shapes = tile_shapes(height, width)
    codes = content[4 : 4 + len(pixels)]
    if content[0] != 1 or content[3] != 0 or codes.max() >= 135:
        raise ValueError("no frame content of version 1")
    luma, chroma = np.divmod(codes, 27)
    red, blue = np.divmod(chroma, 5)
    paired = chroma >= 25
    # [tile, plane]: the stream, from 1; 0 is a tile of zeros. A pair's bytes are counted as R-G's.
    streams = np.stack([luma, np.where(paired, chroma - 20, red), np.where(paired, 0, blue)], 1)
    tiles = np.zeros((3, len(pixels), TILE, TILE), np.uint8)
    at = 4 + len(pixels)
    for stream in range(1, 7):
        tile, plane = np.nonzero(streams == stream)
        sizes = (pixels[tile] + 1) // 2 if stream in (3, 4) else pixels[tile]
        begins = at + np.cumsum(sizes) - sizes
        at += int(sizes.sum())
        for h, w, of_shape in shapes:
            some = np.flatnonzero(of_shape[tile])
            n = h * w
            size = (n + 1) // 2 if stream in (3, 4) else n
            part = content[begins[some][:, None] + np.arange(size)]
            if stream > 2:  # signed numbers of four bits
                low, high = (part << 4).view(np.int8) >> 4, part.view(np.int8) >> 4
            if stream > 4:
                values = [(1, low), (2, high)]
            elif stream > 2:
                values = [(plane[some], np.concatenate([low, high], 1)[:, :n])]
            else:
                values = [(plane[some], part)]
            for planes, value in values:
                tiles[planes, tile[some], :h, :w] = value.reshape(-1, h, w).view(np.uint8)
    if at != len(content):
        raise ValueError(f"expected {at} bytes of content, found {len(content)}")
    whole = tiles.reshape(3, down, across, TILE, TILE).swapaxes(2, 3)
    residuals = np.ascontiguousarray(whole.reshape(3, down * TILE, across * TILE)[:, :height, :width])
    green = residuals[0].view(np.int8).astype(np.int16)
    for plane in (1, 2):
        fit = (int(content[plane].view(np.int8)) * green + 4) >> 3
        residuals[plane] += fit.astype(np.uint8)
    return residuals


def undo_prediction(residuals):
    """Residuals u8 [height, width, planes] to planes, by prediction from W, N, NW and NE.

    A pixel needs W and NE, so the pixels with the same x + 2·y, of all planes, are computed together. Three such fronts
    are kept, `fronts[t % 4]` being front t by rows: row y stands at y + 1, and at 0 the row above the picture, 128.
    """
    height, width, planes = residuals.shape
    out = np.empty_like(residuals)
    fronts = np.full((4, height + 1, planes), 128, np.int16)
    room = np.empty((3, height, planes), np.int16)
    line, pixel, _ = residuals.strides
    for t in range(width + 2 * (height - 1)):
        first, last = max(0, (t - width + 2) // 2), min(height - 1, t // 2)
        own, before, above, left = (fronts[(t - back) % 4] for back in range(4))  # t, t-1 (W, NE), t-2 (N), t-3 (NW)
        # What lies beside the picture, in places of the fronts that belong to no pixel.
        if t == 2 * last:  # x = 0: W and NW are N
            before[last + 1] = left[last] = above[last]
        if t == 2 * first + width - 1:  # x = width - 1: NE is N
            before[first] = above[first]
        w, n, ne, nw = before[first + 1 : last + 2], above[first : last + 1], before[first : last + 1], left[first : last + 1]
        value, low, high = room[:, : last + 1 - first]
        np.minimum(w, n, out=low), np.maximum(w, n, out=high)
        np.minimum(low, ne, out=low), np.maximum(high, ne, out=high)
        np.add(w, n, out=value), np.subtract(value, nw, out=value)
        np.maximum(value, low, out=value), np.minimum(value, high, out=value)
        front = ((last + 1 - first, planes), (line - 2 * pixel, 1))
        begin = (first, t - 2 * first)
        value += np.lib.stride_tricks.as_strided(residuals[begin], *front)
        value &= 255
        own[first + 1 : last + 2] = value
        np.lib.stride_tricks.as_strided(out[begin], *front)[...] = value
    return out
