"""The folders of the checkpoints are what counts: `latest` may be a folder, missing, or impossible on this disk."""
import shutil
import unittest

from support.programs import Exercises


class Copied(Exercises):
    """Copies of a run that was saved after 6 and 12 steps, by tools that follow links, as `cp -rL` and `scp -r` do: a folder
    is in the place of `latest`, and may be all that was copied; or that leave links out."""
    PARTS = {"all": ["step-00000006", "step-00000012", "latest"], "no-link": ["step-00000006", "step-00000012"],
             "only-latest": ["latest"]}

    def copied(self, run, parts):
        original, copy = self.root / "original", self.root / run
        if not original.exists():
            self.resume("original", "train.steps=12")
        shutil.copytree(original, copy, symlinks=False, ignore=lambda folder, names: {"checkpoints"} & set(names))
        for part in self.PARTS[parts]:
            shutil.copytree(original / "checkpoints" / part, copy / "checkpoints" / part)

    def test_is_read_and_resumed(self):
        for parts in self.PARTS:
            with self.subTest(parts):
                self.copied(parts, parts)
                for run in ("original", parts):
                    done = self.run_program("gm_sample", [run, "--count", 2, "--out", f"{run}.png"])
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertIn("checkpoint of step 12", done.stderr)
                self.assertEqual((self.root / f"{parts}.png").read_bytes(), (self.root / "original.png").read_bytes())
                done = self.resume(parts)
                self.assertIn("resumes after step 12 ", done.stderr)
                self.assertNotIn("warning", done.stderr)
                self.assert_undisturbed(parts, self.reference())
                self.assertTrue((self.root / parts / "checkpoints/latest").is_symlink())

    def test_what_else_is_in_the_folder_stays(self):
        self.copied("notes", "all")
        notes = self.root / "notes/checkpoints/latest/notes.txt"
        notes.write_text("the good one")
        done = self.resume("notes")
        self.assertEqual(done.stderr.count("warning"), 1, done.stderr)
        self.assertIn("checkpoints/latest cannot name the newest checkpoint", done.stderr)
        self.assertEqual(notes.read_text(), "the good one")
        done = self.run_program("gm_sample", ["notes", "--count", 2])
        self.assertIn(f"checkpoint of step {self.STEPS}", done.stderr)


class WithoutLinks(Exercises):
    def test_a_file_system_without_links(self):
        """FAT, CIFS and the like: one warning, and everything else as ever."""
        without_links = {"PATH": "/checkpoints", "CALL": "symlink", "ACTION": "EPERM", "AT": 0, "FOREVER": 1}
        for steps in (15, self.STEPS):
            done = self.train("no-links", f"train.steps={steps}", fault=without_links)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr.count("warning"), 1, done.stderr)
            self.assertIn("Operation not permitted", done.stderr)
        folders = sorted(folder.name for folder in (self.root / "no-links/checkpoints").iterdir())
        self.assertEqual(folders, ["step-00000030", "step-00000036", f"step-{self.STEPS:08}"])
        done = self.run_program("gm_sample", ["no-links", "--count", 1], env=self.environment(without_links))
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.root / "no-links/checkpoints/latest").symlink_to(folders[-1])  # so that it can be compared
        self.assert_undisturbed("no-links", self.reference())


if __name__ == "__main__":
    unittest.main()
