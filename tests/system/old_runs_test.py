"""Runs that gm 0.1.0 made before keys were renamed are resumed with the same result as in that version.

runs_of_version_1/TASK is a run that was stopped after step 3. TASK.jsonl has the losses of steps 4 to 6 in that version.
"""
import json
import pathlib
import shutil
import unittest

from support.programs import Programs

RUNS = pathlib.Path(__file__).parent / "runs_of_version_1"


def losses(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines if line["kind"] == "train"]


class OldRuns(Programs):
    def resume(self, task, *command):
        """Resumes with the arguments `command`; without any, with the configuration in the run."""
        run = self.root / self.id() / task
        shutil.copytree(RUNS / task, run)
        done = self.run_program("gm_train", [*(command or [run]), f"run.dir={run}", f"data.path={RUNS / 'images.h5'}", "train.steps=6"])
        self.assertEqual(done.returncode, 0, done.stderr)
        return run, done.stderr

    def test_each_task_has_the_same_losses(self):
        for task in ("ddpm", "inpaint", "gan_inpaint"):
            with self.subTest(task):
                run, stderr = self.resume(task)
                self.assertIn("after step 3 of 6", stderr)
                for (step, loss), (expected_step, expected) in zip(losses(run / "metrics.jsonl")[3:], losses(RUNS / f"{task}.jsonl"),
                                                                   strict=True):
                    self.assertEqual(step, expected_step)
                    # Rounding differs between CPUs.
                    self.assertAlmostEqual(loss / expected, 1, delta=1e-4)

    def test_a_command_without_the_number_of_shards_keeps_that_of_the_run(self):
        lines = (RUNS / "ddpm/config.toml").read_text().splitlines(keepends=True)
        without = self.root / "without_shards.toml"
        without.write_text("".join(line for line in lines if not line.startswith("shards =")))
        run, stderr = self.resume("ddpm", without)
        self.assertIn("after step 3 of 6", stderr)
        self.assertIn("\nshards = 4\n", (run / "config.toml").read_text())

    def test_each_old_name_is_warned_of_once(self):
        run, stderr = self.resume("gan_inpaint")
        warnings = [line for line in stderr.splitlines() if line.startswith("warning: ")]
        self.assertEqual(len(warnings), 2, stderr)
        self.assertIn("gan.discriminator_rate is an old name of gan.discriminator_lr_scale", stderr)
        self.assertIn('gan.loss = "reference" is an old name of "minimax"', stderr)
        self.assertIn('discriminator_lr_scale = 0.5', (run / "config.toml").read_text())


if __name__ == "__main__":
    unittest.main()
