"""Shared code of the tests of whole programs: images, commands, and checks of run directories."""
import fcntl
import filecmp
import itertools
import json
import os
import pathlib
import signal
import struct
import subprocess
import tempfile
import termios
import time
import unittest

BIN = pathlib.Path(os.environ["GM_BIN_DIR"])
LOCAL = pathlib.Path(os.environ.get("GM_SOURCE_DIR", pathlib.Path(__file__).parents[3])) / "launch/local"
DEADLINE_SECONDS = 120
# In memory if possible: fsync on a disk would only slow these tests down.
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def write_idx(path, count, side):
    """Writes an IDX file with different images of rectangles."""
    pixels = bytearray()
    for i in range(count):
        top, left = i % (side - 4), (i // 7) % (side - 4)
        image = bytearray(side * side)
        for y in range(top, top + 4):
            for x in range(left, left + 4):
                image[y * side + x] = 100 + i % 155
        pixels += image
    path.write_bytes(struct.pack(">IIII", 0x803, count, side, side) + pixels)


def wait_until(condition, process=None):
    """Waits for a condition. Fails at the deadline, or if the process ends before the condition is true."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if process is not None and process.poll() is not None:
            if condition():
                return
            raise AssertionError(f"the program ended first, with {process.returncode}")
        if time.monotonic() > end:
            raise AssertionError("the deadline has passed")
        time.sleep(0.005)


class Programs(unittest.TestCase):
    """Each test class has its own folder with packed images."""
    COUNT, SIDE = 200, 16

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="gm_test.", dir=SCRATCH)
        cls.root = pathlib.Path(cls.folder.name)
        # Killed ranks leave files of Open MPI behind. Here they are removed with the folder.
        os.environ["OMPI_MCA_btl_vader_backing_directory"] = os.environ["OMPI_MCA_orte_tmpdir_base"] = cls.folder.name
        os.environ["XDG_CACHE_HOME"] = str(cls.root / "cache")  # what the user has cached must not change a test
        write_idx(cls.root / "images.idx", cls.COUNT, cls.SIDE)
        cls.data = cls.root / "images.h5"
        cls.check_output([BIN / "gm_data", "pack", cls.root / "images.idx", "--out", cls.data])

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @staticmethod
    def check_output(command):
        return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True,
                              timeout=DEADLINE_SECONDS)

    def command(self, program, arguments, ranks=None):
        launcher = ["mpirun", "-n", ranks, "--oversubscribe", "--bind-to", "none"] if ranks else []
        return list(map(str, [*launcher, BIN / program, *arguments]))

    def run_program(self, program, arguments, ranks=None, **more):
        return subprocess.run(self.command(program, arguments, ranks), cwd=self.root, capture_output=True, text=True,
                              timeout=DEADLINE_SECONDS, **more)

    def lines(self, run, kind):
        text = (self.root / run / "metrics.jsonl").read_text()
        return [line for line in map(json.loads, text.splitlines()) if line["kind"] == kind]


class FaultTest(Programs):
    """Disturbed runs, which must end like the undisturbed run on the same number of ranks."""
    SIDE = 8
    STEPS = 28  # after the end of the warm-up and of an epoch
    EVERY = 6
    SETTINGS = ["data.image_size=8", "data.shards=4", "model.dim=8", "model.dim_mults=[1]", "diffusion.steps=5",
                "train.batch_size=8", "train.accumulate=1", "sample.count=4", "sample.every=0", "telemetry.port=0",
                "optimizer.warmup_steps=20"]  # and STEPS and EVERY
    ENDLESS = "train.steps=1000000"  # so that no run ends before it is disturbed
    references = {}

    def arguments(self, run, *more):
        return [f"data.path={self.data}", f"train.steps={self.STEPS}", f"checkpoint.every={self.EVERY}", *self.SETTINGS,
                f"run.dir={run}", *more]

    def start(self, run, *more, ranks=None, fault=None):
        """Starts a run in the background, in its own process group. It runs until it is disturbed. Its stderr goes to
        RUN.err."""
        return self.start_command(run, self.command("gm_train", self.arguments(run, self.ENDLESS, *more), ranks),
                                  self.environment(fault))

    def start_command(self, run, command, environment=None):
        """Starts the command in a new session. Its output is appended to RUN.out and RUN.err."""
        with (self.root / f"{run}.out").open("ab") as output, (self.root / f"{run}.err").open("ab") as errors:
            return subprocess.Popen(list(map(str, command)), cwd=self.root, stdin=subprocess.DEVNULL,
                                    stdout=output, stderr=errors, start_new_session=True, env=environment)

    def start_on_a_terminal(self, command, environment=None):
        """Starts the command in a new session with its own terminal. Returns the process and the descriptor that keeps the
        terminal open."""
        master, terminal = os.openpty()
        process = subprocess.Popen(list(map(str, command)), cwd=self.root, stdin=terminal, stdout=terminal, stderr=terminal,
                                   env=environment, start_new_session=True,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(terminal)
        return process, master

    def train(self, run, *more, ranks=None, fault=None):
        return self.run_program("gm_train", self.arguments(run, *more), ranks, env=self.environment(fault))

    @staticmethod
    def environment(fault):
        """`fault`: variables of tests/programs/disk_fault.c without the prefix GM_FAULT_."""
        if fault is None:
            return None
        return {**os.environ, "LD_PRELOAD": str(BIN / "disk_fault.so"),
                **{f"GM_FAULT_{name}": str(value) for name, value in fault.items()}}

    def calls_of_a_save(self):
        """The calls to the disk of the fourth save, which also removes the first: (number, call) for disk_fault.c. Only
        one of the hundreds of writes to a file, and one of the files that are removed: the others behave the same."""
        log = self.root / "calls.txt"
        done = self.train("learn", fault={"PATH": "/checkpoints", "LOG": log})
        self.assertEqual(done.returncode, 0, done.stderr)
        calls = log.read_text().splitlines()
        begins = [i for i, call in enumerate(calls) if call.startswith("mkdir") and call.endswith("/checkpoints")]
        chosen = []
        for call, numbers in itertools.groupby(range(begins[3], begins[4]), lambda number: calls[number]):
            numbers = list(numbers)
            chosen.append((numbers[len(numbers) // 2], call))
        print(f"{len(chosen)} of the {begins[4] - begins[3]} calls of a save")
        kinds = {call.split()[0] for _, call in chosen}
        self.assertEqual(kinds, {"mkdir", "create", "write", "fsync", "rename", "symlink", "remove"})
        return chosen

    @staticmethod
    def end_of(process):
        return process.wait(timeout=DEADLINE_SECONDS)

    def rank_processes(self, run):
        """The process ids of the ranks of the run, by rank."""
        ranks = {}
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                arguments = (folder / "cmdline").read_bytes().split(b"\0")
                environment = dict(item.split(b"=", 1) for item in (folder / "environ").read_bytes().split(b"\0")
                                   if b"=" in item)
                is_rank = arguments[0] == bytes(BIN / "gm_train") and f"run.dir={run}".encode() in arguments
                is_here = os.readlink(folder / "cwd") == str(self.root)
            except (OSError, ValueError, IndexError):
                continue  # the process has ended
            if is_rank and is_here:
                ranks[int(environment.get(b"PMIX_RANK", b"0"))] = int(folder.name)
        return ranks

    def kill_all(self, run, process):
        """Sends SIGKILL to the process that started a run and to all its ranks. Waits until they have ended."""
        for number in [process.pid, *self.rank_processes(run).values()]:
            os.kill(number, signal.SIGKILL)
        process.wait()
        wait_until(lambda: not self.rank_processes(run))

    def has_step(self, run, step):
        """A condition for wait_until(): the run has written the line of this step."""
        def condition():
            try:
                text = (self.root / run / "metrics.jsonl").read_text()
            except FileNotFoundError:
                return False
            return f'"train","step":{step},' in text
        return condition

    def exists(self, path):
        return lambda: os.path.lexists(self.root / path)

    def reference(self, ranks=None, *more):
        """The name of the undisturbed run on this number of ranks. It is trained once."""
        key = (self.root, ranks, more)
        if key not in self.references:
            name = f"reference-{len(self.references)}"
            done = self.train(name, *more, ranks=ranks)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.references[key] = name
        return self.references[key]

    def assert_undisturbed(self, run, reference):
        """Checks that every step is logged once, that losses are equal, and that the last checkpoints have the same bytes."""
        found, expected = self.lines(run, "train"), self.lines(reference, "train")
        self.assertEqual([line["step"] for line in found], [line["step"] for line in expected])
        self.assertEqual([line["loss"] for line in found], [line["loss"] for line in expected])
        self.assert_same_checkpoint(run, reference)
        hidden = [str(path) for path in (self.root / run).rglob(".*")]
        self.assertEqual(hidden, [], "no partly written file is left")

    def assert_same_checkpoint(self, run, reference):
        one, two = (self.root / name / "checkpoints/latest" for name in (run, reference))
        self.assertEqual(one.resolve().name, two.resolve().name)
        files, expected = ({path.name for path in folder.iterdir()} for folder in (one, two))
        self.assertEqual(files, expected)
        self.assertLessEqual({"manifest.json", "model.safetensors", "ema.safetensors", "optimizer.safetensors"}, files)
        for file in files:
            self.assertTrue(filecmp.cmp(one / file, two / file, shallow=False), f"{run}: {file}")

    def resume(self, run, *more, ranks=None):
        """Runs the same command again. It must finish."""
        done = self.train(run, *more, ranks=ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def assert_resumes(self, run, *more, ranks=None):
        """After a disturbance of a run from start(): the same command finishes it, with the result of an undisturbed run."""
        more = [self.steps_to_end(run), *more]
        self.resume(run, *more, ranks=ranks)
        self.assert_undisturbed(run, self.reference(ranks, *more))

    def assert_stops_and_resumes(self, run, process, *more, ranks=None):
        self.assertEqual(self.end_of(process), 75, self.errors(run))
        self.assertIn("stopped by SIG", self.last_message(self.errors(run)))
        self.assertIn("give the same command again", self.last_message(self.errors(run)))
        self.assert_resumes(run, *more, ranks=ranks)

    def steps_to_end(self, run):
        """train.steps for a run from start(): more than it has saved, which is not known in advance."""
        saved = [int(folder.name[5:]) for folder in (self.root / run).glob("checkpoints/step-????????")]
        return f"train.steps={max(self.STEPS, max(saved, default=0) + self.EVERY)}"

    def last_message(self, text):
        return [line for line in text.splitlines() if line.startswith("gm_train: ")][-1]

    def errors(self, run):
        return (self.root / f"{run}.err").read_text()


def signal_mask(process, field):
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1], 16)
    return 0


def state(process):
    """The state of a process; "T" if it is stopped."""
    return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def pending(process, number):
    try:
        return bool((signal_mask(process, "SigPnd:") | signal_mask(process, "ShdPnd:")) >> (number - 1) & 1)
    except FileNotFoundError:
        return False


def catches(process, number):
    return bool(signal_mask(process, "SigCgt:") >> (number - 1) & 1)
