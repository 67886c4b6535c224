"""The same command again, in all the ways that a person gives it; and who may have the run directory."""
import json
import os
import shutil
import signal
import subprocess
import unittest

from support.programs import BIN, Exercises, wait_until


class Resumed(Exercises):
    def test_at_any_place_of_warm_up_and_epoch(self):
        """The warm-up ends at step 20, an epoch of 200 images at step 25."""
        for stop in (1, 19, 20, 25, 26, 39):
            for ranks in (None, 2):
                run = f"stop-{stop}-{ranks}"
                with self.subTest(run):
                    self.resume(run, f"train.steps={stop}", ranks=ranks)
                    self.resume(run, ranks=ranks)
                    self.assert_undisturbed(run, self.reference(ranks))

    def test_on_other_numbers_of_ranks(self):
        for steps, ranks in ((10, 1), (20, 2), (30, 4), (self.STEPS, None)):
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

    def test_a_finished_run_says_so(self):
        self.resume("finished")
        before = (self.root / "finished/metrics.jsonl").read_bytes()
        done = self.resume("finished")
        self.assertIn(f"the run is finished, with {self.STEPS} steps; a larger train.steps continues it", done.stderr)
        self.assertEqual((self.root / "finished/metrics.jsonl").read_bytes(), before)

    def test_a_run_without_a_checkpoint_begins_anew(self):
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
                self.assertIn(f"{key} is {old} in the run, {new} now", self.last_words(done.stderr))
        self.resume("changed", "checkpoint.every=5", "telemetry.log_every_seconds=1", "train.reducer=naive")
        self.assertEqual(len(self.lines("changed", "train")), self.STEPS)

    def test_other_images(self):
        self.resume("images", "train.steps=9")
        (self.root / "other.idx").write_bytes((self.root / "images.idx").read_bytes()[:-1] + b"\x01")
        self.check_output([BIN / "gm_data", "pack", self.root / "other.idx", "--out", self.root / "other.h5"])
        done = self.train("images", "data.path=other.h5")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("other images", self.last_words(done.stderr))
        shutil.copy(self.data, self.root / "moved.h5")
        self.resume("images", "data.path=moved.h5")

    def test_a_clock_that_is_set_back(self):
        self.resume("clock", "train.steps=9")
        done = self.train("clock", fault={"CLOCK": -86400})
        self.assertEqual(done.returncode, 0, done.stderr)
        times = [line["time"] for line in self.lines("clock", "train")]
        self.assertLess(times[9], times[8] - 80000, "the clock was set back")
        self.assert_undisturbed("clock", self.reference())


class Locked(Exercises):
    def test_two_at_once(self):
        for ranks in (None, 2):
            run = f"two-{ranks}"
            with self.subTest(run):
                first = self.start(run, ranks=ranks)
                wait_until(self.has_step(run, 3), first)
                owner = self.rank_processes(run)[0]
                second = self.train(run, ranks=ranks)
                self.assertEqual(second.returncode, 2, second.stderr)
                self.assertIn(f"process {owner} on {os.uname().nodename} trains here", self.last_words(second.stderr))
                self.assertIsNone(first.poll(), "the first one is not disturbed")
                os.kill(owner, signal.SIGTERM)
                self.assertEqual(self.end_of(first), 75)
                self.assertFalse((self.root / run / ".lock").exists())

    def test_the_lock_of_a_dead_process(self):
        process = self.start("dead")
        wait_until(self.has_step("dead", 3), process)
        process.kill()
        process.wait()
        self.assertTrue((self.root / "dead/.lock").exists())
        self.assert_resumes("dead")

    def lock_elsewhere(self, run, beat):
        owner = {"host": "node7", "kernel": "another", "process": 4711, "beat": beat}
        descriptor = os.open(self.root / run / ".lock", os.O_WRONLY | os.O_CREAT)
        os.pwrite(descriptor, json.dumps(owner).ljust(511).encode() + b"\n", 0)  # in one piece, as gm does
        os.close(descriptor)

    def test_the_lock_of_a_dead_host(self):
        self.resume("dead-host", "train.steps=9")
        self.lock_elsewhere("dead-host", 5)
        done = self.resume("dead-host")
        self.assertIn("taken over from process 4711 on node7", done.stderr)
        self.assert_undisturbed("dead-host", self.reference())

    def test_the_lock_of_a_living_host(self):
        self.resume("living-host", "train.steps=9")
        self.lock_elsewhere("living-host", 1)
        process = self.start("living-host")
        beat = 1
        while process.poll() is None:
            beat += 1
            self.lock_elsewhere("living-host", beat)
        self.assertEqual(process.returncode, 2)
        self.assertIn("process 4711 on node7 trains here", self.last_words(self.errors("living-host")))


class Unheard(Exercises):
    def test_a_reader_that_goes_away(self):
        command = " ".join(self.command("gm_train", self.arguments("unheard"))) + " 2>&1 | head -n 1"
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.root, capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, "gm_train itself comes to its end")
        self.assert_undisturbed("unheard", self.reference())

    def test_help_that_is_cut_off(self):
        for option in ("--help", "--help-config"):
            with self.subTest(option):
                done = subprocess.run(["bash", "-c", f"{BIN}/gm_train {option} | head -n 1"], capture_output=True,
                                      text=True, timeout=60, check=False)
                self.assertEqual(done.stderr, "")
                self.assertEqual(len(done.stdout.splitlines()), 1)


if __name__ == "__main__":
    unittest.main()
