#!/usr/bin/env python3
"""Disturbs runs again and again, and measures the share of the time that is spent on steps that count.

Usage: storm.py [--minutes N] [--every SECONDS] [--kinds KIND ...] [--seed N]
    KIND   kill    SIGKILL to a random rank
           stop    SIGSTOP to a random rank
           cut     the link between two hosts is cut for 15 seconds
           disk    the disk is full for 10 seconds
           damage  SIGKILL to a random rank, after a bit of the newest checkpoint was changed

For each kind, a run of --minutes (10) is disturbed every --every seconds (30), at a random moment. It is started with
--restarts, by launch/hosts on two hosts if its link is cut, else by launch/local on two ranks. Its losses and its last
checkpoint must be those of an undisturbed run. A step that is repeated after a restart counts once. Moments and ranks are
drawn from --seed (1). Needs root and ./launch/setup --cluster. Uses build/release.
"""
import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("GM_BIN_DIR", str(ROOT / "build/release/bin"))
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(ROOT / "tests/cluster"))
import fake_cluster  # noqa: E402
from fake_cluster import ON_HOST, cut, mend, run  # noqa: E402
from support import programs  # noqa: E402

SETTINGS = ["data.image_size=16", "data.shards=4", "model.dim=16", "model.dim_mults=[1,2]", "train.batch_size=16",
            "train.accumulate=1", "sample.every=0", "sample.count=4", "telemetry.port=0", "checkpoint.every=10",
            "watchdog.start_seconds=30", "watchdog.checkpoint_seconds=20", "watchdog.end_seconds=20"]
LOCAL = [ROOT / "launch/local", "-n", "2", "--restarts", "1000"]
ON_HOSTS = [ROOT / "launch/hosts", "--restarts", "1000", "hosts.txt"]


class Storm(programs.FaultTest):
    """The folder and the runs. Each method that is named after a kind disturbs the run of that name, and returns whether it did."""
    SETTINGS = SETTINGS
    SIDE = 16

    @classmethod
    def setUpClass(cls):
        programs.SCRATCH = "/run"
        super().setUpClass()
        (cls.root / "hosts.txt").write_text("node1 slots=1\nnode2 slots=1\n")
        os.environ.update(OMPI_MCA_plm_rsh_agent=str(ON_HOST))

    def kill(self):
        return self.signal_a_rank("kill", signal.SIGKILL)

    def stop(self):
        return self.signal_a_rank("stop", signal.SIGSTOP)

    def cut(self):
        cut("node2")
        time.sleep(15)
        mend("node2")
        return True

    def disk(self):
        filler = self.root / "disk/filler"
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], capture_output=True)  # until the disk is full
        time.sleep(10)
        filler.unlink()
        return True

    def damage(self):
        newest = max((self.root / "damage/checkpoints").glob("step-????????"), default=None)
        if newest:
            path = newest / "model.safetensors"
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
        return self.signal_a_rank("damage", signal.SIGKILL)

    def signal_a_rank(self, name, number):
        """Does nothing before rank 0 greets, because a rank that is stopped before MPI has started is not noticed; nor while a
        rank is still stopped, because two stopped ranks are a suspended job."""
        ranks = list(self.rank_processes(name).values())
        messages = self.errors(name)
        has_started = messages.count("[rank 0] gm ") > messages.count(": restart ")
        acts = bool(ranks) and has_started and all(programs.state(rank) != "T" for rank in ranks)
        if acts:
            os.kill(random.choice(ranks), number)
        return acts

    def seconds_of_steps(self, name):
        """From one step to the next, with what a world does between them, such as saving. Not from one world to the next."""
        total, before = 0, None
        for line in map(json.loads, (self.root / name / "metrics.jsonl").read_text().splitlines()):
            if line["kind"] == "train":
                total += line["time"] - before if before else line["step_seconds"]
                before = line["time"]
            elif line.get("event") == "restarted":
                before = None
        return total

    def undisturbed(self, name, steps):
        """Returns the seconds that the run took."""
        begin = time.monotonic()
        process = self.start_command(name, [*LOCAL, *self.arguments(name, f"train.steps={steps}")])
        self.check_status(name, process.wait())
        return time.monotonic() - begin

    def check_status(self, name, status):
        if status != 0:
            sys.exit(f"{name}: status {status}\n{self.errors(name)[-3000:]}")

    def disturbed(self, kind, steps, every):
        """Returns the seconds that the run took, and the number of faults."""
        (self.root / kind).mkdir()
        if kind == "disk":
            run("mount", "-t", "tmpfs", "-o", "size=64m", "none", self.root / kind)
        launcher = ON_HOSTS if kind == "cut" else LOCAL
        begin, disturbances, faults = time.monotonic(), 0, 0
        process = self.start_command(kind, [*launcher, *self.arguments(kind, f"train.steps={steps}")])
        while True:
            moment = begin + every * (disturbances + random.uniform(0.2, 0.8))
            try:
                process.wait(max(0, moment - time.monotonic()))
                break
            except subprocess.TimeoutExpired:
                disturbances += 1
                faults += getattr(self, kind)()
        seconds = time.monotonic() - begin
        self.check_status(kind, process.returncode)
        return seconds, faults

    def check(self, kind):
        if kind != "disk":  # a full disk can lose lines of metrics.jsonl, which are counted there
            self.assert_undisturbed(kind, "undisturbed")
        losses = {line["step"]: line["loss"] for line in self.lines("undisturbed", "train")}
        for line in self.lines(kind, "train"):
            self.assertEqual(line["loss"], losses[line["step"]])
        self.assert_same_checkpoint(kind, "undisturbed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=30)
    parser.add_argument("--kinds", nargs="+", choices=("kill", "stop", "cut", "disk", "damage"),
                        default=("kill", "stop", "cut", "disk", "damage"))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    fake_cluster.enter()
    random.seed(options.seed)
    Storm.setUpClass()
    storm = Storm()
    try:
        storm.undisturbed("short", 50)
        step = storm.seconds_of_steps("short") / 50
        steps = round(60 * options.minutes / step)
        seconds = storm.undisturbed("undisturbed", steps)
        print(f"undisturbed: {steps} steps of {1e3 * step:.0f} ms in {seconds:.0f} s, "
              f"{100 * storm.seconds_of_steps('undisturbed') / seconds:.1f} % of the time in steps", flush=True)
        for kind in options.kinds:
            seconds, faults = storm.disturbed(kind, steps, options.every)
            storm.check(kind)
            share = storm.seconds_of_steps(kind) / seconds
            print(f"{kind}: {faults} faults in {seconds:.0f} s; {100 * share:.1f} % of the time in steps that count; "
                  "the result equals the undisturbed run's", flush=True)
    finally:
        Storm.tearDownClass()


if __name__ == "__main__":
    main()
