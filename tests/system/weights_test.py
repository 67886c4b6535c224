"""model.weights: runs that start from given weights, and files that are refused."""
import struct
import unittest

from support import safetensors
from support.small_runs import Refusals


class GivenWeights(Refusals):
    def test_a_run_starts_from_given_weights(self):
        self.train("source")
        weights = self.root / "source/checkpoints/latest/model.safetensors"
        self.train("target", f"model.weights={weights}", "optimizer.learning_rate=0")
        self.assertEqual((self.root / "target/checkpoints/latest/model.safetensors").read_bytes(), weights.read_bytes())

    def test_weights_of_a_wrapped_network_are_found(self):
        self.train("wrapped")
        weights = self.root / "wrapped/checkpoints/latest/model.safetensors"
        own = safetensors.read(weights)
        zeros = {name: (kind, shape, bytes(len(values))) for name, (kind, shape, values) in own.items()}
        one = {"step": ("I64", [1], struct.pack("<q", 7)), "initted": ("BOOL", [], b"\1")}

        def with_prefix(prefix, tensors):
            return {prefix + name: tensor for name, tensor in tensors.items()}
        # As accelerate, torch.compile, swa_utils and ema-pytorch save weights. The two networks of ema-pytorch differ.
        for i, (prefix, file) in enumerate([
                ("module._orig_mod.", with_prefix("module._orig_mod.", own)),
                ("module.", {**with_prefix("module.", own), "n_averaged": one["step"]}),
                ("ema_model.", {**one, **with_prefix("online_model.", zeros), **with_prefix("ema_model.", own)})]):
            safetensors.write(self.root / "wrapped.safetensors", file)
            self.train(f"unwrapped{i}", "model.weights=wrapped.safetensors", "optimizer.learning_rate=0", "train.steps=1")
            self.assertEqual((self.root / f"unwrapped{i}/checkpoints/latest/model.safetensors").read_bytes(),
                             weights.read_bytes())
            log = (self.root / f"unwrapped{i}/log.txt").read_text()
            self.assertIn(f"wrapped.safetensors: removed the prefix {prefix} from every name", log)
            for name in set(file) & {"step", "initted", "n_averaged"}:
                self.assertRegex(log, f"left out: .*{name}")

    def test_weights_of_another_network(self):
        self.train("small")
        weights = self.root / "small/checkpoints/latest/model.safetensors"
        self.refuse(str(weights), "init_conv.weight", arguments=[f"model.weights={weights}", "model.dim=16"])
        self.refuse("none.safetensors", arguments=["model.weights=none.safetensors"])
        (self.root / "cut.safetensors").write_bytes(weights.read_bytes()[:-100])
        self.refuse("cut.safetensors", arguments=["model.weights=cut.safetensors"])

    def test_weights_that_are_not_finite(self):
        self.train("finite")
        own = safetensors.read(self.root / "finite/checkpoints/latest/model.safetensors")
        for kind, code, wrong in (("F32", "f", float("nan")), ("F64", "d", 1e300)):
            _, shape, values = own["init_conv.bias"]
            values = struct.unpack(f"<{len(values) // 4}f", values)
            values = struct.pack(f"<{len(values)}{code}", wrong, *values[1:-1], wrong)
            safetensors.write(self.root / "wrong.safetensors", {**own, "init_conv.bias": (kind, shape, values)})
            self.refuse("wrong.safetensors", "NaN or infinity in init_conv.bias (2 of 8 values)",
                        arguments=["model.weights=wrong.safetensors"])
        self.assertFalse((self.root / "refused").exists())

    def test_weights_of_two_networks(self):
        self.train("twice")
        own = safetensors.read(self.root / "twice/checkpoints/latest/model.safetensors")
        safetensors.write(self.root / "two.safetensors", {prefix + name: tensor for prefix in ("student.", "teacher.")
                                                          for name, tensor in own.items()})
        self.refuse("two.safetensors", "student.", "teacher.", arguments=["model.weights=two.safetensors"])


if __name__ == "__main__":
    unittest.main()
