"""launch/hosts: runs on two hosts, which are stopped, killed and cut off."""
import os
import signal
import subprocess
import unittest

import fake_cluster
from fake_cluster import HOSTS, ClusterTest, cut, mend, run
from support.programs import BIN, DEADLINE_SECONDS, LOCAL, wait_until


class Hosts(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.root / "hosts.txt").write_text("# two machines\nnode1 slots=2\nnode2 slots=2\n")

    def command_of(self, *arguments):
        return [LOCAL.parent / "hosts", *arguments]

    def test_trains(self):
        command = self.command_of("hosts.txt", *self.arguments("two"))
        done = subprocess.run(list(map(str, command)), cwd=self.root, capture_output=True, text=True, timeout=60)
        print(done.stdout, done.stderr)
        self.assertEqual(done.returncode, 0)
        self.assert_undisturbed("two", self.reference(4))


if __name__ == "__main__":
    fake_cluster.main()
