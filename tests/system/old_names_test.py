"""Old names of options are still accepted, with one warning that gives the new name."""
import unittest

from support.png import png_rows
from support.programs import Programs
from old_runs_test import RUNS


class OldNames(Programs):
    def run_with(self, program, arguments, old, new):
        """Runs the program with `--option value` and with `--option=value`, and yields both results."""
        for given in ([old, "old"], [f"{old}=old"]):
            done = self.run_program(program, [*arguments, *given])
            self.assertEqual(done.stderr.count(f"warning: command line: {old} is an old name of {new}"), 1, done.stderr)
            yield done

    def test_gm_sample(self):
        for done in self.run_with("gm_sample", [RUNS / "ddpm", "--count", 1], "--pictures", "--images"):
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(png_rows(self.root / "old/00000.png"))

    def test_gm_eval(self):
        arguments = [RUNS / "inpaint", "--data", RUNS / "images.h5", "--json", "old"]
        for done in self.run_with("gm_eval", arguments, "--picture", "--image"):
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--json old and --image old are the same file", done.stderr.splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
