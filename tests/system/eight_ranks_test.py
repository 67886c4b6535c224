"""mpirun -n 8 gm_train CONFIG, on a machine with fewer cores: the losses of one process."""
import os
import subprocess
import unittest

from support.programs import BIN, DEADLINE_SECONDS, Programs

CONFIGURATION = """
data = {path = "images.h5", image_size = 16, shards = 16}
model = {dim = 8, dim_mults = [1, 2]}
diffusion.steps = 5
gan.dim = 8
train = {steps = 20, batch_size = 16, accumulate = 1}
optimizer.learning_rate = 1e-5  # rounding differences do not grow from step to step
sample.every = 0
telemetry.port = 0
"""


class EightRanks(Programs):
    def losses(self, task, ranks):
        """All terms of the loss of each step."""
        (self.root / "run.toml").write_text(CONFIGURATION)
        launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
        run = f"{task}-{ranks}"
        done = subprocess.run([*launcher, BIN / "gm_train", "run.toml", f"run.task={task}", f"run.dir={run}"],
                              cwd=self.root, capture_output=True, text=True, timeout=DEADLINE_SECONDS,
                              env={**os.environ, "OMPI_MCA_rmaps_base_oversubscribe": "1"})
        self.assertEqual(done.returncode, 0, done.stderr)
        return [{key: value for key, value in line.items() if key.startswith("loss")} for line in self.lines(run, "train")]

    def test_the_losses_are_those_of_one_process(self):
        for task in ("ddpm", "inpaint", "gan_inpaint"):
            expected, found = self.losses(task, 1), self.losses(task, 8)
            self.assertEqual(len(expected), 20)
            for step, (one, eight) in enumerate(zip(expected, found, strict=True), start=1):
                self.assertEqual(one.keys(), eight.keys())
                for term in one:
                    self.assertAlmostEqual(one[term], eight[term], delta=1e-4 * max(1, abs(one[term])),
                                           msg=f"{task}, step {step}: {term}")


if __name__ == "__main__":
    unittest.main()
