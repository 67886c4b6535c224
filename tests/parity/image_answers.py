#!/usr/bin/env python3
"""Decodes, resizes and fits images with Pillow and torchvision. Writes answers/images_*.

Usage: image_answers.py [FOLDER]        (FOLDER defaults to the committed answers)

The image files are stored with the answers, so that the tests need neither an encoder nor Pillow: `NAME.file`
holds the bytes of a file, and `NAME.pixels` the pixels that Pillow decodes from it.
"""

import io
import pathlib
import sys

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file
from torchvision import transforms


def tensor(pixels):
    """[H,W,C] uint8."""
    pixels = np.array(pixels)
    return torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1).copy())


def scene(height, width, seed):
    """Ramps with edges and noise, on which errors of a filter are visible. Computed with integers only, so that
    every CPU makes the same image."""
    generator = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[0:height, 0:width]
    ramps = [7 * x + 3 * y + 50 * seed, 5 * x - 9 * y, 11 * (x + y) + 20 * seed]
    pixels = np.stack([ramp % 256 for ramp in ramps], axis=-1)
    pixels[height // 4 : height // 2, width // 3 :] = [255, 0, 128]
    pixels += generator.integers(-20, 21, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def good_files():
    colour = scene(27, 38, 1)
    yield "jpeg_420", encoded(colour, format="JPEG", quality=75)
    yield "jpeg_422", encoded(colour, format="JPEG", quality=90, subsampling="4:2:2")
    yield "jpeg_444", encoded(colour, format="JPEG", quality=95, subsampling="4:4:4")
    yield "jpeg_progressive", encoded(colour, format="JPEG", quality=85, progressive=True)
    yield "jpeg_grey", encoded(colour.convert("L"), format="JPEG", quality=80)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"jpeg_turned_{orientation}", encoded(
            scene(9, 14, 2), format="JPEG", quality=95, subsampling="4:4:4", exif=exif
        )
    yield "png_rgb", encoded(colour, format="PNG")
    yield "png_grey", encoded(colour.convert("L"), format="PNG")
    yield "png_one_bit", encoded(colour.convert("1"), format="PNG")
    yield "png_palette", encoded(colour.quantize(16), format="PNG")
    opaque = colour.copy()
    opaque.putalpha(255)
    yield "png_opaque_alpha", encoded(opaque, format="PNG")


def transparent():
    image = scene(16, 16, 3)
    y, x = np.mgrid[0:16, 0:16]
    image.putalpha(Image.fromarray((x * 16 + y).astype(np.uint8)))
    return image


def bad_files():
    colour = scene(27, 38, 1)
    jpeg, png = encoded(colour, format="JPEG"), encoded(colour, format="PNG")
    yield "cmyk", encoded(colour.convert("CMYK"), format="JPEG")
    yield "sixteen_bit", encoded(Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8)), format="PNG")
    yield "transparent", encoded(transparent(), format="PNG")
    yield "truncated_jpeg", jpeg[: len(jpeg) // 2]
    yield "truncated_png", png[: len(png) // 2]


def file_answers():
    answers = {}
    for name, content in good_files():
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
        answers[f"{name}.file"] = content
        answers[f"{name}.pixels"] = tensor(image.convert("RGB"))
        answers[f"{name}.grey"] = tensor(image.convert("RGB").convert("L"))
    for name, content in bad_files():
        answers[f"{name}.file"] = content
    for background in (0, 255):
        image = transparent()
        flat = Image.new("RGB", image.size, (background,) * 3)
        flat.paste(image, mask=image.getchannel("A"))
        answers[f"transparent.on_{background}"] = tensor(flat)
    return {
        name: torch.frombuffer(bytearray(value), dtype=torch.uint8) if isinstance(value, bytes) else value
        for name, value in answers.items()
    }


def resize_answers():
    """`NAME.from` and `NAME.to`: bicubic as in packing, bilinear as in augmentation."""
    answers = {}
    cases = [(32, 32, 35, 35), (28, 28, 31, 31), (96, 64, 32, 32), (50, 131, 32, 24), (7, 5, 40, 33),
             (64, 64, 7, 64), (1, 1, 5, 3), (150, 100, 16, 16), (90, 40, 20, 30),
             (60, 40, 48, 40)]
    filters = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
    for height, width, new_height, new_width in cases:
        for mode in ("RGB", "L"):
            image = scene(height, width, height).convert(mode)
            for filter_name, resampling in filters.items():
                name = f"{filter_name}_{mode}_{height}x{width}_to_{new_height}x{new_width}"
                answers[f"{name}.from"] = tensor(image)
                answers[f"{name}.to"] = tensor(image.resize((new_width, new_height), resampling))
    return answers


def fit_answers():
    """`NAME.from`, then `NAME.crop`, `NAME.pad`, `NAME.squash` for 32 x 32."""
    size, answers = 32, {}
    for height, width in [(48, 80), (75, 41), (28, 28), (20, 60), (32, 32), (33, 33)]:
        image = scene(height, width, width)
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = image.crop((left, top, left + side, top + side))
        inside = image.copy()
        if max(height, width) > size:
            new_width, new_height = (
                max(1, int(side * size / max(height, width) + 0.5)) for side in (width, height)
            )
            inside = image.resize((new_width, new_height), Image.Resampling.BICUBIC)
        padded = Image.new("RGB", (size, size))
        padded.paste(inside, ((size - inside.width) // 2, (size - inside.height) // 2))
        name = f"{height}x{width}"
        answers[f"{name}.from"] = tensor(image)
        answers[f"{name}.crop"] = tensor(square.resize((size, size), Image.Resampling.BICUBIC))
        answers[f"{name}.pad"] = tensor(padded)
        answers[f"{name}.squash"] = tensor(image.resize((size, size), Image.Resampling.BICUBIC))
    return answers


def augment_answers():
    """The first transform of the reference implementation, on an image of the training size."""
    image = scene(32, 32, 5)
    side = int(1.12 * 32)
    return {"from": tensor(image), "enlarged": tensor(transforms.Resize((side, side))(image))}


def main():
    here = pathlib.Path(__file__).parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(file_answers(), folder / "images_files.safetensors")
    save_file(resize_answers(), folder / "images_resize.safetensors")
    save_file(fit_answers(), folder / "images_fit.safetensors")
    save_file(augment_answers(), folder / "images_augment.safetensors")


if __name__ == "__main__":
    main()
