"""A stop signal to any rank at any time: the run saves, exits with status 75, and can be resumed."""
import os
import signal
import unittest

from support.programs import FaultTest, pending, wait_until

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
OTHER_SIGNALS = (signal.SIGHUP, signal.SIGUSR2, signal.SIGXCPU)


class Stopped(FaultTest):
    def test_one_process(self):
        for number in SIGNALS + OTHER_SIGNALS:
            run = f"alone-{number.name}"
            with self.subTest(run):
                process = self.start(run)
                wait_until(self.has_step(run, 3), process)
                process.send_signal(number)
                self.assert_stops_and_resumes(run, process)

    def test_any_rank(self):
        for ranks, victim, signals in ((2, 0, SIGNALS[:2]), (2, 1, SIGNALS[1:]), (4, 3, [signal.SIGHUP])):
            for number in signals:
                run = f"{number.name}-{victim}-of-{ranks}"
                with self.subTest(run):
                    process = self.start(run, ranks=ranks)
                    wait_until(lambda: len(self.rank_processes(run)) == ranks, process)
                    victim_process = self.rank_processes(run)[victim]
                    wait_until(self.has_step(run, 3), process)
                    os.kill(victim_process, number)
                    self.assert_stops_and_resumes(run, process, ranks=ranks)

    def test_a_closed_terminal(self):
        process, terminal = self.start_on_a_terminal(self.command("gm_train", self.arguments("terminal", self.ENDLESS)))
        wait_until(self.has_step("terminal", 3), process)
        os.close(terminal)
        self.assertEqual(self.end_of(process), 75)
        self.assert_resumes("terminal")

    def test_a_limit_on_processor_time(self):
        command = ["bash", "-c", 'ulimit -S -t 2; exec "$@"', "-", *self.command("gm_train", self.arguments("cpu", self.ENDLESS))]
        self.assertEqual(self.end_of(self.start_command("cpu", command)), 75)
        self.assertIn("stopped by SIGXCPU", self.last_message(self.errors("cpu")))
        self.resume("cpu", self.steps_to_end("cpu"))

    def test_signals_that_were_ignored_at_the_start(self):
        process = self.start_command("nohup", ["nohup", *self.command("gm_train", self.arguments("nohup", self.ENDLESS))])
        wait_until(self.has_step("nohup", 3), process)
        process.send_signal(signal.SIGHUP)
        step = len(self.lines("nohup", "train"))
        wait_until(self.has_step("nohup", step + 5), process)
        process.send_signal(signal.SIGTERM)
        self.assert_stops_and_resumes("nohup", process)
        self.assertIn("stopped by SIGTERM", self.errors("nohup"))

    def test_the_last_step_is_saved(self):
        process = self.start("saved", "checkpoint.every=100000")
        wait_until(self.has_step("saved", 9), process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.end_of(process), 75)
        step = self.lines("saved", "train")[-1]["step"]
        self.assertEqual((self.root / "saved/checkpoints/latest").resolve().name, f"step-{step:08}")

    def test_mpirun_forwards_sigusr1(self):
        process = self.start("usr1", ranks=2)
        wait_until(self.has_step("usr1", 3), process)
        process.send_signal(signal.SIGUSR1)
        self.assert_stops_and_resumes("usr1", process, ranks=2)

    def test_during_sampling(self):
        """The first run samples slowly, so that it is still at it when it is disturbed."""
        more = ["diffusion.steps=1000", "sample.every=12", "train.steps=12", "sampler.kind=ddim", "sampler.steps=5"]
        for ranks in (None, 2):
            run = f"sampling-{ranks}"
            with self.subTest(run):
                process = self.start(run, *more, "sampler.steps=1000", ranks=ranks)
                wait_until(self.exists(f"{run}/checkpoints/step-00000012"), process)
                os.kill(self.rank_processes(run)[1 if ranks else 0], signal.SIGTERM)
                self.assert_stops_and_resumes(run, process, *more, ranks=ranks)
                self.assertTrue((self.root / run / "samples/step-00000012.png").exists())

    def test_a_second_interrupt_ends_immediately(self):
        process = self.start("twice", fault={"PATH": "/checkpoints", "AT": 0, "ACTION": "slow"})
        wait_until(self.has_step("twice", self.EVERY + 1), process)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            wait_until(lambda: process.poll() is not None or not pending(process.pid, signal.SIGINT))
        self.assertEqual(process.wait(timeout=10), -signal.SIGINT)
        self.assert_resumes("twice")


if __name__ == "__main__":
    unittest.main()
