"""gm_sample: the same images for any number of ranks and batch size, in every output; stopping and resuming; interpolation."""
import json
import resource
import signal
import subprocess
import unittest

from support.png import png_rows
from support.programs import BIN, DEADLINE_SECONDS, Programs, catches, wait_until

TINY = ["data.image_size=8", "data.shards=4", "model.dim=8", "model.dim_mults=[1]", "train.steps=1", "train.batch_size=4",
        "train.accumulate=1", "sample.every=0", "sample.count=1", "telemetry.port=0"]


class Sampling(Programs):
    COUNT, SIDE = 24, 8
    STEPS = 4  # of the diffusion

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subprocess.run([BIN / "gm_train", f"data.path={cls.data}", *TINY, f"diffusion.steps={cls.STEPS}", "run.dir=run"],
                       cwd=cls.root, check=True, capture_output=True, timeout=DEADLINE_SECONDS)

    def sample(self, *arguments, ranks=None):
        done = self.run_program("gm_sample", ["run", *arguments], ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def refuse(self, *arguments, expected):
        before = sorted(self.root.rglob("*"))
        done = self.run_program("gm_sample", ["run", *arguments])
        self.assertEqual(done.returncode, 2, done.stderr)
        for text in expected:
            self.assertIn(text, done.stderr.splitlines()[-1])
        self.assertEqual(sorted(self.root.rglob("*")), before, "nothing is written")

    def files(self, folder):
        """name -> bytes of the images in the folder."""
        return {path.name: path.read_bytes() for path in (self.root / folder).glob("*.png")}

    def hash_of(self, file):
        """Of the pixels of an HDF5 file, which must be what its own hashes say."""
        self.check_output([BIN / "gm_data", "verify", self.root / file])
        return json.loads(self.check_output([BIN / "gm_data", "info", "--json", self.root / file]).stdout)["files"][0][
            "content_hash"]


class Outputs(Sampling):
    def test_the_images_do_not_depend_on_ranks_batches_or_outputs(self):
        files, hashes, grids = [], [], []
        for ranks, batch in ((None, 64), (None, 3), (2, 2), (4, 1)):
            name = f"{ranks}-{batch}"
            self.sample("--count", 10, "--seed", 5, "--batch", batch, "--images", name, "--out", f"{name}.png", ranks=ranks)
            self.sample("--count", 10, "--seed", 5, "--batch", batch, "--out", f"{name}.h5", ranks=ranks)
            files.append(self.files(name))
            hashes.append((self.root / f"{name}.h5").read_bytes())
            grids.append((self.root / f"{name}.png").read_bytes())
        self.assertEqual(len(set(files[0].values())), 10, "ten different images")
        for made in (files, hashes, grids):
            self.assertTrue(all(one == made[0] for one in made))
        # The HDF5 file holds the pixels of the PNG files, and a run can train on it.
        self.check_output([BIN / "gm_data", "pack", self.root / "2-2", "--size", 8, "--grey", "--out", self.root / "packed.h5"])
        self.assertEqual(self.hash_of("4-1.h5"), self.hash_of("packed.h5"))
        done = self.run_program("gm_train", ["data.path=4-1.h5", *TINY, "diffusion.steps=4", "data.shards=2", "run.dir=next"])
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_longer_series_continues_the_folder(self):
        self.sample("--count", 3, "--images", "series")
        first = {path: path.stat().st_mtime_ns for path in (self.root / "series").glob("*.png")}
        self.sample("--count", 5, "--images", "series", "--out", "five.png")
        self.assertEqual({path: path.stat().st_mtime_ns for path in first}, first, "they are not made again")
        self.sample("--count", 5, "--out", "at-once.png")
        self.assertEqual((self.root / "five.png").read_bytes(), (self.root / "at-once.png").read_bytes())

    def test_options_are_names_of_keys(self):
        self.sample("--count", 2, "--steps", 2, "--sampler", "ddim", "--out", "options.png")
        self.sample("--count", 2, "sampler.steps=2", "sampler.kind=ddim", "--out", "keys.png")
        self.assertEqual((self.root / "options.png").read_bytes(), (self.root / "keys.png").read_bytes())
        self.sample("--count", 2, "--out", "plain.png")
        self.assertNotEqual((self.root / "options.png").read_bytes(), (self.root / "plain.png").read_bytes())
        self.refuse("--steps", 2, "sampler.steps=3", expected=["--steps", "sampler.steps", "only one"])

    def test_the_strips_of_a_process(self):
        self.sample("--count", 2, "--trajectory", "strips.png")
        rows = png_rows(self.root / "strips.png")
        # Two strips of two rows of 8 x 8 pixels, enlarged 8 times, with labels and lines. A column for each of the four steps.
        self.assertEqual(len(rows[0]), 4 * 8 * 8 + 2 * 2)
        self.assertTrue(2 * 2 * 8 * 8 < len(rows) < 3 * 2 * 8 * 8, len(rows))


class Interpolation(Sampling):
    def test_a_row_leads_from_one_seed_to_the_other(self):
        for sampler in ("ddim", "dpm++"):
            for seed in (1, 2):
                self.sample("--seed", seed, "--count", 2, "--sampler", sampler, "--images", f"{sampler}{seed}")
            one, two = self.files(f"{sampler}1"), self.files(f"{sampler}2")
            rows = []
            for ranks, batch in ((None, 64), (2, 2)):
                name = f"{sampler}-{batch}"
                self.sample("--seed", 1, "--interpolate", 2, "--rows", 2, "--count", 5, "--sampler", sampler, "--batch", batch,
                            "--images", name, ranks=ranks)
                rows.append(self.files(name))
            self.assertEqual(rows[0], rows[1])
            ends = [rows[0][f"0000{i}.png"] for i in (0, 4, 5, 9)]
            self.assertEqual(ends, [one["00000.png"], two["00000.png"], one["00001.png"], two["00001.png"]])
            self.assertEqual(len(set(rows[0].values())), 10, "all between them differ")

    def test_what_makes_no_sense_is_refused(self):
        self.refuse("--rows", 2, expected=["--rows", "--interpolate"])
        self.refuse("--seed", 4, "--interpolate", 4, expected=["--interpolate 4", "another seed"])
        self.refuse("--interpolate", 4, "--count", 1, expected=["--count 1", "two ends"])
        self.refuse("--interpolate", 4, "--inpaint", self.data, expected=["--interpolate", "--inpaint"])


class Stopping(Sampling):
    STEPS = 200  # slow enough that a signal after the first image comes long before the last one
    COUNTED = ["--count", 12, "--batch", 1]

    def stop(self, arguments, appears, number):
        process = subprocess.Popen(self.command("gm_sample", ["run", *self.COUNTED, *arguments]), cwd=self.root,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: (self.root / appears).exists() and catches(process.pid, number), process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
        self.assertEqual(process.returncode, 75, errors)
        self.assertRegex(errors, r"(?m)^[1-9]\d* of 12 images are finished")
        self.assertIn("give the same command again", errors.splitlines()[-1])

    def kill(self, arguments, written):
        """Kills gm_sample while it adds to the file `written`."""
        before = (self.root / written).read_bytes()
        process = subprocess.Popen(self.command("gm_sample", ["run", *self.COUNTED, *arguments]), cwd=self.root,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: (self.root / written).read_bytes() != before, process)
        process.kill()
        process.wait(timeout=DEADLINE_SECONDS)

    def test_a_folder_is_resumed(self):
        self.sample(*self.COUNTED, "--images", "whole", "--out", "whole.png")
        self.stop(["--images", "stopped", "--out", "stopped.png"], "stopped/00001.png", signal.SIGTERM)
        made = {path: path.stat().st_mtime_ns for path in (self.root / "stopped").glob("*.png")}
        self.assertLess(len(made), 12)
        self.assertFalse((self.root / "stopped.png").exists())
        self.refuse("--count", 12, "--seed", 1, "--images", "stopped", expected=["seed is 0 there and 1 now", "stopped"])
        errors = self.sample("--count", 12, "--batch", 5, "--images", "stopped", "--out", "stopped.png", ranks=2)
        self.assertIn(f"stopped: has {len(made)} of 12 images already", errors)
        self.assertEqual({path: path.stat().st_mtime_ns for path in made}, made, "they are not made again")
        self.assertEqual(self.files("stopped"), self.files("whole"))
        self.assertEqual((self.root / "stopped.png").read_bytes(), (self.root / "whole.png").read_bytes())

    def test_an_hdf5_file_is_resumed(self):
        self.sample(*self.COUNTED, "--out", "whole.h5")
        self.stop(["--out", "stopped.h5"], "stopped.h5.partial", signal.SIGINT)
        self.kill(["--out", "stopped.h5"], "stopped.h5.partial")
        info = self.run_program("gm_data", ["info", self.root / "stopped.h5.partial"])
        self.assertEqual(info.returncode, 2)
        self.assertIn("stopped.h5.partial: is not finished", info.stderr)
        self.assertFalse((self.root / "stopped.h5").exists())
        self.refuse("--count", 12, "--steps", 7, "--out", "stopped.h5", expected=["stopped.h5.partial", "sampler.steps is 0 there and 7 now"])
        errors = self.sample("--count", 12, "--batch", 5, "--out", "stopped.h5", ranks=2)
        self.assertRegex(errors, r"stopped\.h5: resumes after [1-9]\d* of 12 samples")
        self.assertFalse((self.root / "stopped.h5.partial").exists())
        self.assertEqual((self.root / "stopped.h5").read_bytes(), (self.root / "whole.h5").read_bytes())
        self.sample("--count", 12, "--out", "stopped.h5")  # has nothing to do
        self.refuse("--count", 12, "--seed", 1, "--out", "stopped.h5", expected=["stopped.h5", "seed is 0 there and 1 now"])

    def test_a_full_disk_leaves_no_output(self):
        for limit, arguments, named in ((512, ["--out", "full.h5"], "full.h5"), (40, ["--out", "full.png"], "full.png")):
            done = self.run_program("gm_sample", ["run", "--count", 2, "--steps", 2, *arguments],
                                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(named, done.stderr.splitlines()[-1])
            self.assertIn("File too large", done.stderr.splitlines()[-1])
            self.assertEqual(list(self.root.glob("*full*")), [])

    def test_an_output_that_cannot_be_written_is_refused(self):
        self.refuse("--out", "nowhere/all.h5", expected=["nowhere/all.h5", "make it first"])
        self.refuse("--out", "all.zip", expected=["--out all.zip", ".png or .h5"])
        self.refuse("--count", 5000, expected=["5000 images are too many for a grid", "--out FILE.h5"])


if __name__ == "__main__":
    unittest.main()
