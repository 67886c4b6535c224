"""8-bit grey PNG files, read and written with nothing but Python."""
import struct
import zlib


def png_rows(path):
    """The unfiltered rows of an 8-bit grey PNG."""
    content, position, packed, width = path.read_bytes(), 8, b"", 0
    while position < len(content):
        length, kind = struct.unpack(">I4s", content[position:position + 8])
        body = content[position + 8:position + 8 + length]
        if kind == b"IHDR":
            width = struct.unpack(">I", body[:4])[0]
        if kind == b"IDAT":
            packed += body
        position += 12 + length
    raw, rows, above = zlib.decompress(packed), [], bytes(width)
    for start in range(0, len(raw), width + 1):
        row = bytearray(raw[start + 1:start + 1 + width])
        for x in range(width):
            left, up, corner = (row[x - 1] if x else 0), above[x], (above[x - 1] if x else 0)
            nearest = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
            row[x] = (row[x] + (0, left, up, (left + up) // 2, nearest)[raw[start]]) % 256
        rows.append(row)
        above = row
    return rows


def write_png(path, rows):
    """Rows of grey values."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
