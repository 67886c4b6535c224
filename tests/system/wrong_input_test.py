"""Wrong input is refused with exit status 2 and a reason that names it. Nothing is written."""
import os
import subprocess
import unittest

from support.programs import BIN
from support.small_runs import Refusals, SMALL


class WrongInput(Refusals):
    def test_keys(self):
        self.refuse("train.step", "train.steps", arguments=["train.step=3"])
        self.refuse("--unet_dimm", "--unet_dim", arguments=["--unet_dimm", 8])
        self.refuse("train.steps", "0", arguments=["train.steps=0"])
        self.refuse("train.steps", "many", arguments=["train.steps=many"])
        self.refuse("optimizer.schedule", "cosine", arguments=["optimizer.schedule=linear"])
        self.refuse("no_such.toml", arguments=["no_such.toml"])
        self.refuse("evaluate.every", "generate images", arguments=["--fid", "run.task=inpaint"])
        self.refuse("run.device", "cpu", arguments=["run.device=cuda"])

    def test_kernels(self):
        environment = {**os.environ, "GM_KERNELS": "sse9"}
        self.refuse("GM_KERNELS", "sse9", "portable", env=environment)
        self.refuse("GM_KERNELS", "sse9", "portable", env=environment, program="gm_sample", arguments=["nowhere"])

    def test_ranks_with_different_kernels(self):
        kernels = [["-n", 1, "-x", f"GM_KERNELS={name}"] for name in ("aten", "portable")]
        before = self.everything()
        train = [BIN / "gm_train", f"data.path={self.data}", *SMALL, "run.dir=refused"]
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", *kernels[0], *train, ":", *kernels[1], *train]
        done = subprocess.run(list(map(str, command)), cwd=self.root, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 2, done.stderr)
        for text in ("GM_KERNELS", "aten", "portable", "rank 0", "rank 1"):
            self.assertIn(text, done.stderr)
        self.assertEqual(self.everything(), before, "nothing is written or changed")

    def test_a_wrong_file_is_reported_with_line_and_key(self):
        (self.root / "wrong.toml").write_text("[train]\nsteps = 5\nbatchsize = 3\n")
        self.refuse("wrong.toml:3", "train.batchsize", "train.batch_size", arguments=["wrong.toml"])
        (self.root / "wrong.toml").write_text("[train\n")
        self.refuse("wrong.toml:1", arguments=["wrong.toml"])

    def test_data(self):
        self.refuse("missing.h5", arguments=["data.path=missing.h5"])
        (self.root / "text.h5").write_text("no HDF5 at all")
        self.refuse("text.h5", "HDF5", arguments=["data.path=text.h5"])
        (self.root / "cut.h5").write_bytes(self.data.read_bytes()[:self.COUNT * self.SIDE * self.SIDE // 2])
        self.refuse("cut.h5", arguments=["data.path=cut.h5"])
        self.refuse("data.image_size", "16", arguments=["data.image_size=32"])
        self.refuse("200 images, fewer than the 256", arguments=["train.batch_size=256"])

    def test_sizes_that_do_not_divide(self):
        self.refuse("3 ranks do not divide data.shards = 8", "1, 2, 4", arguments=["data.shards=8"], ranks=3)
        self.refuse("train.batch_size", "12", "8", arguments=["train.batch_size=12", "data.shards=8"])
        self.refuse("3 ranks do not divide train.batch_size = 16", "1, 2, 4, 8", ranks=3)

    def test_an_image_size_that_the_network_cannot_halve(self):
        self.refuse("16x16 pixels", "model.dim_mults", "multiples of 32", arguments=["model.dim_mults=[1,2,2,2,2,2]"])

    def test_run_directory(self):
        self.train("taken")
        self.refuse("taken", "model.dim is 8 in the run, 16 now", "run.seed is 0 in the run, 3 now", run="taken",
                    arguments=["model.dim=16", "run.seed=3", "train.steps=4"])
        self.refuse("/proc/run", "run.dir", run="/proc/run")

    def test_the_address_of_the_metrics(self):
        for address in ("::g", "127.0.0.1:9464", "http://localhost", "[::1"):
            self.refuse("telemetry.address", address, arguments=[f"telemetry.address={address}", "telemetry.port=9464"])

    def test_several_ranks_print_one_message(self):
        done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, "run.dir=r", "train.step=3"], ranks=2)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("did you mean"), 1, done.stderr)

    def test_sampling(self):
        self.refuse("nowhere", program="gm_sample", arguments=["nowhere"])
        self.train("whole")
        self.refuse("no_folder", program="gm_sample", arguments=["whole", "--out", "no_folder/grid.png"])
        self.refuse("--cuont", "--count", program="gm_sample", arguments=["small", "--cuont", 3])
        self.refuse("--sise", "--size", program="gm_data", arguments=["pack", "photos", "--out", "x.h5", "--sise", 3])
        self.refuse("second.h5", program="gm_data", arguments=["info", "first.h5", "second.h5"])
        self.train("unfinished")
        self.refuse("no checkpoint of step 99", program="gm_sample", arguments=["unfinished", "--step", 99])
        damaged = self.root / "unfinished/checkpoints/step-00000003/ema.safetensors"
        content = bytearray(damaged.read_bytes())
        content[-1] ^= 1
        damaged.write_bytes(content)
        self.refuse("ema.safetensors", program="gm_sample", arguments=["unfinished"])


if __name__ == "__main__":
    unittest.main()
