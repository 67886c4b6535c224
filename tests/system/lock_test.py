"""Two programs cannot train in one run directory at the same time."""
import itertools
import json
import os
import signal
import unittest

from support.programs import FaultTest, wait_until


class Locked(FaultTest):
    def test_a_second_program_is_refused(self):
        for ranks in (None, 2):
            run = f"two-{ranks}"
            with self.subTest(run):
                first = self.start(run, ranks=ranks)
                wait_until(self.has_step(run, 3), first)
                owner = self.rank_processes(run)[0]
                second = self.train(run, ranks=ranks)
                self.assertEqual(second.returncode, 2, second.stderr)
                self.assertIn(f"process {owner} on {os.uname().nodename} trains here", self.last_message(second.stderr))
                self.assertIsNone(first.poll(), "the first program continues")
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

    def write_lock_of_another_host(self, run, beat):
        owner = {"host": "node7", "kernel": "another", "process": 4711, "beat": beat}
        descriptor = os.open(self.root / run / ".lock", os.O_WRONLY | os.O_CREAT)
        os.pwrite(descriptor, json.dumps(owner).ljust(511).encode() + b"\n", 0)  # in one write, as gm does
        os.close(descriptor)

    def test_the_locks_of_a_dead_and_of_a_living_host(self):
        """Each of them takes ten seconds to tell, so they run at the same time."""
        for run in ("dead-host", "living-host"):
            self.resume(run, "train.steps=9")
            self.write_lock_of_another_host(run, 1)
        dead, living = (self.start_command(run, self.command("gm_train", self.arguments(run)))
                        for run in ("dead-host", "living-host"))
        beats = itertools.count(2)

        def ends_despite_the_beats():
            self.write_lock_of_another_host("living-host", next(beats))
            return living.poll() is not None
        wait_until(ends_despite_the_beats)
        self.assertEqual(living.returncode, 2)
        self.assertIn("process 4711 on node7 trains here", self.last_message(self.errors("living-host")))
        self.assertEqual(len(self.lines("living-host", "train")), 9)

        self.assertEqual(self.end_of(dead), 0, self.errors("dead-host"))
        self.assertIn("taken over from process 4711 on node7", self.errors("dead-host"))
        self.assert_undisturbed("dead-host", self.reference())


if __name__ == "__main__":
    unittest.main()
