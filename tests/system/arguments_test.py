"""Unusual arguments of all programs: wrong numbers, empty values, names with `=` and with `~`."""
import json
import os
import pathlib
import shutil
import unittest

from support.programs import Programs

# A run of one step that can be sampled and evaluated quickly.
TINY = ["data.image_size=16", "data.shards=4", "model.dim=8", "model.dim_mults=[1]", "diffusion.steps=2", "train.steps=1",
        "train.batch_size=4", "train.accumulate=1", "sample.every=0", "telemetry.port=0", "repaint.jump_length=1",
        "repaint.resamplings=1"]


class Arguments(Programs):
    COUNT = 24

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = cls.root / "home"
        cls.home.mkdir()

    def train(self, run, *arguments, **more):
        done = self.run_program("gm_train", [f"data.path={self.data}", *TINY, f"run.dir={run}", *arguments], **more)
        self.assertEqual(done.returncode, 0, done.stderr)

    def run_at_home(self, program, *arguments):
        done = self.run_program(program, arguments, env={**os.environ, "HOME": str(self.home)})
        self.assertEqual(done.returncode, 0, f"{program} {arguments}: {done.stderr}")
        return done

    def refuse(self, program, arguments, *expected):
        before = sorted(self.root.rglob("*"))
        done = self.run_program(program, arguments)
        self.assertEqual(done.returncode, 2, f"{program} {arguments}: {done.stderr}")
        self.assertEqual(done.stdout, "")
        for text in expected:
            self.assertIn(text, done.stderr.splitlines()[-1])
        self.assertEqual(sorted(self.root.rglob("*")), before, "nothing is written")


class Numbers(Arguments):
    # 2^64, 2^64 + 5 (5 after overflow), and spellings that a lenient parser would accept.
    WRONG = [2**64, 2**64 + 5, -1, "1e3", "0x5", "+5", " 5", "5.0"]

    def test_wrong_numbers_of_every_option_are_refused(self):
        commands = {
            ("gm_data", "pack", "images.idx", "--out", "none.h5"): ["--size", "--shards", "--jobs", "--background",
                                                                      "--holdout"],
            ("gm_data", "masks", "--out", "none.png"): ["--count"],
            ("gm_sample", "run", "--out", "none.png"): ["--count", "--seed", "--step", "--batch"],
            ("gm_eval", "run"): ["--count", "--step"],
            ("gm_train", "run.dir=none"): ["--train_steps", "--dataloader_workers"],
        }
        wrong = iter(self.WRONG * 2)
        for (program, *arguments), options in commands.items():
            for option in options:
                value = "nan" if option == "--holdout" else next(wrong)
                if option == "--train_steps":  # a key: TOML accepts 1e3, 0x5 and +5, as 1000, 5 and 5
                    value = 2**64
                self.refuse(program, [*arguments, option, value], option, str(value))

    def test_wrong_numbers_of_a_key_are_refused(self):
        for value in (2**64, -1, "inf"):
            self.refuse("gm_train", ["run.dir=none", f"run.seed={value}"], "run.seed")
        (self.root / "wrong.toml").write_text(f"[run]\nseed = {2**64}\n")
        self.refuse("gm_train", ["wrong.toml", "run.dir=none"], "wrong.toml:2")

    def test_the_largest_seeds_are_accepted_and_differ(self):
        self.train("seeded", f"run.seed={2**63 - 1}")
        grids = []
        for seed in (2**64 - 1, 2**64 - 2):
            done = self.run_program("gm_sample", ["seeded", "--seed", seed, "--count", 1, "--out", "grid.png"])
            self.assertEqual(done.returncode, 0, done.stderr)
            grids.append((self.root / "grid.png").read_bytes())
        self.assertNotEqual(*grids)


class EmptyValues(Arguments):
    def test_an_empty_argument_is_refused(self):
        for program, arguments in [
            ("gm_data", ["info", ""]),
            ("gm_data", ["pack", "images.idx", "--out=none.h5", "--classes="]),
            ("gm_train", ["--train_steps", ""]),
            ("gm_train", ["--save_folder="]),
            ("gm_sample", [""]),
            ("gm_eval", ["run", "--json="]),
        ]:
            self.refuse(program, arguments, "is empty")

    def test_a_key_without_a_value_is_refused(self):
        for program, arguments in [
            ("gm_data", ["masks", "--out", "none.png", "mask.path="]),
            ("gm_train", ["run.dir=none", "model.weights="]),
        ]:
            self.refuse(program, arguments, "has no value")
        (self.root / "empty.toml").write_text('[run]\ndir = ""\n')
        self.refuse("gm_train", ["empty.toml"], "empty.toml:2", "run.dir")


class FileNames(Arguments):
    def test_a_run_with_an_equals_sign(self):
        run, like_a_key = "runs/lr=0.001,bs=4", "train.steps=9"
        self.train(run)
        done = self.run_program("gm_train", [run, "train.steps=2"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.root / run / "checkpoints/step-00000002").is_dir())
        (self.root / like_a_key).symlink_to(run)
        for program, arguments in [
            ("gm_train", [like_a_key]),
            ("gm_sample", [run, "--count", 1, "--out", "grid.png"]),
            ("gm_eval", [run, like_a_key, "--count", 1, "evaluate.batch_size=1"]),
            ("gm_data", ["masks", f"{run}/config.toml", "--out", "masks.png"]),
            ("gm_data", ["masks", like_a_key, "--out", "masks.png"]),
        ]:
            done = self.run_program(program, arguments)
            self.assertEqual(done.returncode, 0, f"{program} {arguments}: {done.stderr}")
        self.refuse("gm_train", ["runs/lr=1"], "runs/lr=1")
        self.refuse("gm_eval", ["runs/lr=0.001,bs=4", "lr=1"], "lr=1")

    def test_the_home_folder(self):
        shutil.copy(self.data, self.home / "p.h5")
        (self.home / "tiny.toml").write_text('[data]\npath = "~/p.h5"\n[run]\ndir = "~/runs/toml"\n')
        self.run_at_home("gm_train", "~/tiny.toml", *TINY)
        self.run_at_home("gm_train", "--data_path=~/p.h5", *TINY, "run.dir=~/runs/key")
        self.run_at_home("gm_train", "~/runs/key", "train.steps=2")
        self.run_at_home("gm_sample", "~/runs/key", "--count", 1, "--out=~/grid.png", "--images=~/each",
                         "--trajectory", "~/rows.png")
        self.run_at_home("gm_eval", "~/runs/key", "--data=~/p.h5", "--count", 1, "--json=~/figures.json",
                         "--image=~/comparison.png")
        self.run_at_home("gm_data", "masks", "~/runs/key/config.toml", "--out=~/masks.png")
        shutil.copy(self.root / "images.idx", self.home)
        self.run_at_home("gm_data", "pack", "~/images.idx", "--out=~/packed.h5")
        for name in ("runs/toml", "runs/key/checkpoints/step-00000002", "grid.png", "each/00000.png",
                     "rows.png", "comparison.png", "masks.png", "packed.h5"):
            self.assertTrue((self.home / name).exists(), name)
        self.assertEqual(len(json.loads((self.home / "figures.json").read_text())["methods"]), 3)
        self.assertEqual([path for path in self.root.rglob("*") if "~" in path.name], [])

    def test_the_home_folder_of_another_user_is_refused(self):
        for program, arguments in [("gm_train", ["run.dir=~bob/x"]), ("gm_data", ["masks", "--out", "~bob/x.png"])]:
            self.refuse(program, arguments, "~bob/x", "home folder")
        done = self.run_program("gm_data", ["masks", "--count", 1, "--out", "./~bob.png"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(pathlib.Path(self.root / "~bob.png").is_file())


if __name__ == "__main__":
    unittest.main()
