"""A damaged newest checkpoint is named and rejected. The run ends like an undamaged one."""
import json
import os
import shutil
import signal
import unittest

from support.programs import FaultTest

FILES = ("model.safetensors", "ema.safetensors", "optimizer.safetensors")


def change_byte(path, place):
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 0x10
    path.write_bytes(content)


def swap(one, two):
    aside = one.with_suffix(".aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


def change(key):
    def damage(manifest):
        content = json.loads(manifest.read_text())
        content[key] += 1
        manifest.write_text(json.dumps(content))
    return damage


class Damaged(FaultTest):
    """Each test damages a copy of a run that ended at step 12, with checkpoints of steps 6 and 12."""
    STEPS = 15
    NEWEST = "checkpoints/step-00000012"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        half = cls("half_a_run")
        half.half_a_run()

    def half_a_run(self):
        done = self.train("half", "train.steps=12")
        self.assertEqual(done.returncode, 0, done.stderr)

    def damaged(self, name):
        shutil.copytree(self.root / "half", self.root / name, symlinks=True)
        return self.root / name / self.NEWEST

    def assert_rejected(self, run, *named):
        done = self.resume(run)
        for text in ("a checkpoint is rejected", *named):
            self.assertIn(text, done.stderr)
        self.assertIn("resumes after step 6 ", done.stderr)
        self.assertTrue((self.root / run / f"{self.NEWEST}.rejected").is_dir())
        self.assert_undisturbed(run, self.reference())

    def test_each_file_with_each_kind_of_damage(self):
        damages = {
            "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
            "empty": lambda path: os.truncate(path, 0),
            "longer": lambda path: path.write_bytes(path.read_bytes() + b"more"),
            "missing": lambda path: path.unlink(),
            "first-byte": lambda path: change_byte(path, 0),
            "header": lambda path: change_byte(path, 0.01),
            "middle": lambda path: change_byte(path, 0.5),
            "last-byte": lambda path: change_byte(path, 1),
        }
        # The files are read by the same code: one of them gets every kind of damage.
        for file in FILES:
            for name in damages if file == FILES[0] else ("cut", "missing", "middle"):
                damage = damages[name]
                run = f"{name}-{file.split('.')[0]}"
                with self.subTest(run):
                    damage(self.damaged(run) / file)
                    self.assert_rejected(run, f"step-00000012/{file}")

    def test_swapped_files(self):
        newest = self.damaged("swapped")
        swap(newest / FILES[0], newest / FILES[1])
        self.assert_rejected("swapped", "its hash does not match the one in manifest.json")

    def test_a_damaged_manifest(self):
        damages = {
            "cut": lambda path: os.truncate(path, 50),
            "empty": lambda path: os.truncate(path, 0),
            "missing": lambda path: path.unlink(),
            "version": change("format_version"),
            "images": change("images"),
            "text": lambda path: path.write_text("[" * 100000),
        }
        for name, damage in damages.items():
            run = f"manifest-{name}"
            with self.subTest(run):
                damage(self.damaged(run) / "manifest.json")
                self.assert_rejected(run, "step-00000012/manifest.json")

    def test_a_checkpoint_of_another_run(self):
        done = self.train("other", "run.seed=5", "train.steps=12")
        self.assertEqual(done.returncode, 0, done.stderr)
        newest = self.damaged("foreign")
        shutil.rmtree(newest)
        shutil.copytree(self.root / "other" / self.NEWEST, newest)
        self.assert_rejected("foreign", "made with another configuration")

    def test_killed_while_the_damaged_checkpoint_is_renamed(self):
        """While it gets its new name, and while `latest` is changed to the previous checkpoint."""
        for path, at in (("/step-00000012.rejected", 0), ("/.latest.partial", 0), ("/checkpoints/latest", 0)):
            run = f"aside{path.replace('/', '-')}-{at}"
            with self.subTest(run):
                change_byte(self.damaged(run) / FILES[0], 0.5)
                killed = self.train(run, fault={"PATH": path, "AT": at, "ACTION": "kill"})
                self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
                self.assertTrue((self.root / run / "checkpoints/latest/manifest.json").exists())
                self.resume(run)
                self.assert_undisturbed(run, self.reference())

    def test_a_checkpoint_that_could_not_be_read_once_is_not_used_later(self):
        newest = self.damaged("for-a-while")
        content = (newest / FILES[0]).read_bytes()
        (newest / FILES[0]).write_bytes(b"")
        stopped = self.train("for-a-while", "train.steps=9")
        self.assertEqual(stopped.returncode, 0, stopped.stderr)
        (newest.with_name(newest.name + ".rejected") / FILES[0]).write_bytes(content)
        self.assertIn("resumes after step 9 ", self.resume("for-a-while").stderr)
        self.assertEqual([line["step"] for line in self.lines("for-a-while", "train")], list(range(1, self.STEPS + 1)))

    def test_the_newest_folder_is_missing(self):
        shutil.rmtree(self.damaged("no-folder"))
        self.resume("no-folder")
        self.assert_undisturbed("no-folder", self.reference())

    def test_latest_is_missing_or_wrong(self):
        for target in (None, "step-00000099", "/etc", "step-00000006", "latest"):
            run = f"latest-{str(target).strip('/')}"
            with self.subTest(run):
                latest = self.damaged(run).parent / "latest"
                latest.unlink()
                if target:
                    latest.symlink_to(target)
                self.assert_sampled(run, 12)
                self.resume(run)
                self.assert_undisturbed(run, self.reference())

    def test_latest_is_a_file(self):
        """Archives and version control replace a link by a file where links are not supported."""
        latest = self.damaged("file").parent / "latest"
        latest.unlink()
        latest.write_text("step-00000012")
        self.assert_sampled("file", 12)
        self.resume("file")
        self.assert_undisturbed("file", self.reference())

    def assert_sampled(self, run, step):
        done = self.run_program("gm_sample", [run, "--count", 1, "--out", f"{run}.png"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"checkpoint of step {step},", done.stderr)
        return done.stderr

    def test_gm_sample_reads_the_previous_checkpoint(self):
        change_byte(self.damaged("read") / "ema.safetensors", 0.5)
        before = sorted((self.root / "read").rglob("*"))
        self.assertIn("a checkpoint is rejected: read/checkpoints/step-00000012/ema", self.assert_sampled("read", 6))
        self.assertEqual(sorted((self.root / "read").rglob("*")), before, "gm_sample changes nothing")

    def test_all_checkpoints_are_damaged(self):
        for ranks in (None, 2):
            run = f"none-{ranks}"
            with self.subTest(run):
                newest = self.damaged(run)
                os.truncate(newest / FILES[0], 3)
                change_byte(newest.parent / "step-00000006" / FILES[2], 0.5)
                before = sorted(newest.parent.rglob("*"))
                done = self.train(run, ranks=ranks)
                self.assertEqual(done.returncode, 2, done.stderr)
                for text in ("step-00000006/optimizer.safetensors", "step-00000012/model.safetensors", "run.dir"):
                    self.assertIn(text, self.last_message(done.stderr))
                self.assertEqual(sorted(newest.parent.rglob("*")), before)

    def test_all_ranks_resume_from_the_same_checkpoint(self):
        change_byte(self.damaged("agree") / FILES[0], 0.5)
        done = self.resume("agree", ranks=2)
        self.assertEqual(done.stderr.count("resumes after step 6 "), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
