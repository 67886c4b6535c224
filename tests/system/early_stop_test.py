"""A stop signal when there is nothing to save: at the start, while data are prepared, and in programs that save nothing.
They exit with status 75 within seconds and leave no partly written file."""
import os
import pathlib
import signal
import struct
import unittest
import zlib

from support.programs import FaultTest, catches, wait_until


def write_png(path, side, shade):
    """Writes a grey image that takes a while to read: many pixels in few bytes."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes([shade]) * side) * side, 1)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


class StoppedEarly(FaultTest):
    def test_during_the_start(self):
        for ranks in (None, 2):
            run = f"start-{ranks}"
            with self.subTest(run):
                process = self.start(run, ranks=ranks)
                wait_until(self.exists(f"{run}/.lock"), process)
                os.kill(self.rank_processes(run)[1 if ranks else 0], signal.SIGUSR1)
                self.assert_stops_and_resumes(run, process, ranks=ranks)

    def test_while_rank_zero_packs(self):
        photos = self.root / "photos/class"
        photos.mkdir(parents=True)
        write_png(photos / "000.png", 2000, 0)
        for i in range(1, 150):
            (photos / f"{i:03}.png").symlink_to("000.png")
        for victim in (0, 1):
            run, cache = f"packing-{victim}", self.root / f"cache-{victim}"
            more = [f"data.cache={cache}", "data.path=photos"]
            with self.subTest(run):
                process = self.start(run, *more, ranks=2)
                wait_until(lambda: list(cache.glob(".*.partial")), process)
                os.kill(self.rank_processes(run)[victim], signal.SIGTERM)
                self.assertEqual(self.end_of(process), 75, self.errors(run))
                self.assertEqual(list(cache.glob(".*")), [], "no partly packed file is left")
                self.assertFalse((self.root / run).exists())
        for photo in sorted(photos.iterdir())[12:]:
            photo.unlink()
        self.resume("packing-1", *more, ranks=2)

    def test_a_start_that_hangs(self):
        """Opening a file blocks, as on a dead file server."""
        photos = self.root / "slow/class"
        photos.mkdir(parents=True)
        write_png(photos / "slow.png", 8, 0)
        self.reference()
        for program, arguments, path in (
                ("gm_train", self.arguments("slow-data"), "images.h5"),
                ("gm_train", self.arguments("slow-photos", "data.path=slow", "data.cache=slow-cache"), "slow.png"),
                ("gm_sample", [self.reference(), "--out", "slow.png"], "ema.safetensors"),
                ("gm_data", ["verify", self.data], "images.h5"),
                ("gm_data", ["pack", "slow", "--size", 8, "--out", "packed.h5"], "slow.png")):
            log = self.root / f"{program}-{path}.calls"
            fault = {"PATH": path, "CALL": "open", "AT": 0, "ACTION": "slow", "LOG": log}
            with self.subTest(f"{program} {path}"):
                process = self.start_command("slow", self.command(program, arguments), self.environment(fault))
                wait_until(log.exists, process)
                process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(timeout=20), 75, self.errors("slow"))
                self.assertIn(f"{program}: ", self.errors("slow").splitlines()[-1])
                self.assertIn("stopped by SIGTERM", self.errors("slow").splitlines()[-1])
        self.assertEqual([str(path) for path in self.root.rglob("*.partial")], [])
        self.assertFalse((self.root / "packed.h5").exists())

    def test_a_rank_that_never_starts(self):
        command = self.command("gm_train", self.arguments("alone"), ranks=1) + [":", "-n", "1", "sleep", "600"]
        process = self.start_command("alone", command)
        wait_until(lambda: self.rank_processes("alone") and catches(self.rank_processes("alone")[0], signal.SIGTERM), process)
        os.kill(self.rank_processes("alone")[0], signal.SIGTERM)
        self.assertEqual(process.wait(timeout=30), 75, self.errors("alone"))
        self.assertFalse((self.root / "alone").exists())

    def test_a_huge_number_of_threads(self):
        process = self.start_command("threads", self.command("gm_train", self.arguments("threads", self.ENDLESS)),
                                     {**os.environ, "OMP_NUM_THREADS": "100000"})
        wait_until(self.has_step("threads", 2), process)
        self.assertLess(len(list(pathlib.Path(f"/proc/{process.pid}/task").iterdir())), 20 * os.cpu_count() + 20)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=30), 75)
        self.assertIn("warning: OMP_NUM_THREADS is 100000; ", self.errors("threads"))

    def test_other_programs_leave_no_partly_written_file(self):
        photos = self.root / "many/class"
        photos.mkdir(parents=True)
        write_png(photos / "0.png", 3000, 0)
        for i in range(1, 300):
            (photos / f"{i}.png").symlink_to("0.png")
        run = self.reference(None, "diffusion.steps=1000", "train.steps=1", "sample.count=1")
        for program, arguments, output in (("gm_sample", [run, "--count", 64, "--out", "grid.png"], "grid.png"),
                                           ("gm_data", ["pack", "many", "--size", 64, "--out", "many.h5"], "many.h5")):
            for number in (signal.SIGTERM, signal.SIGHUP):
                with self.subTest(f"{program} {number.name}"):
                    process = self.start_command(program, self.command(program, arguments))
                    wait_until(lambda: catches(process.pid, number), process)
                    process.send_signal(number)
                    self.assertEqual(process.wait(timeout=60), 75, self.errors(program))
                    self.assertIn(f"stopped by {number.name}", self.errors(program).splitlines()[-1])
                    self.assertEqual(list(self.root.glob(f"*{output}*")), [])


if __name__ == "__main__":
    unittest.main()
