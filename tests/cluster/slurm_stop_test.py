"""launch/slurm: jobs that reach their time limit, that are preempted, and that are asked to stop early or often."""
import os

import fake_cluster
from fake_cluster import run
from fake_slurm import SlurmTest
from support.programs import wait_until


class Stopped(SlurmTest):
    def test_time_limit(self):
        job = self.submit("limit", "--time=1", "--signal=B:USR1@20")  # Slurm sends it up to 30 seconds too early
        self.assert_queued_again(job, "limit")

    def test_preemption(self):
        job = self.submit("preempted")
        self.train_until("preempted", 3)
        run("sbatch", "--partition=high", "--nodes=2", "--ntasks-per-node=4", "--output=/dev/null", "--wrap=sleep 1")
        self.assert_queued_again(job, "preempted")
        self.assertRegex(self.errors("preempted"), r"(?s)stopped by SIG.*queued again 1 times")

    def test_is_stopped_while_it_loads(self):
        job = self.submit("early")
        wait_until(lambda: self.rank_processes("early"))
        run("scancel", "--signal=USR1", "--batch", job)
        wait_until(self.says("early", "queued again 1 times"))

    def test_the_number_of_requeues_is_limited(self):
        tools = self.root / "busy"
        tools.mkdir()
        (tools / "squeue").write_text("#!/bin/sh\nmkdir asked || exec /usr/bin/squeue \"$@\"\nexit 1\n")  # the first time
        (tools / "squeue").chmod(0o755)
        job = self.submit("often", "--requeues", 0, path=f"{tools}:{os.environ['PATH']}")
        self.train_until("often", 3)
        run("scancel", "--signal=USR1", "--batch", job)
        self.wait_for_state(job, "FAILED")
        self.assertIn("squeue does not answer (attempt 1 of 3)", self.errors("often"))
        self.assertIn("queued again 0 times, which is the limit", self.errors("often"))


if __name__ == "__main__":
    fake_cluster.main()
