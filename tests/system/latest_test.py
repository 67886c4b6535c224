"""Checkpoints are found by their folders: `latest` may be a folder, missing, or not supported by the disk."""
import shutil
import unittest

from support.programs import FaultTest


class Copied(FaultTest):
    """Copies of a run with checkpoints of steps 6 and 12. Tools that follow links, such as `cp -rL` and `scp -r`, make
    `latest` a folder, possibly the only one that was copied. Other tools leave out links."""
    PARTS = {"all": ["step-00000006", "step-00000012", "latest"], "no-link": ["step-00000006", "step-00000012"],
             "only-latest": ["latest"]}

    def copied(self, run, parts):
        original, copy = self.root / "original", self.root / run
        if not original.exists():
            self.resume("original", "train.steps=12")
        shutil.copytree(original, copy, symlinks=False, ignore=lambda folder, names: {"checkpoints"} & set(names))
        for part in self.PARTS[parts]:
            shutil.copytree(original / "checkpoints" / part, copy / "checkpoints" / part)

    def test_a_copy_is_read_and_resumed(self):
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

    def test_other_files_in_the_folder_are_kept(self):
        self.copied("notes", "all")
        notes = self.root / "notes/checkpoints/latest/notes.txt"
        notes.write_text("the good one")
        done = self.resume("notes")
        self.assertEqual(done.stderr.count("warning"), 1, done.stderr)
        self.assertIn("checkpoints/latest cannot name the newest checkpoint", done.stderr)
        self.assertEqual(notes.read_text(), "the good one")
        done = self.run_program("gm_sample", ["notes", "--count", 2])
        self.assertIn(f"checkpoint of step {self.STEPS}", done.stderr)


class WithoutLinks(FaultTest):
    def test_a_file_system_without_links(self):
        """Such as FAT and CIFS: one warning, and the usual results."""
        without_links = {"PATH": "/checkpoints", "CALL": "symlink", "ACTION": "EPERM", "AT": 0, "FOREVER": 1}
        for steps in (15, self.STEPS):
            done = self.train("no-links", f"train.steps={steps}", fault=without_links)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr.count("warning"), 1, done.stderr)
            self.assertIn("Operation not permitted", done.stderr)
        folders = sorted(folder.name for folder in (self.root / "no-links/checkpoints").iterdir())
        self.assertEqual(folders, ["step-00000018", "step-00000024", f"step-{self.STEPS:08}"])
        done = self.run_program("gm_sample", ["no-links", "--count", 1], env=self.environment(without_links))
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.root / "no-links/checkpoints/latest").symlink_to(folders[-1])  # for the comparison
        self.assert_undisturbed("no-links", self.reference())


if __name__ == "__main__":
    unittest.main()
