"""Whole runs of gm_train and gm_sample on 1, 2 and 4 ranks."""
import json
import os
import unittest

from support.png import LABEL_HEIGHT, png_rows
from support.small_runs import SMALL, SmallRuns

class WholeRuns(SmallRuns):
    def test_the_run_directory_contains_all_results(self):
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
        self.assertEqual(hidden, [], "no partly written file is left")

    def test_gm_kernels_chooses_the_kernels_that_the_log_names(self):
        best = self.train("best")
        portable = self.train("portable", env={**os.environ, "GM_KERNELS": "portable"})
        self.assertIn("portable kernels", (self.root / "portable/log.txt").read_text())
        self.assertRegex((self.root / "best/log.txt").read_text(), "CPU, 1 thread a rank, (portable|avx2|avx512) kernels")
        for a, b in zip(best, portable, strict=True):
            self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-5 * a["loss"])

    def test_gm_kernels_aten_uses_the_operators_of_pytorch(self):
        own = self.train("own")
        aten = self.train("aten", "train.steps=4", "profile.steps=2", env={**os.environ, "GM_KERNELS": "aten"})
        self.assertIn("aten kernels", (self.root / "aten/log.txt").read_text())
        names = {event.get("name") for event in json.loads((self.root / "aten/profile.json").read_text())["traceEvents"]}
        self.assertIn("aten::conv2d", names)
        self.assertNotIn("gm::convolution3x3_forward", names)
        for a, b in zip(own, aten):
            self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-5 * a["loss"])

    def test_the_number_of_ranks_does_not_change_the_run(self):
        settings = ["run.seed=3", "data.shards=8"]  # for so few images, the automatic number depends on the ranks
        one = self.train("ranks1", *settings)
        for ranks in (1, 2, 4):
            many = self.train(f"mpi{ranks}", *settings, ranks=ranks)
            for a, b in zip(one, many, strict=True):
                self.assertAlmostEqual(a["loss"], b["loss"], delta=1e-5 * a["loss"])
                self.assertAlmostEqual(a["gradient_norm"], b["gradient_norm"], delta=1e-4 * a["gradient_norm"])
            self.assertEqual(json.loads((self.root / f"mpi{ranks}/checkpoints/latest/manifest.json").read_text())["world"],
                             ranks)
        other = self.train("seed4", "run.seed=4")
        self.assertNotAlmostEqual(one[0]["loss"], other[0]["loss"], delta=1e-5)

    def test_the_automatic_number_of_shards_is_recorded_and_kept(self):
        self.train("automatic", "train.batch_size=2", "train.steps=2")
        self.assertIn("\nshards = 2\n", (self.root / "automatic/config.toml").read_text())
        self.assertIn("in 2 shards", (self.root / "automatic/log.txt").read_text())
        self.assertEqual(len(self.train("automatic", "train.batch_size=2", "train.steps=4", ranks=2)), 4)
        self.train("given", "train.batch_size=8", "data.shards=8", "train.steps=2")
        self.assertEqual(len(self.train("given", "train.batch_size=8", "train.steps=4", ranks=4)), 4)
        self.assertIn("\nshards = 8\n", (self.root / "given/config.toml").read_text())

    def test_both_reducers_give_equal_losses(self):
        bucketed = self.train("bucketed", "train.reducer=bucketed", ranks=2)
        naive = self.train("naive", "train.reducer=naive", ranks=2)
        self.assertEqual([line["loss"] for line in bucketed], [line["loss"] for line in naive])

    def test_the_same_command_gives_the_same_result(self):
        first, second = self.train("again1", "run.seed=5"), self.train("again2", "run.seed=5")
        self.assertEqual([line["loss"] for line in first], [line["loss"] for line in second])
        self.assertEqual((self.root / "again1/checkpoints/latest/model.safetensors").read_bytes(),
                         (self.root / "again2/checkpoints/latest/model.safetensors").read_bytes())

    def test_options_of_common_training_scripts_set_keys(self):
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
        # Eight rows of images at five timesteps, each 64 pixels high and wide, with lines of 2 between them, below the labels.
        self.assertEqual(len(png_rows(self.root / "aliases/samples/forward.png")), LABEL_HEIGHT + 8 * (2 * 64 + 2) + 2)

    def test_gm_toml_of_the_working_directory_is_the_default(self):
        (self.root / "gm.toml").write_text(f'[data]\npath = "{self.data}"\n[run]\ndir = "from_toml"\n')
        try:
            done = self.run_program("gm_train", SMALL)
        finally:
            (self.root / "gm.toml").unlink()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.root / "from_toml/config.toml").exists())

    def test_samples_do_not_depend_on_ranks_or_batch_size(self):
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
        self.assertEqual(len(png_rows(self.root / "t.png")), LABEL_HEIGHT + 7 * (2 * 64 + 2) + 2)


class Profiled(SmallRuns):
    def test_a_profile_lists_the_operators_of_a_step(self):
        done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, "run.dir=profiled", "train.steps=4",
                                             "profile.steps=2"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("profile of 2 steps", done.stderr)
        self.assertRegex(done.stderr, r"gm::convolution3x3_forward +[0-9.]+ +[0-9.]+ +[0-9.]+ % +[0-9.]+")
        names = {event.get("name") for event in
                 json.loads((self.root / "profiled/profile.json").read_text())["traceEvents"]}
        self.assertLessEqual({"gm::convolution3x3_forward", "gm::convolution3x3_backward"}, names)


class NotFinite(SmallRuns):
    def test_a_diverging_run_ends_with_an_error(self):
        done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, "run.dir=exploded", "train.steps=500",
                                             "optimizer.learning_rate=10", "optimizer.beta2=0", "optimizer.beta1=0",
                                             "train.max_nonfinite=3", "checkpoint.every=1000"])
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("train.max_nonfinite", done.stderr.splitlines()[-1])
        events = [line["in_a_row"] for line in self.lines("exploded", "event") if line["event"] == "nonfinite"]
        self.assertEqual(events[-3:], [1, 2, 3])


class HelpTexts(SmallRuns):
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
