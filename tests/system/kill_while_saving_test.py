"""Killed at each call to the disk of a save: the same command resumes from the newest complete checkpoint."""
import signal
import unittest

from support.programs import FaultTest


class KilledWhileSaving(FaultTest):
    STEPS, EVERY = 10, 2

    def test_at_every_call_of_a_save(self):
        for at, call in self.calls_of_a_save():
            run = f"save-{at}"
            with self.subTest(call):
                killed = self.train(run, fault={"PATH": "/checkpoints", "AT": at, "ACTION": "kill"})
                self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
                self.resume(run)
                self.assert_undisturbed(run, self.reference())

    def test_at_calls_of_a_save_of_several_ranks(self):
        """Only rank 0 writes, so only the calls that make the new checkpoint visible are tested."""
        for at, call in self.calls_of_a_save():
            run = f"save-of-2-{at}"
            if call.split()[0] not in ("rename", "symlink"):
                continue
            with self.subTest(call):
                killed = self.train(run, ranks=2, fault={"PATH": "/checkpoints", "AT": at, "ACTION": "kill"})
                self.assertNotEqual(killed.returncode, 0)
                self.resume(run, ranks=2)
                self.assert_undisturbed(run, self.reference(2))


if __name__ == "__main__":
    unittest.main()
