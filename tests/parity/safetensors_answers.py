"""A file that Python's safetensors writes: every dtype that gm supports, unusual shapes, a non-ASCII name.

The file name does not end in .safetensors, so that compare.py compares it byte for byte."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file


def counting(dtype, *shape):
    """0, 1, 2, ... in this shape; 0, 1, 0, ... for bool."""
    values = torch.arange(torch.Size(shape).numel())
    return (values % 2 if dtype == torch.bool else values).to(dtype).reshape(shape)


def main(folder):
    tensors = {
        "bfloat16": counting(torch.bfloat16, 5),
        "bool": counting(torch.bool, 3),
        "empty": counting(torch.float32, 2, 0, 3),
        "float16": counting(torch.float16, 2, 2),
        "float32": counting(torch.float32, 2, 3, 4),
        "float64": counting(torch.float64, 3, 1),
        "int16": counting(torch.int16, 3),
        "int32": counting(torch.int32, 7),
        "int64": counting(torch.int64, 2, 2),
        "int8": counting(torch.int8, 5),
        "scalar": torch.tensor(0.1),
        "uint8": counting(torch.uint8, 4),
        "Gewicht für \"猫\"": counting(torch.float32, 1),
    }
    save_file(tensors, Path(folder) / "safetensors_types.bytes", metadata={"format": "pt"})


if __name__ == "__main__":
    main(sys.argv[1])
