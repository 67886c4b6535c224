"""SIGSTOP: a single stopped rank is detected; a job in which all ranks were stopped continues after SIGCONT."""
import json
import os
import re
import signal
import time
import unittest

from support.programs import FaultTest, wait_until


class Suspended(FaultTest):
    def test_a_stopped_rank_is_named(self):
        process = self.start("stopped", "watchdog.reduction_seconds=1", ranks=2)
        wait_until(self.has_step("stopped", 3), process)
        os.kill(self.rank_processes("stopped")[1], signal.SIGSTOP)
        self.assertEqual(self.end_of(process), 1)
        self.assertIn("late in reduction", self.last_message(self.errors("stopped")))
        self.assertIn("no answer from rank 1", self.last_message(self.errors("stopped")))
        wait_until(lambda: not self.rank_processes("stopped"))
        self.assert_resumes("stopped", ranks=2)

    def test_a_stopped_rank_is_found_in_seconds_if_the_launcher_restarts(self):
        """watchdog.step_seconds is 300. The step after a checkpoint has a longer limit."""
        settings = ["checkpoint.every=100"]
        os.environ["GM_RESTARTS"] = "0"
        self.addCleanup(os.environ.pop, "GM_RESTARTS")
        process = self.start("restarted", *settings, ranks=2)
        wait_until(self.has_step("restarted", 1), process)
        rank = self.rank_processes("restarted")[1]
        wait_until(self.has_step("restarted", 105), process)
        os.kill(rank, signal.SIGSTOP)
        stopped = time.monotonic()
        self.assertEqual(self.end_of(process), 1)
        self.assertLess(time.monotonic() - stopped, 30)
        self.assertRegex(self.last_message(self.errors("restarted")),
                         r"late in step for 10\.\d s \(limit 10 s\); no answer from rank 1")
        late_step = json.loads((self.root / "restarted/step_limit.json").read_text())["late_step"]
        self.assertEqual(late_step, self.lines("restarted", "train")[-1]["step"] + 1)
        wait_until(lambda: not self.rank_processes("restarted"))
        os.environ["GM_RESTARTS"] = "1"
        self.assert_resumes("restarted", *settings, ranks=2)
        restarts = [line["restarts"] for line in self.lines("restarted", "event") if line["event"] == "restarted"]
        self.assertEqual(restarts, [1])

    def test_a_suspended_job_continues(self):
        """As by scontrol suspend, docker pause or Ctrl-Z, for longer than each time limit."""
        limits = [f"watchdog.{part}_seconds=6" for part in ("step", "data", "reduction", "checkpoint")]
        jobs = {f"suspended-{ranks}": self.start(f"suspended-{ranks}", *limits, ranks=ranks) for ranks in (None, 2)}
        for run, process in jobs.items():
            wait_until(self.has_step(run, 3), process)
        for run in jobs:
            for number in self.rank_processes(run).values():
                os.kill(number, signal.SIGSTOP)
        time.sleep(8)
        for run, process in jobs.items():
            step = int(re.findall(r'"train","step":(\d+),', (self.root / run / "metrics.jsonl").read_text())[-1])
            ranks = list(self.rank_processes(run).values())
            for number in ranks:
                os.kill(number, signal.SIGCONT)
            wait_until(self.has_step(run, step + 3), process)
            os.kill(ranks[0], signal.SIGTERM)
            self.assertEqual(self.end_of(process), 75, self.errors(run))
            self.assert_resumes(run, *limits, ranks=2 if run.endswith("2") else None)


if __name__ == "__main__":
    unittest.main()
