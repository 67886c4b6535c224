"""A full, slow or missing disk causes warnings. Training continues, and good checkpoints are kept."""
import os
import shutil
import signal
import struct
import subprocess
import time
import unittest

from support.programs import FaultTest, wait_until

FOR_EVER = {"AT": 0, "FOREVER": 1}


class FailingDisk(FaultTest):
    STEPS, EVERY = 10, 2

    def events(self, run):
        return [line["event"] for line in self.lines(run, "event")]

    def test_one_call_of_a_save_fails(self):
        """The run continues, and the next save works."""
        for at, call in self.calls_of_a_save():
            run = f"full-{at}"
            with self.subTest(call):
                done = self.train(run, fault={"PATH": "/checkpoints", "AT": at, "ACTION": "ENOSPC"})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("warning: ", done.stderr)
                self.assertIn("No space left on device", done.stderr)
                self.assert_undisturbed(run, self.reference())

    def test_every_save_fails(self):
        for action, reason in (("ENOSPC", "No space left"), ("EIO", "Input/output error"), ("EACCES", "Permission denied")):
            for ranks in (None, 2) if action == "EIO" else (None,):
                run = f"all-{action}-{ranks}"
                with self.subTest(run):
                    done = self.train(run, ranks=ranks, fault={"PATH": "/checkpoints", "ACTION": action, **FOR_EVER})
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn(f"step {self.STEPS} could not be saved", self.last_message(done.stderr))
                    self.assertIn(reason, self.last_message(done.stderr))
                    self.assertEqual(len(self.lines(run, "train")), self.STEPS)
                    self.assertEqual(set(self.events(run)), {"started", "checkpoint_failed"})
                    self.resume(run, ranks=ranks)
                    self.assert_undisturbed(run, self.reference(ranks))

    def test_only_lines_are_lost(self):
        for file in ("metrics.jsonl", "log.txt"):
            run = f"words-{file}"
            with self.subTest(file):
                done = self.train(run, fault={"PATH": f"{run}/{file}", "ACTION": "ENOSPC", "AT": 1, "FOREVER": 1})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("No space left on device", done.stderr)
                self.assert_same_checkpoint(run, self.reference())

    def test_lost_lines_are_counted(self):
        done = self.train("told", fault={"PATH": "told/metrics.jsonl", "ACTION": "ENOSPC", "AT": 6})
        self.assertEqual(done.returncode, 0, done.stderr)
        lost = [line for line in self.lines("told", "event") if line["event"] == "lines_lost"]
        self.assertEqual([line["lines"] for line in lost], [1])
        steps = [line["step"] for line in self.lines("told", "train")]
        self.assertEqual(sorted({*range(1, self.STEPS + 1)} - {*steps}), [lost[0]["step"] - 1])

    def weights_without_a_finite_loss(self):
        path = self.root / "huge.safetensors"
        content = (self.root / self.reference() / "checkpoints/latest/model.safetensors").read_bytes()
        values = 8 + struct.unpack("<Q", content[:8])[0]
        path.write_bytes(content[:values] + struct.pack("<f", 3e38) * ((len(content) - values) // 4))
        return path

    def test_a_run_that_fails_does_not_wait_for_a_slow_save(self):
        """Each disk call of the save of step 2 takes a minute. The run fails at step 3, the third without a finite loss."""
        more = [f"model.weights={self.weights_without_a_finite_loss()}", "train.max_nonfinite=3", "checkpoint.every=2"]
        for ranks in (None, 2):
            run = f"fails-{ranks}"
            with self.subTest(run):
                start = time.monotonic()
                done = self.train(run, *more, ranks=ranks,
                                  fault={"PATH": f"{run}/checkpoints", "AT": 0, "FOREVER": 1, "ACTION": "slow"})
                self.assertLess(time.monotonic() - start, 40)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("not finite 3 times in a row", self.last_message(done.stderr))

    def test_samples_that_cannot_be_written(self):
        done = self.train("no-grids", fault={"PATH": "/samples/", "ACTION": "ENOSPC", **FOR_EVER})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.events("no-grids"), ["started", "samples_failed"])
        self.assert_undisturbed("no-grids", self.reference())

    def test_a_small_file_system(self):
        """A tmpfs if it can be mounted, otherwise a limit on the size of files."""
        place = self.root / "small"
        place.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", place], capture_output=True,
                                 check=False).returncode == 0
        limit = [] if mounted else ["bash", "-c", 'ulimit -f 60; trap "" XFSZ; exec "$@"', "-"]
        try:
            command = limit + self.command("gm_train", self.arguments("small/run", "model.dim_mults=[1,2]"))
            done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("could not be saved", self.last_message(done.stderr))
            self.assertEqual(len(self.lines("small/run", "train")), self.STEPS)
        finally:
            if mounted:
                subprocess.run(["umount", place], check=True)

    def test_a_limit_on_the_size_of_files(self):
        """Without a handler, SIGXFSZ would end the process without a message."""
        limited = ["bash", "-c", 'ulimit -f 40; exec "$@"', "-"]
        command = self.command("gm_train", self.arguments("limited", "model.dim_mults=[1,2]"))
        done = subprocess.run(limited + command, cwd=self.root, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"step {self.STEPS} could not be saved", self.last_message(done.stderr))
        self.assertIn("File too large", self.last_message(done.stderr))
        self.assertEqual(len(self.lines("limited", "train")), self.STEPS)
        command = self.command("gm_data", ["pack", self.root / "images.idx", "--size", 32, "--out", "limited.h5"])
        done = subprocess.run(limited + command, cwd=self.root, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("File too large", done.stderr)
        self.assertEqual(list(self.root.glob("*limited.h5*")), [])

    def test_a_run_directory_that_cannot_be_written(self):
        done = self.train("read_only", fault={"PATH": "read_only", "ACTION": "EACCES", **FOR_EVER})
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("read_only: ", self.last_message(done.stderr))
        self.assertIn("run.dir", self.last_message(done.stderr))
        self.assertFalse((self.root / "read_only").exists())

    def test_a_run_directory_that_is_removed_during_the_run(self):
        for ranks in (None, 2):
            run = f"removed-{ranks}"
            with self.subTest(run):
                process = self.start(run, ranks=ranks)
                wait_until(self.has_step(run, 3), process)
                (self.root / run).rename(self.root / f"{run}-old")
                os.kill(self.rank_processes(run)[0], signal.SIGTERM)
                self.assertEqual(self.end_of(process), 1, self.errors(run))
                self.assertIn("could not be saved", self.last_message(self.errors(run)))
                self.assertFalse((self.root / run).exists())
                shutil.rmtree(self.root / f"{run}-old")

    def test_a_disk_that_hangs_is_named_by_the_watchdog(self):
        for ranks in (None, 2):
            run = f"hangs-{ranks}"
            with self.subTest(run):
                done = self.train(run, "watchdog.checkpoint_seconds=1", ranks=ranks,
                                  fault={"PATH": "/checkpoints", "AT": 1, "ACTION": "slow"})
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("late in checkpoint", self.last_message(done.stderr))
                self.resume(run, ranks=ranks)
                self.assert_undisturbed(run, self.reference(ranks))


if __name__ == "__main__":
    unittest.main()
