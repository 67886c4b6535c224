"""Ranks that do not fit together, as on hosts with different builds, folders or clocks: one sentence says what to do."""
import struct
import subprocess
import unittest

from support.programs import BIN, DEADLINE_SECONDS
from support.small_runs import SMALL, SmallRuns

FAULTS = BIN / "disk_fault.so"
FAR = {"LD_PRELOAD": FAULTS, "GM_FAULT_HOST": "far"}
BUILD_ID_NOTE = struct.pack("<III", 4, 20, 3) + b"GNU\0"


class Hosts(SmallRuns):
    def setUp(self):
        for host in ("here", "there"):
            (self.root / host).mkdir(exist_ok=True)

    def run_on_hosts(self, run, *arguments, **there):
        """Two ranks, in the folders `here` and `there`. The second is on a host named far, with more variables `there`."""
        program = [BIN / "gm_train", f"data.path={self.data}", *SMALL, f"run.dir={run}", *arguments]
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", 1, "--wdir", self.root / "here", *program,
                   ":", "-n", 1, "--wdir", self.root / "there", "env",
                   *(f"{name}={value}" for name, value in {**FAR, **there}.items()), *program]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=DEADLINE_SECONDS)

    def refuse(self, *expected, run, arguments=(), **there):
        done = self.run_on_hosts(run, *arguments, **there)
        self.assertEqual(done.returncode, 2, done.stderr)
        reasons = [line for line in done.stderr.splitlines() if line.startswith("gm_train: ")]
        self.assertEqual(len(reasons), 1, done.stderr)
        for text in expected:
            self.assertIn(text, reasons[0])
        left = [path for name in ("run", "here/run", "there/run") for path in (self.root / name).rglob("*")]
        self.assertEqual(left, [], "nothing is written")

    def test_another_build(self):
        library = (BIN.parent / "lib/libgm.so").read_bytes()
        at = library.index(BUILD_ID_NOTE) + len(BUILD_ID_NOTE)
        rebuilt = self.root / "there/libgm.so"
        rebuilt.write_bytes(library[:at] + bytes([library[at] ^ 1]) + library[at + 1:])
        self.refuse("the ranks run different builds of gm", "rank 1 on far: ", "install the same build on every host",
                    run=self.root / "run", LD_PRELOAD=f"{FAULTS}:{rebuilt}")

    def test_a_run_directory_that_is_not_shared(self):
        self.refuse("run: the ranks do not see the same run directory", "rank 1 on far: without the lock of rank 0",
                    "all hosts share", run="run")

    def test_data_that_are_not_shared(self):
        (self.root / "here/images.h5").write_bytes(self.data.read_bytes())
        self.refuse("images.h5: missing on some ranks", "rank 1 on far: no such file", "all hosts share",
                    run=self.root / "run", arguments=["data.path=images.h5"])

    def test_a_clock_that_is_wrong(self):
        for shift, remark in ((-100, "100 s behind"), (100, "100 s ahead of")):
            done = self.run_on_hosts(self.root / f"run{shift}", GM_FAULT_CLOCK=shift)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr.count(f"the clock of rank 1 on far is {remark} that of rank 0"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
