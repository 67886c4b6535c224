"""gm_train and gm_sample as a user runs them: whole runs on 1, 2 and 4 ranks, and every wrong input."""
import json
import os
import socket
import struct
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from support import safetensors
from support.png import png_rows
from support.programs import BIN, Programs

# A network and a run small enough for a test: 16 x 16 pixels, two levels, five diffusion steps.
SMALL = ["data.image_size=16", "model.dim=8", "model.dim_mults=[1,2]", "diffusion.steps=5", "train.steps=3",
         "train.batch_size=16", "sample.count=4", "telemetry.port=0", "data.resize_crop=1.12"]


class Runs(Programs):
    def train(self, run, *arguments, ranks=None, **more):
        """A run of the small configuration that has to succeed; its train lines."""
        done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, f"run.dir={run}", *arguments], ranks,
                                **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.lines(run, "train")


class WholeRuns(Runs):
    def test_leaves_everything_in_the_run_directory(self):
        lines = self.train("whole", "sample.every=2", "checkpoint.every=2")
        run = self.root / "whole"
        self.assertEqual([line["step"] for line in lines], [1, 2, 3])
        self.assertEqual([line["images"] for line in lines], [32, 64, 96])
        for key in ("loss", "learning_rate", "gradient_norm", "step_seconds", "images_per_second", "data_seconds",
                    "forward_backward_seconds", "reduction_seconds", "optimizer_seconds", "time"):
            self.assertIsInstance(lines[0][key], float, key)
        self.assertEqual(sorted(p.name for p in (run / "samples").iterdir()), ["step-00000002.png", "step-00000003.png"])
        self.assertEqual(len(png_rows(run / "samples/step-00000003.png")), 2 * 64 + 3 * 2)
        self.assertEqual((run / "checkpoints/latest").resolve().name, "step-00000003")
        manifest = json.loads((run / "checkpoints/latest/manifest.json").read_text())
        self.assertEqual((manifest["step"], manifest["images"], manifest["world"]), (3, 96, 1))
        self.assertIn("model.safetensors", manifest["files"])
        self.assertIn("ema.safetensors", manifest["files"])
        self.assertIn("16x16x1", (run / "log.txt").read_text())
        self.assertEqual([line["step"] for line in self.lines("whole", "checkpoint")], [2, 3])
        hidden = [p for p in run.rglob(".*")]
        self.assertEqual(hidden, [], "nothing half-written stays behind")

    def test_says_which_kernels_it_computes_with_and_takes_those_asked_for(self):
        best = self.train("best")
        portable = self.train("portable", env={**os.environ, "GM_KERNELS": "portable"})
        self.assertIn("portable kernels", (self.root / "portable/log.txt").read_text())
        self.assertRegex((self.root / "best/log.txt").read_text(), "CPU, 1 thread a rank, (portable|avx2|avx512) kernels")
        for a, b in zip(best, portable, strict=True):
            self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-5 * a["loss"])

    def test_computes_with_the_operators_of_aten_where_asked_to(self):
        own = self.train("own")
        aten = self.train("aten", "train.steps=4", "profile.steps=2", env={**os.environ, "GM_KERNELS": "aten"})
        self.assertIn("aten kernels", (self.root / "aten/log.txt").read_text())
        names = {event.get("name") for event in json.loads((self.root / "aten/profile.json").read_text())["traceEvents"]}
        self.assertIn("aten::conv2d", names)
        self.assertNotIn("gm::convolution3x3_forward", names)
        for a, b in zip(own, aten):
            self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-5 * a["loss"])

    def test_the_number_of_ranks_does_not_change_the_run(self):
        one = self.train("ranks1", "run.seed=3")
        for ranks in (1, 2, 4):
            many = self.train(f"mpi{ranks}", "run.seed=3", ranks=ranks)
            for a, b in zip(one, many, strict=True):
                self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-5 * a["loss"])
                self.assertAlmostEqual(a["gradient_norm"], b["gradient_norm"], delta=1e-4 * a["gradient_norm"])
            self.assertEqual(json.loads((self.root / f"mpi{ranks}/checkpoints/latest/manifest.json").read_text())["world"],
                             ranks)
        other = self.train("seed4", "run.seed=4")
        self.assertNotAlmostEqual(one[0]["loss"], other[0]["loss"], delta=1e-5)

    def test_the_reducers_agree(self):
        bucketed = self.train("bucketed", "train.reducer=bucketed", ranks=2)
        naive = self.train("naive", "train.reducer=naive", ranks=2)
        self.assertEqual([line["loss"] for line in bucketed], [line["loss"] for line in naive])

    def test_the_same_command_makes_the_same_run(self):
        first, second = self.train("again1", "run.seed=5"), self.train("again2", "run.seed=5")
        self.assertEqual([line["loss"] for line in first], [line["loss"] for line in second])
        self.assertEqual((self.root / "again1/checkpoints/latest/model.safetensors").read_bytes(),
                         (self.root / "again2/checkpoints/latest/model.safetensors").read_bytes())

    def test_options_of_the_reference_are_other_names_of_keys(self):
        done = self.run_program("gm_train", ["--train", "--train_steps", 2, "--time_steps", 4, "--save_folder", "aliases",
                                             "--data_path", self.data, "--data_class", "all", "--image_size", 16,
                                             "--batch_size", 8, "--learning_rate", 0.002, "--unet_dim", 8,
                                             "--save_and_sample_every", 1, "--dataloader_workers", 4, "--visualize",
                                             "model.dim_mults=[1,2]", "telemetry.port=0", "sample.count=1"])
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = self.lines("aliases", "train")
        self.assertEqual([line["learning_rate"] for line in lines], [0.002, 0.002])
        self.assertEqual(lines[-1]["images"], 2 * 2 * 8)
        names = sorted(p.name for p in (self.root / "aliases/samples").iterdir())
        self.assertEqual(names, ["forward.png", "reverse.png", "step-00000001.png", "step-00000002.png"])
        # Eight rows of five moments, each 64 pixels high and wide with lines of 2 between them.
        self.assertEqual(len(png_rows(self.root / "aliases/samples/forward.png")), 8 * 66 + 2)

    def test_gm_toml_of_the_working_directory_is_the_default(self):
        (self.root / "gm.toml").write_text(f'[data]\npath = "{self.data}"\n[run]\ndir = "from_toml"\n')
        try:
            done = self.run_program("gm_train", SMALL)
        finally:
            (self.root / "gm.toml").unlink()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.root / "from_toml/config.toml").exists())

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

        def behind(prefix, tensors):
            return {prefix + name: tensor for name, tensor in tensors.items()}
        # As accelerate, torch.compile, swa_utils and ema-pytorch save it; the halves of the last are of different values.
        for i, (prefix, file) in enumerate([
                ("module._orig_mod.", behind("module._orig_mod.", own)),
                ("module.", {**behind("module.", own), "n_averaged": one["step"]}),
                ("ema_model.", {**one, **behind("online_model.", zeros), **behind("ema_model.", own)})]):
            safetensors.write(self.root / "wrapped.safetensors", file)
            self.train(f"unwrapped{i}", "model.weights=wrapped.safetensors", "optimizer.learning_rate=0", "train.steps=1")
            self.assertEqual((self.root / f"unwrapped{i}/checkpoints/latest/model.safetensors").read_bytes(),
                             weights.read_bytes())
            log = (self.root / f"unwrapped{i}/log.txt").read_text()
            self.assertIn(f"wrapped.safetensors: took the prefix {prefix} off every name", log)
            for name in set(file) & {"step", "initted", "n_averaged"}:
                self.assertRegex(log, f"left out: .*{name}")

    def test_samples_do_not_depend_on_the_ranks_or_the_batch(self):
        self.train("sampled")
        grids = []
        for ranks, batch in ((None, 64), (None, 3), (2, 64), (4, 1)):
            out = self.root / f"grid-{ranks}-{batch}.png"
            done = self.run_program("gm_sample", ["sampled", "--count", 7, "--seed", 9, "--batch", batch, "--out", out],
                                    ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            grids.append(png_rows(out))
        for grid in grids[1:]:
            self.assertEqual(len(grid), len(grids[0]))
            worst = max(abs(a - b) for ra, rb in zip(grid, grids[0]) for a, b in zip(ra, rb))
            self.assertLessEqual(worst, 1)
        other = self.root / "other.png"
        self.run_program("gm_sample", ["sampled", "--count", 7, "--seed", 10, "--out", other, "--trajectory", "t.png"])
        self.assertNotEqual(png_rows(other), grids[0])
        self.assertEqual(len(png_rows(self.root / "t.png")), 8 * 66 + 2)


class FailingDisk(Runs):
    """A limit on the size of files stands for a disk that is full."""

    def limited(self, run, *arguments):
        limit = ["bash", "-c", 'ulimit -f 40; trap "" XFSZ; exec "$@"', "-"]
        command = limit + self.command("gm_train", [f"data.path={self.data}", *SMALL, f"run.dir={run}", *arguments], None)
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=120)

    def test_a_run_whose_last_checkpoint_is_lost_has_failed(self):
        done = self.limited("full", "checkpoint.every=2")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual([line["step"] for line in self.lines("full", "train")], [1, 2, 3])
        self.assertEqual([line["event"] for line in self.lines("full", "event")], ["checkpoint_failed"] * 2)
        self.assertFalse(os.path.lexists(self.root / "full/checkpoints/latest"))
        self.assertEqual(list((self.root / "full").rglob("*.partial")), [])


class Profiled(Runs):
    def test_a_profile_says_where_the_time_of_a_step_goes(self):
        done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, "run.dir=profiled", "train.steps=4",
                                             "profile.steps=2"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("profile of 2 steps", done.stderr)
        self.assertRegex(done.stderr, r"gm::convolution3x3_forward +[0-9.]+ +[0-9.]+ +[0-9.]+ % +[0-9.]+")
        names = {event.get("name") for event in
                 json.loads((self.root / "profiled/profile.json").read_text())["traceEvents"]}
        self.assertLessEqual({"gm::convolution3x3_forward", "gm::convolution3x3_backward"}, names)


class NotFinite(Runs):
    def test_a_run_that_explodes_is_stopped_and_says_where(self):
        done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, "run.dir=exploded", "train.steps=500",
                                             "optimizer.learning_rate=10", "optimizer.beta2=0", "optimizer.beta1=0",
                                             "train.max_nonfinite=3", "checkpoint.every=1000"])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("train.max_nonfinite", done.stderr.splitlines()[-1])
        events = [line["in_a_row"] for line in self.lines("exploded", "event")]
        self.assertEqual(events[-3:], [1, 2, 3])


class Watching(Runs):
    def scrape(self, port, process):
        while process.poll() is None:
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.02)
        return ""

    def test_every_rank_serves_its_metrics(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        arguments = [f"data.path={self.data}", *SMALL, "run.dir=watched", "train.steps=100000", f"telemetry.port={port}"]
        process = subprocess.Popen(self.command("gm_train", arguments, 2), cwd=self.root, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            for rank in (0, 1):
                text = self.scrape(port + rank, process)
                while text and "gm_steps_total 0\n" in text + "\n":
                    text = self.scrape(port + rank, process)
                for name in ("gm_steps_total", "gm_images_total", "gm_loss", "gm_learning_rate", "gm_gradient_norm",
                             "gm_step_part_seconds", "gm_data_wait_seconds_total"):
                    self.assertIn(f"\n{name}", text, f"rank {rank}")
        finally:
            process.terminate()
            process.wait(timeout=60)

    def test_a_taken_port_is_a_warning(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, "run.dir=taken",
                                                 f"telemetry.port={port}"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, f"warning: .*{port}")


class WrongInput(Runs):
    """Exit status 2, a last line that names what is wrong and what to do, and nothing written."""

    def refuse(self, *expected, arguments=(), program="gm_train", ranks=None, run="refused", **more):
        before = self.everything()
        if program == "gm_train":
            arguments = [f"data.path={self.data}", *SMALL, f"run.dir={run}", *arguments]
        done = self.run_program(program, arguments, ranks, **more)
        self.assertEqual(done.returncode, 2, done.stderr)
        # Under mpirun its own words may follow; without it, the last line is the reason.
        last = [line for line in done.stderr.splitlines() if not ranks or line.startswith(program)][-1]
        self.assertTrue(last.startswith(program), done.stderr)
        for text in expected:
            self.assertIn(text, last)
        self.assertEqual(self.everything(), before, "nothing is written or changed")

    def everything(self):
        # A folder's own time tells of the lock file that came and went.
        return sorted((path, path.stat().st_mtime_ns, path.stat().st_size) for path in self.root.rglob("*")
                      if path.is_file())

    def test_keys(self):
        self.refuse("train.step", "train.steps", arguments=["train.step=3"])
        self.refuse("--unet_dimm", "--unet_dim", arguments=["--unet_dimm", 8])
        self.refuse("train.steps", "0", arguments=["train.steps=0"])
        self.refuse("train.steps", "many", arguments=["train.steps=many"])
        self.refuse("optimizer.schedule", "cosine", arguments=["optimizer.schedule=linear"])
        self.refuse("no_such.toml", arguments=["no_such.toml"])
        self.refuse("--fid", arguments=["--fid"])
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

    def test_a_wrong_file_is_named_with_line_and_key(self):
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
        self.refuse("train.batch_size", "12", "8", arguments=["train.batch_size=12"])

    def test_a_image_that_the_network_cannot_halve(self):
        self.refuse("16x16 pixels", "model.dim_mults", "multiples of 32", arguments=["model.dim_mults=[1,2,2,2,2,2]"])

    def test_run_directory(self):
        self.train("taken")
        self.refuse("taken", "model.dim is 8 in the run, 16 now", "run.seed is 0 in the run, 3 now", run="taken",
                    arguments=["model.dim=16", "run.seed=3", "train.steps=4"])
        self.refuse("/proc/run", "run.dir", run="/proc/run")

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

    def test_the_address_of_the_metrics(self):
        for address in ("::g", "127.0.0.1:9464", "http://localhost", "[::1"):
            self.refuse("telemetry.address", address, arguments=[f"telemetry.address={address}", "telemetry.port=9464"])

    def test_several_ranks_say_it_once(self):
        done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, "run.dir=r", "train.step=3"], ranks=2)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("did you mean"), 1, done.stderr)

    def test_sampling(self):
        self.refuse("nowhere", program="gm_sample", arguments=["nowhere"])
        self.train("whole")
        self.refuse("no_folder", program="gm_sample", arguments=["whole", "--out", "no_folder/grid.png"])
        self.refuse("--cuont", program="gm_sample", arguments=["small", "--cuont", 3])
        self.train("unfinished")
        self.refuse("no checkpoint of step 99", program="gm_sample", arguments=["unfinished", "--step", 99])
        damaged = self.root / "unfinished/checkpoints/step-00000003/ema.safetensors"
        content = bytearray(damaged.read_bytes())
        content[-1] ^= 1
        damaged.write_bytes(content)
        self.refuse("ema.safetensors", program="gm_sample", arguments=["unfinished"])


class Answers(Runs):
    def test_help_version_and_keys(self):
        for program in ("gm_train", "gm_sample", "gm_data"):
            for option in ("--help", "--version"):
                done = self.run_program(program, [option])
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout)
        keys = self.run_program("gm_train", ["--help-config"]).stdout
        for key in ("run.dir", "run.seed", "run.device", "data.path", "data.shards", "model.kind", "model.dim",
                    "diffusion.steps", "train.steps", "train.batch_size", "train.accumulate", "train.precision",
                    "optimizer.learning_rate", "ema.half_life_images", "checkpoint.every", "checkpoint.keep",
                    "sample.every", "telemetry.port"):
            self.assertIn(key, keys)


if __name__ == "__main__":
    unittest.main()
