"""A command is run again: after a stop, on other ranks, with other keys, with other images."""
import shutil
import subprocess
import unittest

from support.programs import BIN, FaultTest, wait_until


class Resumed(FaultTest):
    def test_after_a_stop_in_and_after_warm_up_and_epoch(self):
        """The warm-up ends at step 20, an epoch of 200 images at step 25."""
        for ranks, stops in ((None, (1, 19, 20, 25, 26, 27)), (2, (20, 25))):
            for stop in stops:
                run = f"stop-{stop}-{ranks}"
                with self.subTest(run):
                    self.resume(run, f"train.steps={stop}", ranks=ranks)
                    self.resume(run, ranks=ranks)
                    self.assert_undisturbed(run, self.reference(ranks))

    def test_on_other_numbers_of_ranks(self):
        for steps, ranks in ((7, 1), (14, 2), (21, 4), (self.STEPS, None)):
            self.resume("ranks", f"train.steps={steps}", ranks=ranks)
        for one, two in zip(self.lines("ranks", "train"), self.lines(self.reference(), "train"), strict=True):
            self.assertEqual((one["step"], one["images"]), (two["step"], two["images"]))
            self.assertAlmostEqual(one["loss"], two["loss"], delta=1e-4 * two["loss"])

    def test_by_its_directory(self):
        for run, arguments in (("by-name", ["by-name"]), ("by-option", ["--resume", "by-option"])):
            with self.subTest(run):
                self.resume(run, "train.steps=9")
                done = self.run_program("gm_train", [*arguments, f"train.steps={self.STEPS}"])
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assert_undisturbed(run, self.reference())
        done = self.run_program("gm_train", ["--resume", "nowhere"])
        self.assertEqual(done.returncode, 2, done.stderr)

    def test_a_finished_run_prints_a_message(self):
        self.resume("finished")
        before = (self.root / "finished/metrics.jsonl").read_bytes()
        done = self.resume("finished")
        self.assertIn(f"the run is finished, with {self.STEPS} steps; a larger train.steps continues it", done.stderr)
        self.assertEqual((self.root / "finished/metrics.jsonl").read_bytes(), before)

    def test_a_run_without_a_checkpoint_starts_again(self):
        process = self.start("anew", "checkpoint.every=100000")
        wait_until(self.has_step("anew", 5), process)
        process.kill()
        process.wait()
        self.assert_resumes("anew")

    def test_a_changed_configuration(self):
        self.resume("changed", "train.steps=9")
        for key, old, new in (("model.dim", "8", "16"), ("run.seed", "0", "4"), ("train.batch_size", "8", "16"),
                              ("data.image_size", "8", "16"), ("optimizer.learning_rate", "0.001", "0.5")):
            with self.subTest(key):
                done = self.train("changed", f"{key}={new}")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(f"{key} is {old} in the run, {new} now", self.last_message(done.stderr))
        self.resume("changed", "checkpoint.every=5", "telemetry.log_every_seconds=1", "train.reducer=naive")
        self.assertEqual(len(self.lines("changed", "train")), self.STEPS)

    def test_other_images(self):
        self.resume("images", "train.steps=9")
        (self.root / "other.idx").write_bytes((self.root / "images.idx").read_bytes()[:-1] + b"\x01")
        self.check_output([BIN / "gm_data", "pack", self.root / "other.idx", "--out", self.root / "other.h5"])
        done = self.train("images", "data.path=other.h5")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("other images", self.last_message(done.stderr))
        shutil.copy(self.data, self.root / "moved.h5")
        self.resume("images", "data.path=moved.h5")

    def test_a_clock_that_was_set_back(self):
        self.resume("clock", "train.steps=9")
        done = self.train("clock", fault={"CLOCK": -86400})
        self.assertEqual(done.returncode, 0, done.stderr)
        times = [line["time"] for line in self.lines("clock", "train")]
        self.assertLess(times[9], times[8] - 80000, "the clock was set back")
        self.assert_undisturbed("clock", self.reference())


class ClosedOutput(FaultTest):
    def test_a_reader_that_ends(self):
        command = " ".join(self.command("gm_train", self.arguments("unheard"))) + " 2>&1 | head -n 1"
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.root, capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, "gm_train itself completes the run")
        self.assert_undisturbed("unheard", self.reference())

    def test_help_into_a_reader_that_ends(self):
        for option in ("--help", "--help-config"):
            with self.subTest(option):
                done = subprocess.run(["bash", "-c", f"{BIN}/gm_train {option} | head -n 1"], capture_output=True,
                                      text=True, timeout=60, check=False)
                self.assertEqual(done.stderr, "")
                self.assertEqual(len(done.stdout.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
