"""Runs of a small network that must succeed, and wrong input that must be refused."""
from support.programs import Programs

# A network and a run small enough for a test: 16 x 16 pixels, two levels, five diffusion steps.
SMALL = ["data.image_size=16", "model.dim=8", "model.dim_mults=[1,2]", "diffusion.steps=5", "train.steps=3",
         "train.batch_size=16", "sample.count=4", "telemetry.port=0", "data.resize_crop=1.12"]


class SmallRuns(Programs):
    def train(self, run, *arguments, ranks=None, **more):
        """Runs the small configuration, which must succeed. Returns the train lines of metrics.jsonl."""
        done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, f"run.dir={run}", *arguments], ranks,
                                **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.lines(run, "train")


class Refusals(SmallRuns):
    def refuse(self, *expected, arguments=(), program="gm_train", ranks=None, run="refused", **more):
        before = self.everything()
        if program == "gm_train":
            arguments = [f"data.path={self.data}", *SMALL, f"run.dir={run}", *arguments]
        done = self.run_program(program, arguments, ranks, **more)
        self.assertEqual(done.returncode, 2, done.stderr)
        # mpirun may print messages after the reason. Without mpirun, the last line is the reason.
        last = [line for line in done.stderr.splitlines() if not ranks or line.startswith(program)][-1]
        self.assertTrue(last.startswith(program), done.stderr)
        for text in expected:
            self.assertIn(text, last)
        self.assertEqual(self.everything(), before, "nothing is written or changed")

    def everything(self):
        # Files only: the modification time of a folder changes when the lock file is created and removed.
        return sorted((path, path.stat().st_mtime_ns, path.stat().st_size) for path in self.root.rglob("*")
                      if path.is_file())
