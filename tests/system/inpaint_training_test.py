"""Training of each inpainting task: ranks, interruptions, evaluation during training."""
import os
import re
import signal
import socket
import unittest
import urllib.error
import urllib.request

from support.inpainting import Inpainting, TASKS, TRAINED_ON_MASKS
from support.png import LABEL_HEIGHT, png_rows, write_png
from support.programs import BIN, wait_until, write_idx


class Training(Inpainting):
    def test_the_number_of_ranks_does_not_change_the_losses(self):
        for name in TRAINED_ON_MASKS:
            # A small learning rate, so that rounding differences do not grow from step to step.
            settings = [*TASKS[name], "optimizer.learning_rate=1e-5", "train.steps=8"]
            one = self.lines(self.reference(None, *settings), "train")
            for ranks in (2, 4) if name == "gan" else (2,):
                many = self.lines(self.reference(ranks, *settings), "train")
                for a, b in zip(one, many, strict=True):
                    terms = [key for key in a if key.startswith("loss")]
                    for key in terms:
                        self.assertAlmostEqual(a[key], b[key], delta=1e-4 * max(1, abs(a[key])),
                                               msg=f"{name} on {ranks} ranks, step {a['step']}: {key}")

    def test_an_interrupted_run_equals_an_uninterrupted_one(self):
        for name in TRAINED_ON_MASKS:
            for ranks in (None, 2) if name == "gan" else (None,):
                reference = self.reference(ranks, *TASKS[name])
                run = f"interrupted-{name}-{ranks}"
                done = self.train(run, *TASKS[name], "train.steps=17", ranks=ranks)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.resume(run, *TASKS[name], ranks=ranks)
                self.assert_undisturbed(run, reference)

    def test_a_stopped_or_killed_gan_ends_like_an_undisturbed_one(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            run = f"gan-{number.name}"
            process = self.start(run, *TASKS["gan"], ranks=2)
            wait_until(self.has_step(run, self.EVERY + 3), process)
            if number == signal.SIGKILL:
                self.kill_all(run, process)
            else:
                os.kill(self.rank_processes(run)[1], number)
                self.assertEqual(self.end_of(process), 75, self.errors(run))
            self.assert_resumes(run, *TASKS["gan"], ranks=2)
            self.assertTrue((self.root / run / "checkpoints/latest/optimizer_discriminator.safetensors").exists())

    def test_evaluation_during_training(self):
        for name in TASKS:
            run = f"evaluated-{name}"
            done = self.run_program("gm_train", [*self.arguments(run, *TASKS[name], "evaluate.every=13",
                                                                 "evaluate.count=8"), f"data.path={self.held}"])
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = self.lines(run, "evaluation")
            self.assertEqual([(line["step"], line["samples"]) for line in lines], [(13, 8), (26, 8)])
            for line in lines:
                self.assertLess(0, line["psnr_masked"])
                self.assertLess(line["psnr_masked"], line["psnr"])

    def test_a_grid_shows_each_held_out_image_once(self):
        write_idx(self.root / "nine.idx", 9, self.SIDE)
        self.check_output([BIN / "gm_data", "pack", self.root / "nine.idx", "--out", self.root / "nine.h5"])
        done = self.train("few", "run.task=inpaint", "data.path=nine.h5", "data.shards=1", "train.steps=1",
                          "sample.every=1", "sample.count=64")
        self.assertEqual(done.returncode, 0, done.stderr)
        # Three rows of three strips, 64 pixels high, with lines of 2 between them, below the labels.
        self.assertEqual(len(png_rows(self.root / "few/samples/step-00000001.png")), LABEL_HEIGHT + 3 * (64 + 2) + 2)

    def test_a_run_is_not_resumed_with_other_mask_files(self):
        write_png(self.root / "mask.png", [[255] * 8 + [0] * 8] * 16)
        settings = ["run.task=inpaint", "mask.kind=files", f"mask.path={self.root / 'mask.png'}"]
        self.assertEqual(self.train("masked", *settings, "train.steps=6").returncode, 0)
        write_png(self.root / "mask.png", [[0] * 8 + [255] * 8] * 16)
        done = self.train("masked", *settings)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("mask.path", done.stderr.splitlines()[-1])

    def test_an_interrupted_evaluation_is_repeated(self):
        settings = ["run.task=inpaint", "evaluate.every=20", "evaluate.batch_size=1", "train.steps=20",
                    f"data.path={self.many()}"]
        run = "stopped-at-evaluation"
        process = self.start(run, *settings, "evaluate.count=20000")
        wait_until(self.has_step(run, 20), process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.end_of(process), 75, self.errors(run))
        self.assertEqual(self.lines(run, "evaluation"), [])
        self.resume(run, *settings, "evaluate.count=10")
        self.assertEqual([line["step"] for line in self.lines(run, "evaluation")], [20])

    def test_prometheus_serves_the_figures(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = self.start("watched", "run.task=inpaint", "evaluate.every=5", "evaluate.count=8",
                             f"telemetry.port={port}")

        def figures():
            try:
                text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
            except (urllib.error.URLError, ConnectionError):
                return []
            return re.findall(r'^gm_evaluation\{evaluation="inpainting",figure="(\w+)"\} (\S+)$', text, re.MULTILINE)
        wait_until(figures, process)
        found = {name: float(value) for name, value in figures()}
        process.terminate()
        self.end_of(process)
        said = self.lines("watched", "evaluation")
        for name, value in found.items():
            self.assertTrue(any(abs(line[name] - value) <= 1e-5 * abs(value) for line in said), f"{name} {value}")
        self.assertLessEqual({"psnr", "psnr_masked", "ssim"}, set(found))


if __name__ == "__main__":
    unittest.main()
