"""Masked images as a user fills them: training of each task, gm_sample --inpaint and gm_eval, and what they refuse."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import unittest
import urllib.error
import urllib.request

from support.png import png_rows, write_png
from support.programs import BIN, Exercises, wait_until, write_idx

# What each way of inpainting needs beside the settings of all exercises.
TASKS = {
    "unet": ["run.task=inpaint"],
    "gan": ["run.task=gan_inpaint", "gan.dim=8"],
    "repaint": ["repaint.jump_length=2", "repaint.resamplings=2"],
    "conditioned": ["diffusion.condition=inpaint"],
}
TRAINED_ON_MASKS = [name for name in TASKS if name != "repaint"]


class Inpainting(Exercises):
    SIDE = 16
    SETTINGS = [setting for setting in Exercises.SETTINGS if not setting.startswith(("data.image_size", "model.dim"))] + [
        "data.image_size=16", "model.dim=8", "model.dim_mults=[1,2]", "data.holdout=0"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.held = cls.root / "held.h5"
        cls.check_output([BIN / "gm_data", "pack", cls.root / "images.idx", "--out", cls.held, "--holdout", "0.2"])

    def packed(self, side):
        """Settings for the same images in another size."""
        data = self.root / f"{side}.h5"
        self.check_output([BIN / "gm_data", "pack", self.root / "images.idx", "--out", data, "--size", side])
        return [f"data.path={data}", f"data.image_size={side}"]

    def trained(self, name):
        """A run of the task, made once."""
        return self.reference(None, *TASKS[name])

    def fill(self, run, *more, ranks=None):
        return self.run_program("gm_sample", [run, "--inpaint", self.data, "--count", 6, *more], ranks)

    def evaluate(self, *arguments, ranks=None):
        done = self.run_program("gm_eval", [*arguments, "--json", "-"], ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["methods"], done.stderr


    @classmethod
    def many(cls):
        """More images than are evaluated in a moment, packed once."""
        path = cls.root / "many.h5"
        if not path.exists():
            write_idx(cls.root / "many.idx", 20_000, cls.SIDE)
            cls.check_output([BIN / "gm_data", "pack", cls.root / "many.idx", "--out", path])
        return path


class Training(Inpainting):
    def test_ranks_do_not_change_the_curves(self):
        for name in TRAINED_ON_MASKS:
            # At a small rate, so that a last bit does not grow from step to step.
            settings = [*TASKS[name], "optimizer.learning_rate=1e-5"]
            one = self.lines(self.reference(None, *settings), "train")
            for ranks in (2, 4):
                many = self.lines(self.reference(ranks, *settings), "train")
                for a, b in zip(one, many, strict=True):
                    terms = [key for key in a if key.startswith("loss")]
                    for key in terms:
                        self.assertAlmostEqual(a[key], b[key], delta=1e-4 * max(1, abs(a[key])),
                                               msg=f"{name} on {ranks} ranks, step {a['step']}: {key}")

    def test_an_interrupted_run_equals_an_uninterrupted_one(self):
        for name in TRAINED_ON_MASKS:
            for ranks in (None, 2):
                reference = self.reference(ranks, *TASKS[name])
                run = f"interrupted-{name}-{ranks}"
                done = self.train(run, *TASKS[name], "train.steps=17", ranks=ranks)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.resume(run, *TASKS[name], ranks=ranks)
                self.assert_undisturbed(run, reference)

    def test_a_gan_that_was_stopped_or_killed_ends_as_if_undisturbed(self):
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

    def test_evaluates_itself_on_the_way(self):
        for name in TASKS:
            run = f"evaluated-{name}"
            done = self.run_program("gm_train", [*self.arguments(run, *TASKS[name], "evaluate.every=20",
                                                                 "evaluate.count=8"), f"data.path={self.held}"])
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = self.lines(run, "evaluation")
            self.assertEqual([(line["step"], line["evaluated_images"]) for line in lines], [(20, 8), (40, 8)])
            for line in lines:
                self.assertLess(0, line["psnr_masked"])
                self.assertLess(line["psnr_masked"], line["psnr"])


    def test_a_grid_shows_each_held_out_image_once(self):
        write_idx(self.root / "nine.idx", 9, self.SIDE)
        self.check_output([BIN / "gm_data", "pack", self.root / "nine.idx", "--out", self.root / "nine.h5"])
        done = self.train("few", "run.task=inpaint", "data.path=nine.h5", "data.shards=1", "train.steps=1",
                          "sample.every=1", "sample.count=64")
        self.assertEqual(done.returncode, 0, done.stderr)
        # Three rows of three rows of 64 pixels, with lines of 2 between them.
        self.assertEqual(len(png_rows(self.root / "few/samples/step-00000001.png")), 3 * (64 + 2) + 2)

    def test_a_run_does_not_go_on_with_other_mask_files(self):
        write_png(self.root / "mask.png", [[255] * 8 + [0] * 8] * 16)
        settings = ["run.task=inpaint", "mask.kind=files", f"mask.path={self.root / 'mask.png'}"]
        self.assertEqual(self.train("masked", *settings, "train.steps=6").returncode, 0)
        write_png(self.root / "mask.png", [[0] * 8 + [255] * 8] * 16)
        done = self.train("masked", *settings)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("mask.path", done.stderr.splitlines()[-1])

    def test_an_evaluation_that_was_interrupted_is_made_up_for(self):
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

    def test_prometheus_gets_the_figures(self):
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
            return re.findall(r'^gm_evaluation\{\w+="(\w+)"\} (\S+)$', text, re.MULTILINE)
        wait_until(figures, process)
        found = {name: float(value) for name, value in figures()}
        process.terminate()
        self.end_of(process)
        said = self.lines("watched", "evaluation")
        for name, value in found.items():
            self.assertTrue(any(abs(line[name] - value) <= 1e-5 * abs(value) for line in said), f"{name} {value}")
        self.assertLessEqual({"psnr", "psnr_masked", "ssim"}, set(found))


class Filling(Inpainting):
    def test_known_pixels_are_returned_exactly(self):
        masked = [[255 if 4 <= x < 9 and 5 <= y < 12 else 0 for x in range(16)] for y in range(16)]
        write_png(self.root / "masked.png", masked)
        originals = (self.root / "images.idx").read_bytes()[16:]
        for name in TASKS:
            done = self.fill(self.trained(name), "--mask", "masked.png", "--images", f"filled-{name}/")
            self.assertEqual(done.returncode, 0, done.stderr)
            files = sorted((self.root / f"filled-{name}").iterdir())
            self.assertEqual(len(files), 6)
            changed = 0
            for i, file in enumerate(files):
                rows = png_rows(file)
                for y in range(16):
                    for x in range(16):
                        original = originals[i * 256 + y * 16 + x]
                        if masked[y][x]:
                            changed += rows[y][x] != original
                        else:
                            self.assertEqual(rows[y][x], original, f"{name}: {file.name} at {y},{x}")
            self.assertGreater(changed, 0, f"{name} fills nothing")

    def test_the_number_of_ranks_does_not_change_what_is_filled(self):
        for name in TASKS:
            grids = []
            for ranks in (None, 2):
                done = self.fill(self.trained(name), "--out", "grid.png", ranks=ranks)
                self.assertEqual(done.returncode, 0, done.stderr)
                grids.append((self.root / "grid.png").read_bytes())
            self.assertEqual(*grids, name)

    def test_new_images_come_from_those_who_make_them(self):
        done = self.run_program("gm_sample", [self.trained("unet"), "--out", "none.png"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("--inpaint IMAGES", done.stderr)
        self.assertFalse((self.root / "none.png").exists())

    def test_more_images_than_memory_holds_are_refused(self):
        # A byte a pixel, and once more in the grid, four times as wide and high and with a line of two between images.
        done = self.run_program("gm_sample", [self.trained("repaint"), "--count", 10**9, "--out", "none.png"])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"give --count, of at most {2**30 // (16**2 + 66**2)}", done.stderr.splitlines()[-1])
        self.assertFalse((self.root / "none.png").exists())

    def test_a_signal_ends_the_filling_by_a_network_of_one_pass(self):
        process = self.start_command("stopped-filling", self.command(
            "gm_sample", [self.trained("unet"), "--inpaint", self.many(), "--batch", 1, "--out", "none.png"]))
        wait_until(lambda: "checkpoint of step" in self.errors("stopped-filling"), process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.end_of(process), 75, self.errors("stopped-filling"))
        self.assertFalse((self.root / "none.png").exists())

    def test_the_masks_of_training_are_not_needed_any_more(self):
        for name in ("trained-on.png", "masked.png"):
            write_png(self.root / name, [[255] * 8 + [0] * 8] * 16)
        settings = ["run.task=inpaint", "mask.kind=files", f"mask.path={self.root / 'trained-on.png'}"]
        done = self.train("without-masks", *settings, "train.steps=2")
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.root / "trained-on.png").unlink()
        done = self.fill("without-masks", "--mask", "masked.png", "--out", "filled.png")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_program("gm_eval", ["without-masks", "--mask", "half", "--count", 4])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, "nobody knows whether it was trained on .*trained-on.png")

    def test_what_cannot_be_filled_is_refused(self):
        write_png(self.root / "small.png", [[255] * 8] * 8)
        write_png(self.root / "grey.png", [[128] * 16] * 16)
        write_png(self.root / "full.png", [[255] * 16] * 16)
        write_png(self.root / "empty.png", [[0] * 16] * 16)
        unet, repaint = self.trained("unet"), self.trained("repaint")
        for run, arguments, words in [
            (unet, ["--mask", "small.png"], "small.png"),
            (unet, ["--mask", "grey.png"], "grey.png"),
            (unet, ["--mask", "full.png"], "full.png"),
            (unet, ["--mask", "empty.png"], "empty.png"),
            (unet, ["--mask", "nothing-like-that"], "--mask nothing-like-that"),
            (unet, ["mask.coverage_min=0.6", "mask.coverage_max=0.2"], "mask.coverage_m"),
            (unet, ["model.dim=16"], "model.dim=16"),
            (repaint, ["repaint.jump_length=5"], "repaint.jump_length is 5"),
            (repaint, ["repaint.jump_length=0"], "repaint.jump_length"),
            (repaint, ["evaluate.count=3"], "evaluate.count=3"),
            (unet, ["--mask", ""], "an argument is empty"),
            (unet, ["--images", "small.png"], "small.png"),
            (unet, ["--out", "no_folder/"], "no_folder/"),
        ]:
            done = self.fill(run, *arguments, *([] if "--out" in arguments else ["--out", "refused.png"]))
            self.assertEqual(done.returncode, 2, f"{arguments}: {done.stderr}")
            self.assertIn(words, done.stderr.splitlines()[-1])
            self.assertFalse((self.root / "refused.png").exists(), arguments)
        for arguments, words in [(["repaint.resamplings=2"], "repaint.resamplings=2"), (["mask.kind=half"], "mask.kind=half"),
                                 (["--mask", "half"], "--mask half")]:
            done = self.run_program("gm_sample", [repaint, "--out", "refused.png", *arguments])
            self.assertEqual(done.returncode, 2, f"{arguments}: {done.stderr}")
            self.assertIn(f"{words} without --inpaint", done.stderr.splitlines()[-1])
            self.assertFalse((self.root / "refused.png").exists(), arguments)
        for name, settings, words in [
            ("negative", ["run.task=gan_inpaint", "gan.lambda=-1"], "gan.lambda"),
            ("tiny", ["run.task=gan_inpaint", *self.packed(4), "model.dim_mults=[1]"], "4x4"),
            ("small", ["run.task=inpaint", "evaluate.every=5", *self.packed(8)], "8 x 8"),
            ("endless", ["evaluate.every=5", "repaint.jump_length=50"], "repaint.jump_length is 50"),
        ]:
            done = self.train(name, *settings)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr.splitlines()[-1])
            self.assertFalse((self.root / name / "config.toml").exists(), name)

    def test_a_gan_does_not_go_on_without_its_discriminator(self):
        run = "halved"
        done = self.train(run, *TASKS["gan"], "train.steps=6")
        self.assertEqual(done.returncode, 0, done.stderr)
        for manifest in (self.root / run / "checkpoints").glob("step-*/manifest.json"):
            (manifest.parent / "model_discriminator.safetensors").unlink()
        before = (self.root / run / "metrics.jsonl").read_bytes()
        done = self.train(run, *TASKS["gan"])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("model_discriminator", done.stderr)
        self.assertEqual((self.root / run / "metrics.jsonl").read_bytes(), before)


class Folders(Inpainting):
    """A user's own images and masks: files."""
    NAMES = sorted(f"{place} {n}" for n in range(4) for place in ("beach", "cat", "zoo"))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        os.environ["XDG_CACHE_HOME"] = str(cls.root / "cache")
        chance = random.Random(1)
        cls.photos, cls.masks = cls.root / "photos", cls.root / "masks"
        cls.photos.mkdir()
        cls.masks.mkdir()
        cls.originals, cls.masks = {}, {}
        for i, name in enumerate(cls.NAMES):
            cls.originals[name] = [chance.randbytes(3 * cls.SIDE) for _ in range(cls.SIDE)]
            write_png(cls.photos / f"{name}.png", cls.originals[name], channels=3)
            # Another masked for each image, four pixels wide and high.
            cls.masks[name] = [[255 if i <= x < i + 4 and 11 - i <= y < 15 - i else 0 for x in range(cls.SIDE)]
                               for y in range(cls.SIDE)]
            write_png(cls.masks / f"{name}.png", cls.masks[name])

    def fill_photos(self, run, *more, ranks=None):
        return self.run_program("gm_sample", [run, "--inpaint", "photos/", *more], ranks)

    def assert_filled(self, folder, channels):
        """Each image under its name, changed in its own masked and nowhere else."""
        self.assertEqual(sorted(path.stem for path in (self.root / folder).iterdir()), self.NAMES)
        for name in self.NAMES:
            changed = 0
            for y, row in enumerate(png_rows(self.root / folder / f"{name}.png")):
                original = self.originals[name][y]
                if channels == 1:  # as Pillow's convert("L")
                    original = [(19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16 for r, g, b in
                                zip(original[::3], original[1::3], original[2::3])]
                self.assertEqual(len(row), len(original))
                for i, (value, before) in enumerate(zip(row, original)):
                    if self.masks[name][y][i // channels]:
                        changed += value != before
                    else:
                        self.assertEqual(value, before, f"{folder}/{name} at {y},{i // channels}")
            self.assertGreater(changed, 8, f"{folder}/{name} is not filled")

    def test_masks_go_by_name_for_grey_and_colour(self):
        write_png(self.masks / "of nothing.png", [[255] * 8 + [0] * 8] * 16)
        colour = self.reference(None, "run.task=inpaint", f"data.path={self.photos}", "train.steps=2")
        for run, channels in ((self.trained("unet"), 1), (colour, 3)):
            for ranks in (None, 2):
                folder = f"named-{channels}-{ranks}"
                done = self.fill_photos(run, "--mask", "masks", "--images", folder, ranks=ranks)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assert_filled(folder, channels)
        (self.masks / "of nothing.png").unlink()

    def test_masks_with_a_suffix_go_by_name_and_those_of_other_names_are_refused(self):
        marked = self.root / "marked"
        marked.mkdir()
        for name in self.NAMES:
            write_png(marked / f"{name}_mask.png", self.masks[name])
        write_png(marked / "another_mask.png", self.masks[self.NAMES[0]])
        done = self.fill_photos(self.trained("unet"), "--mask", marked, "--images", "by-suffix")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_filled("by-suffix", 1)
        for i, name in enumerate(self.NAMES):
            (marked / f"{name}_mask.png").rename(marked / f"{i:02}.png")
        done = self.fill_photos(self.trained("unet"), "--mask", marked, "--images", "none")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("12 of the 12 images have none (beach 0, ", done.stderr.splitlines()[-1])
        self.assertFalse((self.root / "none").exists())

    def test_one_photo_is_filled_like_a_folder_of_one(self):
        photo, name = self.photos / f"{self.NAMES[7]}.png", self.NAMES[7]
        run = self.reference(None, "run.task=inpaint", f"data.path={self.photos}", "train.steps=2")
        done = self.run_program("gm_sample", [run, "--inpaint", photo, "--mask", "masks", "--images", "one-filled"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([path.name for path in (self.root / "one-filled").iterdir()], [photo.name])
        rows = png_rows(self.root / "one-filled" / photo.name)
        for y, row in enumerate(rows):
            known = [value for x, value in enumerate(row) if not self.masks[name][y][x // 3]]
            self.assertEqual(known, [value for x, value in enumerate(self.originals[name][y])
                                     if not self.masks[name][y][x // 3]])
        done = self.run_program("gm_sample", [run, "--inpaint", photo, "--images", self.photos])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"--images {self.photos}", done.stderr.splitlines()[-1])

    def test_one_image_without_its_mask_is_named(self):
        missing = self.masks / f"{self.NAMES[5]}.png"
        missing.rename(self.root / "away.png")
        done = self.fill_photos(self.trained("unet"), "--mask", "masks", "--out", "none.png")
        (self.root / "away.png").rename(missing)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"there is no mask {missing.name}", done.stderr.splitlines()[-1])
        self.assertFalse((self.root / "none.png").exists())

    def test_originals_are_not_overwritten(self):
        for folder in (self.photos, self.masks):
            before = {path: path.read_bytes() for path in folder.iterdir()}
            done = self.fill_photos(self.trained("unet"), "--mask", "masks", "--images", folder)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(f"--images {folder}", done.stderr.splitlines()[-1])
            self.assertEqual({path: path.read_bytes() for path in folder.iterdir()}, before)

    def test_a_mask_of_the_same_name_is_not_overwritten(self):
        name = self.NAMES[0]
        photo = next(path for path in self.photos.iterdir() if path.stem == name)
        mask = (self.masks / f"{name}.png").read_bytes()
        for more in (["--mask", f"masks/{name}.png"], ["mask.kind=files", "mask.path=masks"],
                     ["mask.kind=files", f"mask.path=masks/{name}.png"]):
            done = self.run_program("gm_sample", [self.trained("unet"), "--inpaint", photo, "--images", "masks", *more])
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--images masks", done.stderr.splitlines()[-1])
            self.assertEqual((self.masks / f"{name}.png").read_bytes(), mask)

    def test_masks_of_a_key_go_by_name_too(self):
        written = []
        for i, more in enumerate((["--mask", "masks"], ["mask.kind=files", "mask.path=masks"])):
            done = self.fill_photos(self.trained("unet"), "--images", f"by-name-{i}", *more)
            self.assertEqual(done.returncode, 0, done.stderr)
            written.append({path.name: path.read_bytes() for path in (self.root / f"by-name-{i}").iterdir()})
        self.assertEqual(written[0], written[1])

    def test_all_are_filled_unless_a_number_is_given(self):
        write_png(self.root / "one.png", self.masks[self.NAMES[0]])
        for more, count in (([], self.COUNT), (["--count", 5], 5)):
            folder = self.root / f"filled-{count}"
            done = self.run_program("gm_sample", [self.trained("unet"), "--inpaint", self.data, "--mask", "one.png",
                                                  "--images", folder, *more])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(sorted(path.name for path in folder.iterdir()), [f"{i:05}.png" for i in range(count)])


class Evaluation(Inpainting):
    def test_compares_all_methods_on_the_same_masks_on_any_number_of_ranks(self):
        runs = [self.trained(name) for name in TASKS]
        one, _ = self.evaluate(*runs, "--data", self.held, "--part", "all", "--count", 50)
        self.assertEqual([method["name"] for method in one], ["mean fill", "harmonic fill", *runs])
        for method in one:
            self.assertEqual(method["images"], 50)
            self.assertEqual(sum(area["images"] for area in method["by_area"]), 50)
        areas = [[(area["from"], area["images"]) for area in method["by_area"]] for method in one]
        self.assertTrue(all(entry == areas[0] for entry in areas), "the masks are the same for all methods")
        for ranks in (2, 4):
            many, _ = self.evaluate(*runs, "--data", self.held, "--part", "all", "--count", 50, ranks=ranks)
            for a, b in zip(one, many, strict=True):
                for key, value in a.items():
                    if isinstance(value, float):
                        self.assertAlmostEqual(value, b[key], delta=1e-6 * max(1, abs(value)), msg=f"{a['name']}: {key}")

    def test_warns_of_images_that_training_has_seen(self):
        _, said = self.evaluate(self.trained("unet"), "--count", 20)
        self.assertRegex(said, "was trained on 200 of the 200 images")
        done = self.run_program("gm_train", [*self.arguments("fair", *TASKS["unet"], "train.steps=2"),
                                             f"data.path={self.held}"])
        self.assertEqual(done.returncode, 0, done.stderr)
        _, said = self.evaluate("fair", "--count", 20)
        self.assertNotIn("was trained on", said)

    def test_says_so_where_it_cannot_look_at_what_a_run_was_trained_on(self):
        shutil.copytree(self.root / self.trained("unet"), self.root / "elsewhere", symlinks=True)
        config = self.root / "elsewhere/config.toml"
        config.write_text(config.read_text().replace(str(self.data), "x" * 300))  # no file system has such a name
        _, said = self.evaluate("elsewhere", "--data", self.held, "--part", "all", "--count", 4)
        self.assertRegex(said, "nobody knows whether it was trained on .*name too long")

    def test_draws_the_comparison_and_prints_the_table(self):
        run = self.trained("unet")
        # Three ranks, among which eight images do not divide.
        done = self.run_program("gm_eval", [run, "--count", 10, "--image", "comparison.png", "--json", "figures.json"],
                                ranks=3)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"method +psnr_masked +psnr ")
        self.assertRegex(done.stdout, re.escape(run) + r" +\d+\.\d{4}")
        self.assertEqual(len(json.loads((self.root / "figures.json").read_text())["methods"]), 3)
        # Eight images, each in two rows of 64 pixels, with lines of 2 between them.
        self.assertEqual(len(png_rows(self.root / "comparison.png")), 8 * (2 * 64 + 2) + 2)

    def test_what_cannot_be_evaluated_is_refused(self):
        small = self.reference(None, "run.task=inpaint", *self.packed(8), "model.dim_mults=[1]")
        unet, repaint = self.trained("unet"), self.trained("repaint")
        for arguments, words in [
            ([small], "8 x 8"),
            ([unet, "--data", self.root / "8.h5"], "8 x 8"),
            ([unet, small], "8x8x1"),
            ([unet, "--data", self.data, "--part", "held_out"], "--holdout"),
            (["nowhere"], "nowhere: is no run"),
            ([unet, "--step", 99], "no checkpoint of step 99"),
            (["mask.kind=half"], "give the directory of a run"),
            ([unet, "runs/lr=0.2"], "runs/lr=0.2"),
            ([repaint, "repaint.jump_length=5"], "repaint.jump_length is 5"),
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

    def test_ranks_that_see_different_masks_are_refused(self):
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

    def test_a_run_may_have_an_equals_sign_in_its_name(self):
        (self.root / "runs").mkdir(exist_ok=True)
        (self.root / "runs/lr=0.1").symlink_to(self.root / self.trained("unet"))
        methods, _ = self.evaluate("runs/lr=0.1", "--count", 4, "mask.kind=half")
        self.assertEqual(methods[-1]["name"], "runs/lr=0.1")

    def test_a_signal_ends_it_with_nothing_written(self):
        for ranks, number in ((None, signal.SIGTERM), (2, signal.SIGUSR1)):  # mpirun passes SIGUSR1 on
            name = f"stopped-{ranks}"
            process = self.start_command(name, self.command("gm_eval", [
                self.trained("unet"), "--data", self.many(), "--part", "all", "--count", 20_000, "--json", "none.json",
                "--image", "none.png", "evaluate.batch_size=1"], ranks))
            wait_until(lambda: "mean fill: 20000 images" in self.errors(name), process)
            process.send_signal(number)
            self.assertEqual(self.end_of(process), 75, self.errors(name))
            self.assertEqual(list(self.root.glob("none.*")), [])

    def test_its_memory_does_not_grow_with_the_images(self):
        peaks = []
        for count in (200, 20_000):
            process = self.start_command(f"memory-{count}", self.command("gm_eval", [
                self.trained("unet"), "--data", self.many(), "--part", "all", "--count", count, "mask.kind=half"]))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0, self.errors(f"memory-{count}"))
            peaks.append(usage.ru_maxrss)
        # In KiB. One float for every pixel would be 20,000.
        self.assertLess(peaks[1] - peaks[0], 8_000, peaks)


if __name__ == "__main__":
    unittest.main()
