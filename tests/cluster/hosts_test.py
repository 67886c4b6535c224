"""launch/hosts: runs on two hosts, which are stopped, killed and cut off."""
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from unittest import mock

import fake_cluster
from fake_cluster import ON_HOST, ClusterTest, cut, mend
from support.programs import BIN, DEADLINE_SECONDS, LOCAL, wait_until

LAUNCH_HOSTS = LOCAL.with_name("hosts")


class HostsTest(ClusterTest):
    HOSTFILE = "# two machines\nnode1 slots=2\nnode2 slots=2"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.root / "hosts.txt").write_text(cls.HOSTFILE)

    def start_hosts(self, run, *more, restarts=0):
        return self.start_command(run, [LAUNCH_HOSTS, "--restarts", restarts, "hosts.txt", *self.arguments(run, *more)])


class Trained(HostsTest):
    def test_equals_a_run_on_one_host(self):  # started on the first host, over a network that is named
        settings = {name: value for name, value in os.environ.items() if name.startswith(("OMP", "GM_"))}
        script = f"""cd {self.root} && export {shlex.join(f'{name}={value}' for name, value in settings.items())}
            source {LOCAL.parents[1]}/cluster/network/ethernet.sh eth0
            exec {shlex.join(map(str, [LAUNCH_HOSTS, 'hosts.txt', *self.arguments('two')]))}"""
        started = time.time()
        process = self.start_command("two", [ON_HOST, "node1", script])
        self.assertEqual(self.end_of(process), 0, self.errors("two"))
        self.assertIn("2 on node1", self.errors("two"))
        self.assert_undisturbed("two", self.reference(self.RANKS))
        print(f"from the command to the first step: {self.lines('two', 'train')[0]['time'] - started:.1f} s")

    def test_leaves_time_for_a_save(self):
        process = self.start_hosts("stopped", self.ENDLESS)
        wait_until(self.has_step("stopped", 3), process)
        process.send_signal(signal.SIGTERM)
        self.assert_stops_and_resumes("stopped", process, ranks=self.RANKS)

    def test_a_killed_rank(self):
        process = self.start_hosts("killed", self.ENDLESS, restarts=3)
        wait_until(self.has_step("killed", self.EVERY + 1), process)
        os.kill(self.rank_processes("killed")[3], signal.SIGKILL)
        self.assert_continues("killed", process)

    def test_a_host_that_is_cut_off(self):
        process = self.start_hosts("cut", self.ENDLESS, restarts=3)
        wait_until(self.has_step("cut", self.EVERY + 1), process)
        cut("node2")
        began = time.monotonic()
        try:
            wait_until(lambda: "cannot log in to node2 (ranks 2 to 3)" in self.errors("cut"), process)
            seconds = time.monotonic() - began
            print(f"a host that is cut off is named after {seconds:.1f} s")
            self.assertLess(seconds, 30)
        finally:
            mend("node2")
        self.assert_continues("cut", process)

    def assert_continues(self, run, process):
        wait_until(lambda: "restart 1 of 3" in self.errors(run), process)
        wait_until(lambda: len(self.rank_processes(run)) == self.RANKS, process)
        wait_until(self.has_step(run, self.lines(run, "train")[-1]["step"] + self.EVERY), process)
        process.send_signal(signal.SIGTERM)
        self.assert_stops_and_resumes(run, process, ranks=self.RANKS)


class WrongInput(HostsTest):
    def refused(self, hostfile, launcher=LAUNCH_HOSTS, cwd=None):
        file = self.root / "wrong.txt"
        file.write_text(hostfile)
        done = subprocess.run([str(launcher), str(file), *self.arguments("refused")], capture_output=True, text=True,
                              timeout=DEADLINE_SECONDS, cwd=cwd or self.root)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertFalse((self.root / "refused").exists())
        return done.stderr

    def test_host_files(self):
        for text, reason in (("node1\n", "wrong.txt:1: 'node1' is not of the form NAME slots=RANKS"),
                             ("# one\nnode1 slots=0\n", "wrong.txt:2: 'node1 slots=0' is not of the form"),
                             ("node1 slots=two\n", "is not of the form"),
                             ("node1 slots=1\nnode1 slots=1\n", "wrong.txt:2: node1 is listed twice"),
                             ("# nothing\n", "wrong.txt: no host is listed"),
                             ("node1 slots=1\nnode2 slots=4096\n", "gives node2 4096 slots, but it has"),
                             ("node1 slots=1\nnode9 slots=1\n", "cannot log in to node9. Test it with: ")):
            with self.subTest(text):
                self.assertIn(reason, self.refused(text))

    def test_a_host_without_the_folder_or_the_program(self):
        agent = self.root / "agent"  # whose login prints a banner
        agent.write_text(f'#!/bin/sh\necho "Each user has a folder and a program."\nexec {ON_HOST} "$@"\n')
        agent.chmod(0o755)
        with (tempfile.TemporaryDirectory(dir="/dev/shm") as folder,  # each host has its own /dev/shm
              mock.patch.dict(os.environ, OMPI_MCA_plm_rsh_agent=str(agent))):
            self.assertIn(f"node1 has no folder {folder}", self.refused(self.HOSTFILE, cwd=folder))
            installed = pathlib.Path(folder)
            (installed / "bin").mkdir()
            (installed / "bin/gm_train").symlink_to(BIN / "gm_train")
            shutil.copytree(LOCAL.parent, installed / "share/gm/launch")
            self.assertIn(f"has no program {installed}/share/gm/../../bin/gm_train",
                          self.refused(self.HOSTFILE, launcher=installed / "share/gm/launch/hosts"))

    def test_a_host_file_that_is_missing(self):
        done = subprocess.run([str(LAUNCH_HOSTS), "none.txt", "gm.toml"], cwd=self.root, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("none.txt: there is no such host file", done.stderr)


if __name__ == "__main__":
    fake_cluster.main()
