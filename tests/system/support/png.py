"""Reads and writes 8-bit PNG files, grey or RGB, in plain Python."""
import struct
import zlib

CHANNELS = {0: 1, 2: 3}  # by colour type in the header
LABEL_HEIGHT = 15  # height in pixels of the labels above a grid


def png_rows(path):
    """The unfiltered rows of an 8-bit PNG: `width` values each, or 3 * `width` for RGB."""
    content, position, packed = path.read_bytes(), 8, b""
    while position < len(content):
        length, kind = struct.unpack(">I4s", content[position:position + 8])
        body = content[position + 8:position + 8 + length]
        if kind == b"IHDR":
            width, _, _, colour = struct.unpack(">IIBB", body[:10])
        if kind == b"IDAT":
            packed += body
        position += 12 + length
    step = CHANNELS[colour]
    values = width * step
    raw, rows, above = zlib.decompress(packed), [], bytes(values)
    for start in range(0, len(raw), values + 1):
        row = bytearray(raw[start + 1:start + 1 + values])
        for x in range(values):
            left, up, corner = (row[x - step] if x >= step else 0), above[x], (above[x - step] if x >= step else 0)
            nearest = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
            row[x] = (row[x] + (0, left, up, (left + up) // 2, nearest)[raw[start]]) % 256
        rows.append(row)
        above = row
    return rows


def write_png(path, rows, channels=1):
    """Each row has `width` grey values, or with 3 channels 3 * `width` RGB values."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    colour = next(colour for colour, count in CHANNELS.items() if count == channels)
    header = struct.pack(">IIBBBBB", len(rows[0]) // channels, len(rows), 8, colour, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
