"""gm_eval compares runs on masked images and refuses wrong input."""
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import unittest

from support.inpainting import Inpainting, TASKS
from support.png import LABEL_HEIGHT, png_rows, write_png
from support.programs import BIN, wait_until


class Evaluation(Inpainting):
    STEPS = 2

    def test_figures_are_the_same_on_any_number_of_ranks(self):
        runs = [self.trained(name) for name in TASKS]
        one, _ = self.evaluate(*runs, "--data", self.held, "--part", "all", "--count", 50)
        self.assertEqual([method["name"] for method in one], ["mean fill", "harmonic fill", *runs])
        for method in one:
            self.assertEqual(sum(area["images"] for area in method["by_area"]), 50)
        areas = [[(area["from"], area["images"]) for area in method["by_area"]] for method in one]
        self.assertTrue(all(entry == areas[0] for entry in areas), "all methods use the same masks")
        for ranks in (2, 3):
            many, _ = self.evaluate(*runs, "--data", self.held, "--part", "all", "--count", 50, ranks=ranks)
            for a, b in zip(one, many, strict=True):
                for key, value in a.items():
                    if isinstance(value, float):
                        self.assertAlmostEqual(value, b[key], delta=1e-6 * max(1, abs(value)), msg=f"{a['name']}: {key}")

    def test_warns_of_images_that_were_used_for_training(self):
        _, said = self.evaluate(self.trained("unet"), "--count", 20)
        self.assertRegex(said, "was trained on 200 of the 200 images")
        done = self.run_program("gm_train", [*self.arguments("fair", *TASKS["unet"]),
                                             f"data.path={self.held}"])
        self.assertEqual(done.returncode, 0, done.stderr)
        _, said = self.evaluate("fair", "--count", 20)
        self.assertNotIn("was trained on", said)

    def test_warns_if_the_training_images_cannot_be_read(self):
        shutil.copytree(self.root / self.trained("unet"), self.root / "elsewhere", symlinks=True)
        config = self.root / "elsewhere/config.toml"
        config.write_text(config.read_text().replace(str(self.data), "x" * 300))  # longer than any file system allows
        _, said = self.evaluate("elsewhere", "--data", self.held, "--part", "all", "--count", 4)
        self.assertRegex(said, "unknown whether it was trained on .*name too long")

    def test_writes_the_comparison_and_prints_the_table(self):
        run = self.trained("unet")
        # Three ranks, which do not divide eight images evenly.
        done = self.run_program("gm_eval", [run, "--count", 10, "--image", "comparison.png", "--json", "figures.json"],
                                ranks=3)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"method +psnr_masked +psnr ")
        self.assertRegex(done.stdout, re.escape(run) + r" +\d+\.\d{4}")
        written = json.loads((self.root / "figures.json").read_text())
        self.assertEqual(written["evaluations"][0]["samples"], 10)
        self.assertEqual(len(written["methods"]), 3)
        # Two columns of four strips: two rows of five images of 96 pixels (the label "harmonic fill" fits), with lines of 2 between.
        rows = png_rows(self.root / "comparison.png")
        self.assertEqual((len(rows[0]), len(rows)), (2 * (5 * 96 + 2) + 2, LABEL_HEIGHT + 4 * (2 * 96 + 2) + 2))

    def test_wrong_runs_images_and_keys_are_refused(self):
        small = self.reference(None, "run.task=inpaint", *self.packed(8), "model.dim_mults=[1]")
        unet, repaint = self.trained("unet"), self.trained("repaint")
        for arguments, words in [
            ([small], "8 x 8"),
            ([unet, "--data", self.root / "8.h5"], "8x8x1, but the model of"),
            ([unet, small], "8x8x1"),
            ([unet, "--data", self.data, "--part", "held_out"], "--holdout"),
            (["nowhere"], "nowhere: is not a run directory"),
            ([unet, "--step", 99], "no checkpoint of step 99"),
            (["mask.kind=half"], "give the directory of a run"),
            ([unet, "runs/lr=0.2"], "runs/lr=0.2"),
            ([repaint, "repaint.jump_length=5"], "repaint.jump_length is 5"),
            ([repaint, "sampler.steps=6"], "sampler.steps is 6"),
            ([repaint, "repaint.jump=2"], "repaint.jump"),
            ([unet, "model.dim=16"], "model.dim=16"),
        ]:
            done = self.run_program("gm_eval", [*arguments, "--json", "none.json", "--image", "none.png"])
            self.assertEqual(done.returncode, 2, f"{arguments}: {done.stderr}")
            self.assertIn(words, done.stderr.splitlines()[-1])
            self.assertEqual(done.stdout, "")
            self.assertEqual(list(self.root.glob("none.*")), [], arguments)
        for option in ("--json", "--image"):
            done = self.run_program("gm_eval", [unet, option, "no_folder/"])
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertIn("no_folder/: names a folder", done.stderr)

    def test_distances_of_samples_are_the_same_on_any_number_of_ranks(self):
        arguments = [self.trained("repaint"), "--metric", "fd,kid,precision,recall", "--samples", 30,
                     "evaluate.extractor=random", "evaluate.batch_size=4"]
        [one], said = self.evaluate(*arguments)
        self.assertIn("computing the features of", said)
        manifest = json.loads((self.root / arguments[0] / "checkpoints/latest/manifest.json").read_text())
        self.assertEqual(one["weights_hash"], manifest["files"]["ema.safetensors"]["xxh3_128"])
        self.assertEqual((one["step"], one["weights"], one["sampler.kind"]), (manifest["step"], "ema", "ancestral"))
        self.assertEqual({name for name in one if "random" in name}, {
            "fd_random", "kd_random", "kd_random_error", "kd_random_subsets", "precision_random", "recall_random",
            "fd_random_floor"})
        for ranks in (2, 3):
            [many], said = self.evaluate(*arguments, "--image", "nearest.png", ranks=ranks)
            self.assertNotIn("computing the features of", said, "they are in the cache")
            for key, value in one.items():
                if isinstance(value, float):
                    self.assertAlmostEqual(value, many[key], delta=1e-6 * abs(value), msg=key)
        self.assertGreater(len(png_rows(self.root / "nearest.png")), 8 * 16)
        small = self.root / "small.h5"
        self.check_output([BIN / "gm_data", "pack", self.root / "images.idx", "--out", small, "--size", 8])
        [against], _ = self.evaluate(*arguments, "--against", small)
        self.assertNotEqual(against["fd_random"], one["fd_random"])

    def test_copies_seeds_and_stored_features(self):
        done = self.run_program("gm_train", [*self.arguments("copies", *TASKS["repaint"], "evaluate.every=2",
                                                             "evaluate.metrics=fd,neighbours", "evaluate.samples=6",
                                                             "evaluate.extractor=random"), f"data.path={self.held}"])
        self.assertEqual(done.returncode, 0, done.stderr)
        arguments = ["copies", "--samples", 20, "evaluate.extractor=random"]
        done = self.run_program("gm_eval", [*arguments, "--metric", "kid,neighbours", "--seeds", 3, "--json", "figures.json",
                                            "--image", "pairs.png"], ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"distribution: samples 20, .*extractor random, extractor_sha256 [0-9a-f]{64}, ")
        self.assertRegex(done.stdout, r"\n  deviation +\d")
        rows = png_rows(self.root / "pairs.png")
        self.assertEqual((len(rows[0]), len(rows)), (3 * (2 * 96 + 2) + 2, LABEL_HEIGHT + 6 * (96 + 2) + 2), "pairs in three columns")
        figures = json.loads((self.root / "figures.json").read_text())
        [source], [method] = figures["evaluations"], figures["methods"]
        self.assertEqual([entry["seed"] for entry in method["seeds"]], [0, 1, 2])
        for name in ("kd_random", "neighbours_ratio_random", "neighbours_near_random"):
            values = [entry[name] for entry in method["seeds"]]
            self.assertAlmostEqual(method[name], statistics.mean(values))
            self.assertAlmostEqual(method["spread"][name]["deviation"], statistics.stdev(values))
            self.assertEqual(method["spread"][name]["largest"], max(values))
        [line] = self.lines("copies", "evaluation")
        for key in ("extractor", "extractor_sha256", "resize", "references", "references_hash"):
            self.assertEqual(line[key], source[key], key)
        for key in ("step", "weights", "weights_hash", "sampler.kind", "sampler.steps", "sampler.guidance"):
            self.assertEqual(line[key], method[key], key)
        self.assertIn("neighbours_near_random", line)

        # The features of the references, which are also those of the training images.
        stored = [path for path in (self.root / "cache/gm").glob("*.features.safetensors")
                  if source["references_hash"].encode() in path.read_bytes()[:1000]]
        [again], _ = self.evaluate(*arguments, "--metric", "kid", "--against", *stored)
        self.assertAlmostEqual(again["kd_random"], method["seeds"][0]["kd_random"], delta=1e-6)
        for more, words in [
            (["--metric", "kid", "--against", stored[0], "--data", self.many()], "with hash"),
            (["--metric", "kid", "--against", self.root / "images.safetensors"], "images.safetensors: no such file"),
            (["--metric", "neighbours", "--part", "training"], "are training images"),
        ]:
            done = self.run_program("gm_eval", [*arguments, *more, "--json", "none.json"])
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr.splitlines()[-1])
            self.assertFalse((self.root / "none.json").exists())

    def test_wrong_metrics_and_networks_are_refused(self):
        unet, repaint = self.trained("unet"), self.trained("repaint")
        empty = f"evaluate.extractor_file={self.root / 'empty.pt'}"
        (self.root / "empty.pt").write_bytes(b"")
        for arguments, words in [
            ([repaint, "--metric", "fd,size"],
             '"size" is none of inpainting, loss, fd, kid, precision, recall, neighbours'),
            ([repaint, "--metric", "fid"], "evaluate.extractor = \"inception\""),
            ([unet, "--metric", "fd"], "does not generate images"),
            ([repaint, "--metric", "fd", "evaluate.extractor_file=none"], "launch/lite0_weights.py"),
            ([repaint, "--metric", "fd", "evaluate.extractor=inception", empty], "--trust e3b0c442"),
            ([repaint, "--against", "none.h5"], "--against"),
            ([unet, "--count", 4, "--seeds", 2], "--seeds: an evaluation of inpainting makes no samples"),
            ([repaint, "--metric", "loss", "--image", "none.png"], "--image: an evaluation of loss draws no images"),
            ([repaint, "--metric", "loss", "--samples", 4], "--samples: an evaluation of loss makes no samples"),
            ([repaint, "--metric", "loss", "--against", self.held], "--against: an evaluation of loss makes no samples"),
            ([repaint, "--metric", "fd,kid", "--count", 4], "--count: an evaluation of fd,kid compares all images"),
            ([repaint, "--metric", "fd", "--mask", "half"], "--mask: an evaluation of fd masks no images"),
            ([repaint, "--metric", "loss", "--part", "training"], "--part training: an evaluation of loss compares"),
            ([repaint, "--metric", "inpainting,loss", "--part", "all"], "--part all: an evaluation of inpainting,loss"),
        ]:
            done = self.run_program("gm_eval", arguments)
            self.assertEqual(done.returncode, 2, f"{arguments}: {done.stderr}")
            self.assertNotIn(" evaluated", done.stderr)
            self.assertIn(words, done.stderr.splitlines()[-1])

    def test_ranks_with_different_masks_are_refused(self):
        folders = [self.root / f"node{i}" for i in range(2)]
        for i, folder in enumerate(folders):
            folder.mkdir()
            write_png(folder / "mask.png", [[255 if x // 4 == i else 0 for x in range(16)]] * 16)
        run = self.root / self.trained("unet")
        for program, arguments in (("gm_eval", ["--count", 4, "--data", self.held, "--part", "all"]),
                                   ("gm_sample", ["--inpaint", self.held, "--count", 4, "--out", self.root / "mixture.png"])):
            worlds = [["-n", 1, "-wdir", folder, BIN / program, run, "--mask", "mask.png", *arguments] for folder in folders]
            command = ["mpirun", "--oversubscribe", "--bind-to", "none", *worlds[0], ":", *worlds[1]]
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("the masks", done.stderr)
            self.assertNotIn("psnr", done.stdout)
            self.assertFalse((self.root / "mixture.png").exists())

    def test_the_name_of_a_run_may_contain_an_equals_sign(self):
        (self.root / "runs").mkdir(exist_ok=True)
        (self.root / "runs/lr=0.1").symlink_to(self.root / self.trained("unet"))
        methods, _ = self.evaluate("runs/lr=0.1", "--count", 4, "mask.kind=half")
        self.assertEqual(methods[-1]["name"], "runs/lr=0.1")

    def test_a_signal_stops_it_and_no_file_is_written(self):
        for ranks, number in ((None, signal.SIGTERM), (2, signal.SIGUSR1)):  # mpirun forwards SIGUSR1
            name = f"stopped-{ranks}"
            process = self.start_command(name, self.command("gm_eval", [
                self.trained("unet"), "--data", self.many(), "--part", "all", "--count", 2000, "--json", "none.json",
                "--image", "none.png", "evaluate.batch_size=1"], ranks))
            wait_until(lambda: "mean fill: 2000 images" in self.errors(name), process)
            process.send_signal(number)
            self.assertEqual(self.end_of(process), 75, self.errors(name))
            self.assertEqual(list(self.root.glob("none.*")), [])

    def test_memory_does_not_grow_with_the_number_of_images(self):
        peaks = []
        for count in (200, 8_000):
            process = self.start_command(f"memory-{count}", self.command("gm_eval", [
                self.trained("unet"), "--data", self.many(), "--part", "all", "--count", count, "mask.kind=half"]))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0, self.errors(f"memory-{count}"))
            peaks.append(usage.ru_maxrss)
        # In KiB. One float per pixel would take 7,800.
        self.assertLess(peaks[1] - peaks[0], 6_000, peaks)


if __name__ == "__main__":
    unittest.main()
