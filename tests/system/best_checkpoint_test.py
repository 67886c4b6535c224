"""The loss on held-out images, and the checkpoint that is best by it."""
import json
import unittest

from support.programs import BIN
from support.small_runs import Refusals

EVALUATES = ["evaluate.every=2", "evaluate.metrics=loss", "evaluate.count=20", "evaluate.batch_size=6"]
BEST = [*EVALUATES, "checkpoint.keep_best=loss_held_out", "checkpoint.keep=1", "checkpoint.every=3"]
DIVERGES = ["optimizer.learning_rate=0.1", "optimizer.warmup_steps=0", "ema.half_life_images=1", "train.steps=10"]


class BestCheckpoint(Refusals):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.all_training = cls.data
        cls.data = cls.root / "held_out.h5"
        cls.check_output([BIN / "gm_data", "pack", cls.root / "images.idx", "--out", cls.data, "--holdout", "0.3"])

    def figures(self, run, *more, ranks=None):
        done = self.run_program("gm_eval", [run, "--metric", "loss", "--json", "-", *more], ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["methods"][0]

    def test_the_best_checkpoint_of_training_has_the_same_loss_on_any_number_of_ranks(self):
        self.train("run", *BEST, *DIVERGES, ranks=2)
        evaluations = self.lines("run", "evaluation")
        self.assertEqual([line["step"] for line in evaluations], [2, 4, 6, 8, 10])
        best = min(evaluations, key=lambda line: line["loss_held_out"])
        self.assertLess(best["step"], 10, "the run diverges")
        self.assertEqual(sorted(path.name for path in (self.root / "run/checkpoints").glob("step-*")),
                         [f"step-{best['step']:08}", "step-00000010"])
        for ranks in (None, 2, 4):
            found = self.figures("run", "--step", "best", ranks=ranks)
            self.assertEqual(found["by_timestep"][0]["images"], 20)
            self.assertEqual(len(found["by_timestep"]), 5, "diffusion.steps")
            for figure in ("loss_train", "loss_held_out", "loss_gap"):
                self.assertAlmostEqual(found[figure], best[figure], delta=1e-6 * found["loss_train"], msg=f"{ranks} ranks")
        self.assertGreater(self.figures("run")["loss_held_out"], best["loss_held_out"])

    def test_what_cannot_be_evaluated_is_refused(self):
        self.refuse('checkpoint.keep_best: "loss_gap" is no figure', "loss_train, loss_held_out",
                    arguments=[*EVALUATES, "checkpoint.keep_best=loss_gap"])
        self.refuse("set evaluate.every", arguments=["checkpoint.keep_best=loss_held_out"])
        self.refuse("gm_data pack --holdout", arguments=[*EVALUATES, f"data.path={self.all_training}"])
        self.refuse("does not train a diffusion model", arguments=[*EVALUATES, "run.task=inpaint"])
        self.train("plain")
        self.refuse("no checkpoint is marked as the best", program="gm_sample", arguments=["plain", "--step", "best"])
        self.refuse("expected an integer", "or best", program="gm_sample", arguments=["plain", "--step", "last"])
        self.refuse("name other images with --data", program="gm_eval",
                    arguments=["plain", "--metric", "loss", "--part", "training", "--json", "none.json"])


if __name__ == "__main__":
    unittest.main()
