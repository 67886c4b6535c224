"""gm_sample --inpaint on datasets and on folders of photos, and the input that it refuses."""
import random
import signal
import unittest

from support.inpainting import Inpainting, TASKS
from support.png import png_rows, write_png
from support.programs import wait_until


class InpaintedImages(Inpainting):
    STEPS = 2

    def test_known_pixels_are_returned_exactly(self):
        masked = [[255 if 4 <= x < 9 and 5 <= y < 12 else 0 for x in range(16)] for y in range(16)]
        write_png(self.root / "masked.png", masked)
        originals = (self.root / "images.idx").read_bytes()[16:]
        for name in TASKS:
            done = self.inpaint(self.trained(name), "--mask", "masked.png", "--images", f"filled-{name}/")
            self.assertEqual(done.returncode, 0, done.stderr)
            files = sorted((self.root / f"filled-{name}").glob("*.png"))
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
            self.assertGreater(changed, 0, f"{name} changes no masked pixel")

    def test_the_number_of_ranks_does_not_change_the_result(self):
        for name in TASKS:
            grids = []
            for ranks in (None, 2):
                done = self.inpaint(self.trained(name), "--out", "grid.png", ranks=ranks)
                self.assertEqual(done.returncode, 0, done.stderr)
                grids.append((self.root / "grid.png").read_bytes())
            self.assertEqual(*grids, name)

    def test_a_run_that_only_inpaints_makes_no_new_images(self):
        done = self.run_program("gm_sample", [self.trained("unet"), "--out", "none.png"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("--inpaint IMAGES", done.stderr)
        self.assertFalse((self.root / "none.png").exists())

    def test_more_images_than_a_grid_shows_are_refused(self):
        done = self.run_program("gm_sample", [self.trained("repaint"), "--count", 10**9, "--out", "none.png"])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("set --count to at most 4096", done.stderr.splitlines()[-1])
        self.assertFalse((self.root / "none.png").exists())

    def test_a_signal_stops_inpainting_with_the_unet(self):
        process = self.start_command("stopped-filling", self.command(
            "gm_sample", [self.trained("unet"), "--inpaint", self.many(), "--batch", 1, "--out", "none.h5"]))
        wait_until(lambda: "checkpoint of step" in self.errors("stopped-filling"), process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.end_of(process), 75, self.errors("stopped-filling"))
        self.assertFalse((self.root / "none.h5").exists())

    def test_the_mask_files_of_training_are_not_needed(self):
        for name in ("trained-on.png", "masked.png"):
            write_png(self.root / name, [[255] * 8 + [0] * 8] * 16)
        settings = ["run.task=inpaint", "mask.kind=files", f"mask.path={self.root / 'trained-on.png'}"]
        done = self.train("without-masks", *settings)
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.root / "trained-on.png").unlink()
        done = self.inpaint("without-masks", "--mask", "masked.png", "--out", "filled.png")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_program("gm_eval", ["without-masks", "--mask", "half", "--count", 4])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, "unknown whether it was trained on .*trained-on.png")

    def test_wrong_masks_keys_and_sizes_are_refused(self):
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
            done = self.inpaint(run, *arguments, *([] if "--out" in arguments else ["--out", "refused.png"]))
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

    def test_a_gan_without_its_discriminator_is_not_resumed(self):
        run = "halved"
        done = self.train(run, *TASKS["gan"])
        self.assertEqual(done.returncode, 0, done.stderr)
        for manifest in (self.root / run / "checkpoints").glob("step-*/manifest.json"):
            (manifest.parent / "model_discriminator.safetensors").unlink()
        before = (self.root / run / "metrics.jsonl").read_bytes()
        done = self.train(run, *TASKS["gan"], "train.steps=4")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("model_discriminator", done.stderr)
        self.assertEqual((self.root / run / "metrics.jsonl").read_bytes(), before)


class Folders(Inpainting):
    """Folders of image files and mask files."""
    STEPS = 2
    NAMES = sorted(f"{place} {n}" for n in range(4) for place in ("beach", "cat", "zoo"))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        chance = random.Random(1)
        cls.photos, cls.masks = cls.root / "photos", cls.root / "masks"
        cls.photos.mkdir()
        cls.masks.mkdir()
        cls.originals, cls.mask_rows = {}, {}
        for i, name in enumerate(cls.NAMES):
            cls.originals[name] = [chance.randbytes(3 * cls.SIDE) for _ in range(cls.SIDE)]
            write_png(cls.photos / f"{name}.png", cls.originals[name], channels=3)
            # A different mask for each image, four pixels wide and high.
            cls.mask_rows[name] = [[255 if i <= x < i + 4 and 11 - i <= y < 15 - i else 0 for x in range(cls.SIDE)]
                               for y in range(cls.SIDE)]
            write_png(cls.masks / f"{name}.png", cls.mask_rows[name])

    def inpaint_photos(self, run, *more, ranks=None):
        return self.run_program("gm_sample", [run, "--inpaint", "photos/", *more], ranks)

    def assert_inpainted(self, folder, channels):
        """Checks that each image has its name, and that exactly its own masked pixels may differ."""
        self.assertEqual(sorted(path.stem for path in (self.root / folder).glob("*.png")), self.NAMES)
        for name in self.NAMES:
            changed = 0
            for y, row in enumerate(png_rows(self.root / folder / f"{name}.png")):
                original = self.originals[name][y]
                if channels == 1:  # like Pillow's convert("L")
                    original = [(19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16 for r, g, b in
                                zip(original[::3], original[1::3], original[2::3])]
                self.assertEqual(len(row), len(original))
                for i, (value, before) in enumerate(zip(row, original)):
                    if self.mask_rows[name][y][i // channels]:
                        changed += value != before
                    else:
                        self.assertEqual(value, before, f"{folder}/{name} at {y},{i // channels}")
            self.assertGreater(changed, 8, f"{folder}/{name} is not inpainted")

    def test_masks_are_paired_by_name_for_grey_and_colour(self):
        write_png(self.masks / "of nothing.png", [[255] * 8 + [0] * 8] * 16)
        colour = self.reference(None, "run.task=inpaint", f"data.path={self.photos}")
        for run, channels in ((self.trained("unet"), 1), (colour, 3)):
            for ranks in (None, 2):
                folder = f"named-{channels}-{ranks}"
                done = self.inpaint_photos(run, "--mask", "masks", "--images", folder, ranks=ranks)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assert_inpainted(folder, channels)
        (self.masks / "of nothing.png").unlink()

    def test_masks_with_a_suffix_are_paired_and_unrelated_names_are_refused(self):
        marked = self.root / "marked"
        marked.mkdir()
        for name in self.NAMES:
            write_png(marked / f"{name}_mask.png", self.mask_rows[name])
        write_png(marked / "another_mask.png", self.mask_rows[self.NAMES[0]])
        done = self.inpaint_photos(self.trained("unet"), "--mask", marked, "--images", "by-suffix")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_inpainted("by-suffix", 1)
        for i, name in enumerate(self.NAMES):
            (marked / f"{name}_mask.png").rename(marked / f"{i:02}.png")
        done = self.inpaint_photos(self.trained("unet"), "--mask", marked, "--images", "none")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("12 of the 12 images have none (beach 0, ", done.stderr.splitlines()[-1])
        self.assertFalse((self.root / "none").exists())

    def test_one_photo_is_accepted_as_a_folder(self):
        photo, name = self.photos / f"{self.NAMES[7]}.png", self.NAMES[7]
        run = self.reference(None, "run.task=inpaint", f"data.path={self.photos}")
        done = self.run_program("gm_sample", [run, "--inpaint", photo, "--mask", "masks", "--images", "one-filled"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([path.name for path in (self.root / "one-filled").glob("*.png")], [photo.name])
        rows = png_rows(self.root / "one-filled" / photo.name)
        for y, row in enumerate(rows):
            known = [value for x, value in enumerate(row) if not self.mask_rows[name][y][x // 3]]
            self.assertEqual(known, [value for x, value in enumerate(self.originals[name][y])
                                     if not self.mask_rows[name][y][x // 3]])
        done = self.run_program("gm_sample", [run, "--inpaint", photo, "--images", self.photos])
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"--images {self.photos}", done.stderr.splitlines()[-1])

    def test_an_image_without_a_mask_is_named(self):
        missing = self.masks / f"{self.NAMES[5]}.png"
        missing.rename(self.root / "away.png")
        done = self.inpaint_photos(self.trained("unet"), "--mask", "masks", "--out", "none.png")
        (self.root / "away.png").rename(missing)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(f"there is no mask {missing.name}", done.stderr.splitlines()[-1])
        self.assertFalse((self.root / "none.png").exists())

    def test_originals_are_not_overwritten(self):
        for folder in (self.photos, self.masks):
            before = {path: path.read_bytes() for path in folder.iterdir()}
            done = self.inpaint_photos(self.trained("unet"), "--mask", "masks", "--images", folder)
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

    def test_masks_of_mask_path_are_paired_by_name(self):
        written = []
        for i, more in enumerate((["--mask", "masks"], ["mask.kind=files", "mask.path=masks"])):
            done = self.inpaint_photos(self.trained("unet"), "--images", f"by-name-{i}", *more)
            self.assertEqual(done.returncode, 0, done.stderr)
            written.append({path.name: path.read_bytes() for path in (self.root / f"by-name-{i}").glob("*.png")})
        self.assertEqual(written[0], written[1])

    def test_images_that_the_folder_has_are_not_inpainted_again(self):
        command = [self.trained("unet"), "--mask", "masks", "--images", "again"]
        self.assertEqual(self.inpaint_photos(*command, "--out", "first.png").returncode, 0)
        files = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in (self.root / "again").glob("*.png")}
        lost, (_, content) = files.popitem()
        lost.unlink()
        self.assertEqual(self.inpaint_photos(*command, "--out", "second.png").returncode, 0)
        self.assertEqual(lost.read_bytes(), content)
        for path, (changed, _) in files.items():
            self.assertEqual(path.stat().st_mtime_ns, changed)
        self.assertEqual((self.root / "first.png").read_bytes(), (self.root / "second.png").read_bytes())
        done = self.inpaint_photos(self.trained("unet"), "--mask", "half", "--images", "again")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("mask.kind is", done.stderr.splitlines()[-1])

    def test_all_images_are_inpainted_unless_count_is_given(self):
        write_png(self.root / "one.png", self.mask_rows[self.NAMES[0]])
        for more, count in (([], self.COUNT), (["--count", 5], 5)):
            folder = self.root / f"filled-{count}"
            done = self.run_program("gm_sample", [self.trained("unet"), "--inpaint", self.data, "--mask", "one.png",
                                                  "--images", folder, *more])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(sorted(path.name for path in folder.glob("*.png")), [f"{i:05}.png" for i in range(count)])


if __name__ == "__main__":
    unittest.main()
