"""Asked to stop by a signal, on whichever rank and at whatever work: saved, status 75, and it goes on."""
import os
import pathlib
import signal
import struct
import subprocess
import unittest
import zlib

from support.programs import BIN, LOCAL, Exercises, wait_until

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def write_png(path, side, shade):
    """A grey picture that takes a while to read: large, but of few bytes."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes([shade]) * side) * side, 1)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


class Stopped(Exercises):
    def assert_stops_and_goes_on(self, run, process, *more, ranks=None):
        self.assertEqual(self.end_of(process), 75, self.errors(run))
        self.assertIn("stopped by SIG", self.last_words(self.errors(run)))
        self.assertIn("give the same command again", self.last_words(self.errors(run)))
        self.assert_goes_on(run, *more, ranks=ranks)

    def test_one_process(self):
        for number in SIGNALS:
            run = f"alone-{number.name}"
            with self.subTest(run):
                process = self.start(run)
                wait_until(self.has_step(run, 3), process)
                process.send_signal(number)
                self.assert_stops_and_goes_on(run, process)

    def test_any_rank(self):
        for ranks, victim in ((2, 0), (2, 1), (4, 3)):
            for number in SIGNALS:
                run = f"{number.name}-{victim}-of-{ranks}"
                with self.subTest(run):
                    process = self.start(run, ranks=ranks)
                    wait_until(lambda: len(self.rank_processes(run)) == ranks, process)
                    victim_process = self.rank_processes(run)[victim]
                    wait_until(self.has_step(run, 3), process)
                    os.kill(victim_process, number)
                    self.assert_stops_and_goes_on(run, process, ranks=ranks)

    def test_what_was_done_is_saved(self):
        process = self.start("saved", "checkpoint.every=100000")
        wait_until(self.has_step("saved", 9), process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.end_of(process), 75)
        step = self.lines("saved", "train")[-1]["step"]
        self.assertEqual((self.root / "saved/checkpoints/latest").resolve().name, f"step-{step:08}")

    def test_mpirun_passes_sigusr1_on(self):
        process = self.start("usr1", ranks=2)
        wait_until(self.has_step("usr1", 3), process)
        process.send_signal(signal.SIGUSR1)
        self.assert_stops_and_goes_on("usr1", process, ranks=2)

    def test_the_local_launcher_leaves_time_to_save(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            run = f"local-{number.name}"
            with self.subTest(run):
                process = self.start_command(run, [LOCAL, "-n", 2, *self.arguments(run, self.ENDLESS)],
                                             {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
                wait_until(self.has_step(run, 3), process)
                process.send_signal(number)
                self.assert_stops_and_goes_on(run, process, ranks=2)

    def test_a_second_interrupt_of_the_local_launcher_ends_at_once(self):
        run = "local-twice"
        process = self.start_command(run, [LOCAL, "-n", 2, *self.arguments(run, self.ENDLESS)],
                                     self.environment({"PATH": f"{run}/checkpoints", "AT": 0, "ACTION": "slow"}))
        wait_until(self.has_step(run, self.EVERY + 1), process)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            wait_until(lambda: process.poll() is not None or not pending(process.pid, signal.SIGINT))
        self.assertNotIn(process.wait(timeout=10), (0, 75))
        wait_until(lambda: not self.rank_processes(run))
        self.assert_goes_on(run, ranks=2)

    def test_during_sampling(self):
        more = ["diffusion.steps=1000", "sample.every=12", "train.steps=12"]
        for ranks in (None, 2):
            run = f"sampling-{ranks}"
            with self.subTest(run):
                process = self.start(run, *more, ranks=ranks)
                wait_until(self.exists(f"{run}/checkpoints/step-00000012"), process)
                os.kill(self.rank_processes(run)[1 if ranks else 0], signal.SIGTERM)
                self.assert_stops_and_goes_on(run, process, *more, ranks=ranks)
                self.assertTrue((self.root / run / "samples/step-00000012.png").exists())

    def test_during_the_start(self):
        for ranks in (None, 2):
            run = f"start-{ranks}"
            with self.subTest(run):
                process = self.start(run, ranks=ranks)
                wait_until(self.exists(f"{run}/.lock"), process)
                os.kill(self.rank_processes(run)[1 if ranks else 0], signal.SIGUSR1)
                self.assert_stops_and_goes_on(run, process, ranks=ranks)

    def test_while_rank_zero_packs(self):
        photos = self.root / "photos/class"
        photos.mkdir(parents=True)
        for i in range(150):
            write_png(photos / f"{i:03}.png", 2000, i)
        for victim in (0, 1):
            run, cache = f"packing-{victim}", self.root / f"cache-{victim}"
            more = [f"data.cache={cache}", "data.path=photos"]
            with self.subTest(run):
                process = self.start(run, *more, ranks=2)
                wait_until(lambda: list(cache.glob(".*.partial")), process)
                os.kill(self.rank_processes(run)[victim], signal.SIGTERM)
                self.assertEqual(self.end_of(process), 75, self.errors(run))
                self.assertEqual(list(cache.glob(".*")), [], "no half-packed file stays")
                self.assertFalse((self.root / run).exists())
        self.resume("packing-1", *more, ranks=2)

    def test_a_second_interrupt_ends_at_once(self):
        process = self.start("twice", fault={"PATH": "/checkpoints", "AT": 0, "ACTION": "slow"})
        wait_until(self.has_step("twice", self.EVERY + 1), process)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            wait_until(lambda: process.poll() is not None or not pending(process.pid, signal.SIGINT))
        self.assertEqual(process.wait(timeout=10), -signal.SIGINT)
        self.assert_goes_on("twice")

    def test_other_programs_leave_nothing_half_done(self):
        run = self.reference(None, "diffusion.steps=1000", "train.steps=1", "sample.count=1")
        sampling = subprocess.Popen(self.command("gm_sample", [run, "--count", 64, "--out", "grid.png"]), cwd=self.root,
                                    stderr=subprocess.PIPE, text=True)
        wait_until(lambda: catches(sampling.pid, signal.SIGTERM), sampling)
        sampling.terminate()
        self.assertEqual(sampling.wait(timeout=60), 75, sampling.stderr.read())
        sampling.stderr.close()
        self.assertFalse((self.root / "grid.png").exists())


def signal_mask(process, field):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1], 16)
    return 0


def pending(process, number):
    try:
        return bool((signal_mask(process, "SigPnd:") | signal_mask(process, "ShdPnd:")) >> (number - 1) & 1)
    except FileNotFoundError:
        return False


def catches(process, number):
    return bool(signal_mask(process, "SigCgt:") >> (number - 1) & 1)


if __name__ == "__main__":
    unittest.main()
