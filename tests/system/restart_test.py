"""launch/local --restarts starts the ranks again after a failure, if there is use in it."""
import os
import pathlib
import signal
import subprocess
import unittest

from local_test import LocalTest
from support.programs import DEADLINE_SECONDS, LOCAL, wait_until


class Restarted(LocalTest):
    OPTIONS = ("--restarts", 3)
    FAILS_AT_THE_START = {"PATH": "config.toml", "AT": 0, "ACTION": "kill"}

    def replace_sleep(self, then):
        """From now on, launch/local's `sleep SECONDS` writes the seconds to the file `sleeps`, and runs `then`."""
        (self.root / "sleeps").write_text("")
        (self.root / "sleep").write_text(f'#!/bin/sh\necho "$1" >> "{self.root}/sleeps"\n{then}\n')
        (self.root / "sleep").chmod(0o755)

    def sleeps(self):
        return (self.root / "sleeps").read_text().split()

    def kill_a_rank(self, run, process, rank):
        """After some steps that no world has made before."""
        step = self.lines(run, "train")[-1]["step"] if self.exists(f"{run}/metrics.jsonl")() else 0
        wait_until(self.has_step(run, step + self.EVERY + 3), process)
        victims = self.rank_processes(run)
        os.kill(victims[rank], signal.SIGKILL)
        return victims

    def test_a_killed_rank(self):
        self.replace_sleep("true")
        process = self.start_local("killed")
        for restart, rank in enumerate((1, 0), 1):
            victims = self.kill_a_rank("killed", process, rank)
            wait_until(lambda: f"restart {restart} of 3" in self.errors("killed"), process)
            wait_until(lambda: len(self.rank_processes("killed")) == 2, process)
            self.assertFalse(set(victims.values()) & set(self.rank_processes("killed").values()))
            for number in self.rank_processes("killed").values():
                environment = pathlib.Path(f"/proc/{number}/environ").read_bytes().split(b"\0")
                self.assertIn(f"GM_RESTARTS={restart}".encode(), environment)
        self.assertEqual(self.sleeps(), ["0", "0"], "both worlds made progress")
        wait_until(self.has_step("killed", self.lines("killed", "train")[-1]["step"] + 3), process)
        process.send_signal(signal.SIGTERM)
        self.assert_stops_and_resumes("killed", process, ranks=2)

    def test_the_newest_step_of_a_long_run(self):
        (self.root / "long").mkdir()
        (self.root / "long/metrics.jsonl").write_text("".join(
            f'{{"kind":"train","step":{step},"loss":0.5}}\n' for step in range(100_000)) + '{"kind":"event","step":99999}\n{"kind":"tr')
        script = f"set -euo pipefail; source {LOCAL.parent}/supervise.sh; say() {{ echo $*; }}; newest_step {self.root}/long"
        self.assertEqual(self.check_output(["bash", "-c", script]).stdout, "99999\n")

    def test_the_number_of_restarts_is_limited(self):
        self.replace_sleep("true")
        process = self.start_local("limited")
        for _ in range(4):
            self.kill_a_rank("limited", process, 1)
        self.assertEqual(self.end_of(process), 128 + signal.SIGKILL)
        self.assertIn("restart 3 of 3", self.errors("limited"))
        self.assert_resumes("limited", ranks=2)

    def test_failures_at_the_same_step(self):
        self.replace_sleep("true")
        process = self.start_local("same", self.FAILS_AT_THE_START)
        self.assertEqual(self.end_of(process), 128 + signal.SIGKILL)
        self.assertEqual(self.sleeps(), ["5", "10"], "pauses grow")
        self.assertIn("3 failures at step 0: not started again", self.errors("same"))

    def test_wrong_input(self):
        process = self.start_command("wrong", [*self.command_of("wrong"), "train.batch_size=7"])
        self.assertEqual(self.end_of(process), 2)
        self.assertNotIn("restart", self.errors("wrong"))

    def test_is_stopped_while_it_waits(self):
        self.replace_sleep("exec /bin/sleep 600")
        process = self.start_local("waits", self.FAILS_AT_THE_START)
        wait_until(self.sleeps, process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.end_of(process), 75)

    def test_is_stopped_before_it_starts_ranks(self):
        script = f"""set -euo pipefail; source {LOCAL.parent}/supervise.sh; say() {{ echo "$*"; }}
            program=gm_train arguments=()
            run_directory() {{ kill -TERM $$; echo run; }}
            supervise 3 touch world; echo "status $status"
            """
        done = subprocess.run(["bash", "-c", script], cwd=self.root, capture_output=True, text=True, timeout=DEADLINE_SECONDS)
        self.assertEqual(done.stdout.splitlines()[-1], "status 75", done.stderr)
        self.assertFalse(self.exists("world")())

    def test_refuses_wrong_arguments(self):
        for arguments, reason in ((("--restarts", "many", "gm_train"), "--restarts many: give a number"),
                                  (("--restarts",), "--restarts : give a number"),
                                  (("--restarts", 3, "gm_sample", "run"), "--restarts is for gm_train")):
            with self.subTest(arguments):
                done = subprocess.run([LOCAL, "-n", "1", *map(str, arguments)], cwd=self.root, capture_output=True, text=True,
                                      env=self.environment_of(), timeout=DEADLINE_SECONDS)
                self.assertEqual(done.returncode, 2)
                self.assertIn(reason, done.stderr)


if __name__ == "__main__":
    unittest.main()
