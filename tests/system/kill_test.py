"""Ranks, mpirun or all processes are killed at any time: the same command resumes the run, with the same result."""
import os
import random
import signal
import unittest

from support.programs import FaultTest, wait_until

random_moments = random.Random(20)


class Killed(FaultTest):
    def wait_for_a_random_step(self, run, process):
        step = random_moments.randrange(1, 20)
        print(f"{run}: killed after step {step}")
        wait_until(self.has_step(run, step), process)

    def test_one_rank(self):
        for ranks, victims in ((2, (0, 1)), (4, (0, random_moments.randrange(1, 4)))):
            for victim in victims:
                run = f"rank-{victim}-of-{ranks}"
                with self.subTest(run):
                    process = self.start(run, ranks=ranks)
                    self.wait_for_a_random_step(run, process)
                    os.kill(self.rank_processes(run)[victim], signal.SIGKILL)
                    self.assertNotEqual(process.wait(timeout=10), 0, "the others end within ten seconds")
                    wait_until(lambda: not self.rank_processes(run))
                    self.assert_resumes(run, ranks=ranks)

    def test_mpirun(self):
        process = self.start("mpirun", ranks=2)
        self.wait_for_a_random_step("mpirun", process)
        process.kill()
        process.wait()
        wait_until(lambda: not self.rank_processes("mpirun"))
        self.assert_resumes("mpirun", ranks=2)

    def test_all_processes_at_once(self):
        for ranks in (None, 2):
            run = f"all-{ranks}"
            with self.subTest(run):
                process = self.start(run, ranks=ranks)
                self.wait_for_a_random_step(run, process)
                self.kill_all(run, process)
                self.assert_resumes(run, ranks=ranks)

    def test_while_a_line_is_written(self):
        run = "torn"
        process = self.start(run)
        self.wait_for_a_random_step(run, process)
        process.kill()
        process.wait()
        for name in ("metrics.jsonl", "log.txt"):
            with (self.root / run / name).open("a") as file:
                file.write('{"kind":"train","step":3')
        self.assert_resumes(run)

    def test_during_the_start(self):
        for ranks in (None, 2):
            for file in (".lock", "config.toml", "log.txt", "metrics.jsonl"):
                run = f"start-{ranks}-{file}"
                with self.subTest(run):
                    process = self.start(run, "checkpoint.every=100000", ranks=ranks)
                    wait_until(self.exists(f"{run}/{file}"), process)
                    self.kill_all(run, process)
                    self.resume(run, "train.steps=9", ranks=ranks)
                    self.assert_undisturbed(run, self.reference(ranks, "train.steps=9"))

    def test_while_a_file_is_written(self):
        for path in ("/.config.toml", f"/.step-{self.STEPS:08}.png"):
            run = f"whole{path.replace('/', '-')}"
            with self.subTest(path):
                killed = self.train(run, fault={"PATH": path, "AT": 1, "ACTION": "kill"})
                self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
                self.assertEqual(len(list((self.root / run).rglob(f"{path[1:]}.*.partial"))), 1)
                self.resume(run)
                self.assert_undisturbed(run, self.reference())

    def test_during_sampling(self):
        """The first run samples slowly, so that it is still at it when it is disturbed."""
        more = ["diffusion.steps=1000", "sample.every=12", "train.steps=12", "sampler.kind=ddim", "sampler.steps=5"]
        for ranks in (None, 2):
            run = f"sampling-{ranks}"
            with self.subTest(run):
                process = self.start(run, *more, "sampler.steps=1000", ranks=ranks)
                wait_until(self.exists(f"{run}/checkpoints/step-00000012"), process)
                self.kill_all(run, process)
                self.assertFalse((self.root / run / "samples/step-00000012.png").exists())
                self.resume(run, *more, ranks=ranks)
                reference = self.reference(ranks, *more)
                self.assert_undisturbed(run, reference)
                one, two = (self.root / name / "samples/step-00000012.png" for name in (run, reference))
                self.assertEqual(one.read_bytes(), two.read_bytes())


if __name__ == "__main__":
    unittest.main()
