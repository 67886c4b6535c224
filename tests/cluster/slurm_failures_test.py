"""launch/slurm: jobs whose ranks are killed, and whose nodes are cut off."""
import os
import signal
import time

import fake_cluster
from fake_cluster import cut, mend
from fake_slurm import SlurmTest
from support.programs import wait_until


class Failures(SlurmTest):
    def test_a_killed_rank(self):
        job = self.submit("killed")
        self.train_until("killed", self.EVERY + 1)
        os.kill(self.rank_processes("killed")[3], signal.SIGKILL)
        wait_until(self.says("killed", "restart 1 of 20"))
        self.assert_continues(job, "killed")

    def test_a_node_that_is_cut_off(self):
        job = self.submit("cut")
        self.train_until("cut", self.EVERY + 1)
        cut("node2")
        began = time.monotonic()
        try:
            wait_until(lambda: not self.rank_processes("cut"))
            seconds = time.monotonic() - began
            print(f"the ranks end {seconds:.1f} s after a node is cut off")
            self.assertLess(seconds, 30)
            self.assertRegex(self.errors("cut"), "rank [23]")
            self.wait_for_state(job, "PENDING")
        finally:
            mend("node2")
        self.assert_queued_again(job, "cut")


if __name__ == "__main__":
    fake_cluster.main()
