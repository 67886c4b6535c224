#!/usr/bin/env python3
"""Decodes common and unusual image files with Pillow. Writes answers/image_files.safetensors.

Usage: image_file_answers.py [FOLDER]        (FOLDER defaults to the committed answers)

`NAME.file` holds the bytes of a file, and `NAME.pixels` the pixels that Pillow decodes from it, upright, in mode
RGB. For a file with transparent pixels, `NAME.on_77` holds them blended with the grey value 77. `NAME.scan` is a
complete file, for tests that damage its compressed data.
"""

import io
import pathlib
import struct
import sys
import zlib

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file

BACKGROUND = 77
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type of PNG
GREY, RGB, PALETTE = 0, 2, 3


def random(seed):
    return np.random.Generator(np.random.PCG64(seed))


def scene(height, width):
    """Ramps, edges and noise, computed with integers, so that every CPU makes the same image."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([40 + 150 * x // width, 30 + 180 * y // height, 20 + (3 * x + 2 * y) % 200], -1)
    pixels[height // 4 : height // 2, width // 3 :] = [255, 0, 128]
    pixels += random(1).integers(-9, 10, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def read(content):
    return ImageOps.exif_transpose(Image.open(io.BytesIO(content)))


# ---- PNG -------------------------------------------------------------------------------------------
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_rows(samples, bits):
    """Rows without a filter. Packs samples [H,W,C] from the most significant bit down."""
    lines = []
    for row in samples:
        digits = "".join(format(sample, f"0{bits}b") for sample in row.reshape(-1))
        digits += "0" * (-len(digits) % 8)
        lines.append(b"\0" + int(digits, 2).to_bytes(len(digits) // 8, "big"))
    return b"".join(lines)


def png(samples, bits, colour_type, chunks=b"", interlaced=False):
    height, width = samples.shape[:2]
    passes = [samples]
    if interlaced:
        starts_and_steps = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2),
                            (0, 1, 2, 2), (1, 0, 2, 1)]
        passes = [samples[y::down, x::right] for y, x, down, right in starts_and_steps]
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, int(interlaced))
    data = b"".join(packed_rows(part, bits) for part in passes if part.size > 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks
            + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def palette(bits):
    return chunk(b"PLTE", random(2).integers(0, 256, 3 << bits).astype(np.uint8).tobytes())


def gamma(value):
    return chunk(b"gAMA", struct.pack(">I", value))


CHROMATICITIES = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))


def colour_chunks(colour_type, bits):
    """All chunks for which a viewer might change pixels."""
    channels = 3 if colour_type == PALETTE else CHANNELS[colour_type]
    significant = chunk(b"sBIT", bytes([min(5, 8 if colour_type == PALETTE else bits)] * channels))
    profile = chunk(b"iCCP", b"some\0\0" + zlib.compress(b"no profile that anyone knows" * 9))
    behind = {1: b"\0" if colour_type == PALETTE else b"\0\1", 3: b"\0\7\0\2\0\5"}
    background = chunk(b"bKGD", behind[1 if colour_type in (GREY, PALETTE, 4) else 3])
    table = palette(bits) if colour_type == PALETTE else b""
    return gamma(45455) + CHROMATICITIES + profile + significant + table + background


def png_files():
    depths = {0: (1, 2, 4, 8), 2: (8,), 3: (1, 2, 4, 8), 4: (8,), 6: (8,)}
    for colour_type, bits in [(kind, bits) for kind in depths for bits in depths[kind]]:
        samples = random(3).integers(0, 1 << bits, (7, 11, CHANNELS[colour_type]))
        for interlaced in (False, True):
            name = f"png_{colour_type}_{bits}" + "_interlaced" * interlaced
            yield name, png(samples, bits, colour_type, colour_chunks(colour_type, bits), interlaced)
    samples = random(4).integers(0, 256, (5, 6, 3))
    for value in (100000, 55556, 45455, 1, 0):
        yield f"png_gamma_{value}", png(samples, 8, RGB, gamma(value))
    yield "png_srgb", png(samples, 8, RGB, chunk(b"sRGB", b"\0"))
    yield "png_gamma_of_grey", png(samples[..., :1], 8, GREY, gamma(100000) + CHROMATICITIES)
    # Transparency of one colour, or per entry of the palette.
    key = samples[2, 3]
    dark = gamma(100000)
    yield "png_key_rgb", png(samples, 8, RGB, dark + chunk(b"tRNS", struct.pack(">3H", *key.tolist())))
    yield "png_key_grey", png(samples[..., :1], 8, GREY, dark + chunk(b"tRNS", struct.pack(">H", int(key[0]))))
    for bits in (1, 8):
        entries = samples[..., :1] % (1 << bits)
        yield f"png_key_palette_{bits}", png(entries, bits, PALETTE,
                                             dark + palette(bits) + chunk(b"tRNS", bytes([0, 128])))
    yield "png_key_black", png(samples[..., :1] % 2, 1, GREY, dark + chunk(b"tRNS", b"\0\0"))
    yield "png_key_unused", png(samples, 8, RGB, chunk(b"tRNS", b"\0\1\0\1\0\1"))


# ---- Orientation -----------------------------------------------------------------------------------
def tiff(orientation, order="<", kind=3, count=1, tag=0x0112):
    """A TIFF header with one entry of type `kind`: SHORT (3), LONG (4) or another one."""
    value = struct.pack(order + {1: "B", 3: "H", 4: "I", 9: "i", 13: "I", 16: "Q"}[kind], orientation)
    place = (value * count).ljust(4, b"\0") if len(value) * count <= 4 else struct.pack(order + "I", 26)
    return ((b"II*\0" if order == "<" else b"MM\0*")
            + struct.pack(order + "IHHHI", 8, 1, tag, kind, count) + place + bytes(4) + value * count)


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def exif(data):
    return segment(0xE1, b"Exif\0\0" + data)


def attribute(orientation):
    return b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/>' % orientation


def element(orientation):
    return b"<tiff:Orientation>%d</tiff:Orientation>" % orientation


def xmp(xml):
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xml)


def turned_jpegs():
    jpeg = encoded(scene(5, 9), format="JPEG", quality=95, subsampling="4:4:4")

    def with_segments(*segments, at=2):
        return jpeg[:at] + b"".join(segments) + jpeg[at:]

    for kind in (1, 3, 4, 9, 13, 16):
        for order in "<>":
            yield f"type_{kind}_{'little' if order == '<' else 'big'}", with_segments(exif(tiff(6, order, kind)))
    yield "two_values", with_segments(exif(tiff(8, count=2)))
    yield "three_values", with_segments(exif(tiff(8, count=3)))
    for orientation in (0, 9):
        yield f"value_{orientation}", with_segments(exif(tiff(orientation)))
    for fill in (1, 2, 5):
        yield f"fill_{fill}", with_segments(b"\xff" * fill, exif(tiff(6)))
    yield "behind_junk", with_segments(segment(0xFE, b"hello"), b"\1\0\xff\0\2", exif(tiff(5)))
    yield "behind_other_segments", with_segments(segment(0xE1, b"Exit\0\0no"), exif(tiff(7)), at=20)
    yield "before_scan", with_segments(exif(tiff(3)), at=jpeg.find(b"\xff\xda"))
    yield "two_headers", with_segments(exif(b"Exif\0\0" + tiff(6)))
    whole = tiff(6)
    yield "in_two_segments", with_segments(exif(whole[:13]), exif(whole[13:]))
    yield "xmp_attribute", with_segments(xmp(attribute(6)))
    yield "xmp_element", with_segments(xmp(element(8)))
    yield "xmp_last_counts", with_segments(xmp(element(8)), xmp(element(3)))
    yield "xmp_beside_exif", with_segments(xmp(attribute(6)), exif(tiff(8)))
    yield "xmp_beside_upright_exif", with_segments(exif(tiff(1)), xmp(attribute(6)))
    yield "xmp_beside_exif_without", with_segments(exif(tiff(6, tag=0x0100)), xmp(attribute(5)))
    yield "xmp_value_9", with_segments(xmp(attribute(9)))


def text(keyword, content):
    return chunk(b"tEXt", keyword + b"\0" + content)


def compressed_text(keyword, content):
    return chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(content))


def international_text(keyword, content, compressed):
    content = zlib.compress(content) if compressed else content
    return chunk(b"iTXt", keyword + b"\0" + bytes([compressed, 0]) + b"en\0Schluessel\0" + content)


def raw_profile(data):
    digits = (b"Exif\0\0" + data).hex()
    lines = "\n".join(digits[i : i + 36] for i in range(0, len(digits), 36))
    return f"\nexif\n{len(digits) // 2:8}\n{lines}\n".encode()


def turned_pngs():
    png_file = encoded(scene(5, 9), format="PNG")
    profile, packet = b"Raw profile type exif", b"XML:com.adobe.xmp"

    def before(*chunks):
        return png_file[:33] + b"".join(chunks) + png_file[33:]

    def behind(*chunks):
        return png_file[:-12] + b"".join(chunks) + png_file[-12:]

    for orientation in range(1, 9):
        yield f"exif_{orientation}", before(chunk(b"eXIf", tiff(orientation, "<>"[orientation % 2])))
    yield "exif_behind", behind(chunk(b"eXIf", tiff(6, kind=4)))
    yield "exif_with_prefix", before(chunk(b"eXIf", b"Exif\0\0" + tiff(6)))
    yield "exif_last_counts", before(chunk(b"eXIf", tiff(6)), chunk(b"eXIf", tiff(3)))
    yield "profile_text", before(text(profile, raw_profile(tiff(6))))
    yield "profile_compressed", behind(compressed_text(profile, raw_profile(tiff(8, ">"))))
    yield "profile_international", before(international_text(profile, raw_profile(tiff(5)), True))
    yield "profile_beside_exif", before(text(profile, raw_profile(tiff(3))), chunk(b"eXIf", tiff(6)))
    yield "xmp_international", before(international_text(packet, attribute(6), False))
    yield "xmp_international_compressed", behind(international_text(packet, element(7), True))
    yield "xmp_compressed", before(compressed_text(packet, element(8)))
    yield "xmp_text", before(text(packet, attribute(4)))
    yield "xmp_beside_exif", before(chunk(b"eXIf", tiff(1)), text(packet, attribute(4)))
    yield "xmp_beside_profile_without", before(
        text(profile, raw_profile(tiff(3, tag=5))), text(packet, attribute(8)))


# ---- JPEG ------------------------------------------------------------------------------------------
def jpeg_of_noise(height, width, factors):
    """A baseline JPEG file of noise, with sampling factors that encoders do not offer. Its DC codes have four
    bits, and its AC codes three (end of block, and coefficients of one to four bits)."""
    generator = random(7)
    in_scan = factors if len(factors) > 1 else ((1, 1),)  # The factors of a single component have no effect.
    across, down = max(h for h, _ in in_scan), max(v for _, v in in_scan)
    mcus = -(-width // (8 * across)) * -(-height // (8 * down))
    predictors, digits = [0] * len(factors), []

    def coefficient(value):
        size = abs(value).bit_length()
        return size, format(value if value >= 0 else value + (1 << size) - 1, f"0{size}b") if size else ""

    for _ in range(mcus):
        for component, (h, v) in enumerate(in_scan):
            for _ in range(h * v):
                value = int(generator.integers(-30, 31))
                size, bits = coefficient(value - predictors[component])
                predictors[component] = value
                digits.append(format(size, "04b") + bits)
                for ac in generator.integers(1, 4, 3).tolist():
                    size, bits = coefficient(ac)
                    digits.append(format(size, "03b") + bits)
                digits.append("000")
    digits = "".join(digits)
    digits += "1" * (-len(digits) % 8)
    data = int(digits, 2).to_bytes(len(digits) // 8, "big").replace(b"\xff", b"\xff\0")
    components = range(1, len(factors) + 1)
    frame = struct.pack(">BHHB", 8, height, width, len(factors)) + b"".join(
        bytes([c, h << 4 | v, 0]) for c, (h, v) in zip(components, factors))
    scan = bytes([len(factors)]) + b"".join(bytes([c, 0]) for c in components) + b"\0\x3f\0"
    codes = (b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12))
             + b"\x10" + bytes([0, 0, 5] + [0] * 13) + bytes(range(5)))
    return (b"\xff\xd8" + segment(0xDB, b"\0" + bytes([16] * 64)) + segment(0xC0, frame)
            + segment(0xC4, codes) + segment(0xDA, scan) + data + b"\xff\xd9")


def odd_factors():
    for name, factors in {
        "4x2_1x1_1x1": ((4, 2), (1, 1), (1, 1)),
        "2x2_2x1_1x1": ((2, 2), (2, 1), (1, 1)),
        "1x1_2x2_2x2": ((1, 1), (2, 2), (2, 2)),
        "2x1_1x2_1x1": ((2, 1), (1, 2), (1, 1)),
        "1x4_1x2_1x1": ((1, 4), (1, 2), (1, 1)),
        "3x1_1x1_3x1": ((3, 1), (1, 1), (3, 1)),
        "grey_2x2": ((2, 2),),
    }.items():
        yield name, jpeg_of_noise(21, 35, factors)


def without_huffman_tables(jpeg):
    while (at := jpeg.find(b"\xff\xc4")) >= 0:
        jpeg = jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]
    return jpeg


def odd_jpegs():
    """Name, file, and the same file without the oddity if Pillow cannot read it, otherwise None."""
    image = scene(20, 24)
    usual = encoded(image, format="JPEG", quality=85)
    progressive = encoded(image, format="JPEG", quality=85, progressive=True)
    for name, jpeg in {"": usual, "progressive_": progressive}.items():
        for marker in (0xDB, 0xC4, 0xDA):
            at = jpeg.find(bytes([0xFF, marker]))
            for junk in (b"\0\0", bytes(range(1, 21)), b"\xff\xff", b"\1\xff\0\2"):
                yield f"{name}{len(junk)}_before_{marker:x}", jpeg[:at] + junk + jpeg[at:], jpeg
        yield name + "junk_at_start", jpeg[:2] + b"junk" + jpeg[2:], jpeg
        yield name + "padding_at_end", jpeg[:-2] + bytes(9) + jpeg[-2:], jpeg
        yield name + "no_end", jpeg[:-2], jpeg
        yield name + "half_an_end", jpeg[:-1], jpeg
        yield name + "no_end_but_zeros", jpeg[:-2] + bytes(50), jpeg
        yield name + "no_end_but_a_trailer", jpeg[:-2] + b"what a camera appended", jpeg
        yield name + "trailer", jpeg + b"what a camera appended\xff\xd8\xff\x12", jpeg
        yield name + "restart_at_end", jpeg[:-2] + b"\xff\xd0" + jpeg[-2:], jpeg
        yield name + "jfif_of_tomorrow", jpeg.replace(b"JFIF\0\1\1", b"JFIF\0\3\1"), jpeg
        adobe = segment(0xEE, b"Adobe\0\x99\0\0\0\0\7")
        yield name + "unknown_transform", jpeg[:2] + adobe + jpeg[20:], jpeg
    yield "flush_at_end", usual[:-2] + b"\x7f" + usual[-2:], usual
    yield "junk_at_end", usual[:-2] + bytes(7 * i % 251 for i in range(300)) + usual[-2:], usual
    yield "no_end_but_markers", usual[:-2] + b"ab\xff\x12cd\xff\xe0\0\5abc", usual
    band = usual.find(b"\0\x3f\0", usual.find(b"\xff\xda"))
    yield "band_of_another_kind", usual[:band] + b"\0\0\0" + usual[band + 3 :], usual
    yield "no_huffman_tables", without_huffman_tables(usual), usual
    yield "rgb", encoded(image, format="JPEG", quality=85, keep_rgb=True), None
    yield "extreme_values", encoded(image.point(lambda value: 255 * (value > 127)), format="JPEG",
                                    quality=100, subsampling="4:4:4"), None
    for rows in (1, 2):
        yield f"restart_rows_{rows}", encoded(image, format="JPEG", restart_marker_rows=rows), None
        yield f"restart_blocks_{rows}", encoded(image, format="JPEG", progressive=True,
                                                restart_marker_blocks=rows), None


def scans():
    """Larger files, for tests that damage them."""
    image = scene(96, 112)
    yield "444", encoded(image, format="JPEG", quality=95, subsampling="4:4:4")
    yield "420", encoded(image, format="JPEG", quality=85)
    yield "progressive", encoded(image, format="JPEG", quality=90, progressive=True)
    yield "restart", encoded(image, format="JPEG", quality=90, restart_marker_rows=1)
    yield "grey", encoded(image.convert("L"), format="JPEG", quality=90, optimize=True)


def bytes_tensor(content):
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def pixels_tensor(pixels):
    return torch.from_numpy(np.array(pixels, dtype=np.uint8))


def flattened(image):
    pixels = np.asarray(image.convert("RGBA")).astype(int)
    alpha = pixels[..., 3:]
    return (alpha * pixels[..., :3] + (255 - alpha) * BACKGROUND + 127) // 255


def answers():
    found = {}

    def add(name, content, as_read):
        image = read(as_read)
        is_transparent = image.mode in ("LA", "RGBA") or "transparency" in image.info
        found[f"{name}.file"] = bytes_tensor(content)
        if is_transparent:
            found[f"{name}.on_{BACKGROUND}"] = pixels_tensor(flattened(image))
        else:
            found[f"{name}.pixels"] = pixels_tensor(image.convert("RGB"))

    for name, content in png_files():
        add(name, content, content)
    for kind, files in {"jpeg_turned": turned_jpegs(), "png_turned": turned_pngs(), "factors": odd_factors()}.items():
        for name, content in files:
            add(f"{kind}_{name}", content, content)
    for name, content, as_read in odd_jpegs():
        add(f"jpeg_{name}", content, as_read or content)
    for name, content in scans():
        found[f"{name}.scan"] = bytes_tensor(content)
    return found


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(answers(), folder / "image_files.safetensors")


if __name__ == "__main__":
    main()
