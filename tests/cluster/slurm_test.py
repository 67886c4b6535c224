"""launch/slurm: jobs that reach their time limit, are preempted, cancelled, killed and cut off."""
import os
import subprocess
import unittest

import fake_cluster
from fake_cluster import HOSTS, ClusterTest, cut, mend, run
from support.programs import BIN, DEADLINE_SECONDS, LOCAL, wait_until


class Slurm(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fake_cluster.start_slurm()

    def launch(self, *arguments):
        return subprocess.run([str(LOCAL.parent / "slurm"), *map(str, arguments)], cwd=self.root, capture_output=True, text=True,
                              timeout=DEADLINE_SECONDS)

    def test_trains(self):
        done = self.launch("--nodes=2", "--ntasks-per-node=2", "--time=5", "--restarts", 0, *self.arguments("two"))
        print(done.stdout, done.stderr)
        import time
        for i in range(15):
            time.sleep(1)
            print(run("squeue").stdout)
        os.system(f"cat {self.root}/*.out; tail -n 20 /run/cluster/slurm/*.log; scontrol show job")
        self.assert_undisturbed("two", self.reference(4))


if __name__ == "__main__":
    fake_cluster.main()
