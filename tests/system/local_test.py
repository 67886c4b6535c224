"""launch/local chooses ranks and threads for the machine, and its runs can be stopped and resumed."""
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

from support.programs import BIN, DEADLINE_SECONDS, LOCAL, FaultTest, state, wait_until


class Choice(FaultTest):
    def run_local(self, *arguments, **environment):
        return subprocess.run([str(LOCAL), *map(str, arguments)], cwd=self.root, capture_output=True, text=True,
                              timeout=DEADLINE_SECONDS,
                              env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **environment})

    def choice_on(self, logical_cores, threads_per_core=1, mebibytes=100_000, cgroup=None, ranks=None, **environment):
        """The choice of ranks (unless `ranks` is given) and threads on a simulated machine: scripts replace nproc, lscpu, cat and
        mpirun."""
        machine = pathlib.Path(tempfile.mkdtemp(dir=self.root))
        (machine / "meminfo").write_text(f"MemAvailable: {1024 * mebibytes} kB\n")
        for name, text in (cgroup or {}).items():
            (machine / name).write_text(text)
        for name, answer in (("nproc", f"echo {logical_cores}"),
                             ("lscpu", f"echo 'Thread(s) per core:   {threads_per_core}'"),
                             ("cat", f'exec /bin/cat "{machine}/${{1##*/}}"'),
                             ("mpirun", 'while [ "$1" != -n ]; do shift; done; echo "chosen: $2 x $OMP_NUM_THREADS"')):
            (machine / name).write_text(f"#!/bin/sh\n{answer}\n")
            (machine / name).chmod(0o755)
        environment = {"PATH": f"{machine}:{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "", **environment}
        done = self.run_local(*(["-n", ranks] if ranks else []), "gm_train", "--version", **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        chosen = done.stdout.split("chosen: ")[1].strip()
        if not ranks:
            self.assertIn("ranks: {}, threads a rank: {},".format(*chosen.split(" x ")), done.stdout)
        return chosen

    def test_uses_all_cores(self):
        for cores, chosen in ((1, "1 x 1"), (2, "2 x 1"), (3, "1 x 3"), (4, "4 x 1"), (6, "2 x 3"), (8, "8 x 1"),
                              (12, "4 x 3"), (32, "8 x 4")):
            with self.subTest(cores=cores):
                self.assertEqual(self.choice_on(cores), chosen)

    def test_counts_physical_cores(self):
        self.assertEqual(self.choice_on(8, threads_per_core=2), "4 x 1")
        self.assertEqual(self.choice_on(1, threads_per_core=2), "1 x 1")

    def test_respects_the_limits_of_its_control_group(self):
        self.assertEqual(self.choice_on(8, cgroup={"cpu.max": "400000 100000"}), "4 x 1")
        self.assertEqual(self.choice_on(8, cgroup={"cpu.max": "max 100000"}), "8 x 1")
        self.assertEqual(self.choice_on(8, cgroup={"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}), "1 x 1")
        self.assertEqual(self.choice_on(8, cgroup={"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}), "8 x 1")
        self.assertEqual(self.choice_on(8, cgroup={"memory.max": str(5 << 30)}), "4 x 2")

    def test_leaves_each_rank_enough_memory(self):
        self.assertEqual(self.choice_on(8, mebibytes=3000), "2 x 4")
        self.assertEqual(self.choice_on(2, mebibytes=300), "1 x 2")

    def test_keeps_the_given_number_of_threads(self):
        self.assertEqual(self.choice_on(8, OMP_NUM_THREADS="2"), "4 x 2")
        self.assertEqual(self.choice_on(2, OMP_NUM_THREADS="4"), "1 x 4")

    def test_divides_the_cores_among_the_given_number_of_ranks(self):
        self.assertEqual(self.choice_on(8, ranks=2), "2 x 4")
        self.assertEqual(self.choice_on(8, threads_per_core=2, ranks=2), "2 x 2")
        self.assertEqual(self.choice_on(64, cgroup={"cpu.max": "200000 100000"}, ranks=2), "2 x 1")
        self.assertEqual(self.choice_on(2, ranks=4), "4 x 1")
        self.assertEqual(self.choice_on(8, ranks=2, OMP_NUM_THREADS="3"), "2 x 3")

    def test_refuses_a_wrong_number_of_threads(self):
        for threads in ("0", "abc", "4,1", "-2"):
            for ranks in ((), ("-n", 2)):
                done = self.run_local(*ranks, "gm_train", "--version", OMP_NUM_THREADS=threads)
                self.assertEqual(done.returncode, 2, threads)
                self.assertIn(f"OMP_NUM_THREADS is '{threads}'", done.stderr)

    def test_trains_with_its_choice_for_this_machine(self):
        done = self.run_local(*self.arguments("here", "data.shards=0", "train.steps=2"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.lines("here", "train")), 2)

    def test_refuses_wrong_arguments(self):
        for arguments in ((), ("--ranks", 2), ("-n", 0), ("-n", "two")):
            with self.subTest(arguments):
                done = self.run_local(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertIn("usage: launch/local", done.stderr)


class LocalTest(FaultTest):
    OPTIONS = ()

    def command_of(self, run):
        return [LOCAL, "-n", 2, *self.OPTIONS, *self.arguments(run, self.ENDLESS)]

    def environment_of(self, fault=None):
        return {**(self.environment(fault) or os.environ), "PATH": f"{self.root}:{BIN}:{os.environ['PATH']}"}

    def start_local(self, run, fault=None):
        return self.start_command(run, self.command_of(run), self.environment_of(fault))


class Stopped(LocalTest):
    def test_leaves_time_for_a_save(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            run = f"local-{number.name}"
            with self.subTest(run):
                process = self.start_local(run)
                wait_until(self.has_step(run, 3), process)
                process.send_signal(number)
                self.assert_stops_and_resumes(run, process, ranks=2)

    def test_a_second_interrupt_ends_immediately(self):
        run = "local-twice"
        process = self.start_local(run, {"PATH": f"{run}/checkpoints", "AT": 0, "ACTION": "slow"})
        wait_until(self.has_step(run, self.EVERY + 1), process)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: "SIGINT: the ranks save" in (self.root / f"{run}.out").read_text(), process)
        process.send_signal(signal.SIGINT)
        self.assertNotIn(process.wait(timeout=10), (0, 75))
        wait_until(lambda: not self.rank_processes(run))
        self.assert_resumes(run, ranks=2)

    def test_saves_when_its_terminal_is_closed(self):
        process, terminal = self.start_on_a_terminal(self.command_of("closed"), self.environment_of())
        wait_until(self.has_step("closed", 3), process)
        os.close(terminal)
        self.assertEqual(self.end_of(process), 75)
        self.assert_resumes("closed", ranks=2)

    def test_is_suspended_with_its_ranks(self):
        process = self.start_local("suspended")
        wait_until(self.has_step("suspended", 3), process)
        metrics = self.root / "suspended/metrics.jsonl"
        ranks = self.rank_processes("suspended").values()
        process.send_signal(signal.SIGTSTP)
        wait_until(lambda: all(state(number) == "T" for number in (process.pid, *ranks)), process)
        size = metrics.stat().st_size
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: metrics.stat().st_size > size, process)
        process.send_signal(signal.SIGTERM)
        self.assert_stops_and_resumes("suspended", process, ranks=2)


if __name__ == "__main__":
    unittest.main()
