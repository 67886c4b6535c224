"""Diffusion conditioned on the class of an image: training, guided sampling, and wrong input."""
import json
import unittest

from support.png import png_rows, write_png
from support.programs import BIN
from support.small_runs import Refusals

SIDE = 8
CLASSES = {"bright": 220, "dark": 30}  # their grey levels, by name in the order of the labels


class Classes(Refusals):
    SETTINGS = ["data.image_size=8", "model.dim=8", "model.dim_mults=[1]", "diffusion.steps=8", "diffusion.condition=class",
                "diffusion.prediction=x0", "train.batch_size=16", "train.accumulate=1", "train.steps=150",
                "optimizer.learning_rate=0.005", "ema.half_life_images=500", "sample.every=100", "sample.count=6",
                "evaluate.every=150", "evaluate.metrics=fd", "evaluate.extractor=random", "evaluate.samples=16",
                "telemetry.port=0"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, level in CLASSES.items():
            (cls.root / "folder" / name).mkdir(parents=True)
            for i in range(32):
                row = [level + (i + x) % 11 - 5 for x in range(SIDE)]
                write_png(cls.root / "folder" / name / f"{i}.png", [row] * SIDE)
        cls.labelled = cls.root / "labelled.h5"
        cls.check_output([BIN / "gm_data", "pack", cls.root / "folder", "--grey", "--size", SIDE, "--out", cls.labelled])
        cls.check_output([BIN / "gm_train", *cls.SETTINGS, f"data.path={cls.labelled}", f"run.dir={cls.root / 'run'}"])

    def sample(self, out, *arguments, ranks=None):
        """The mean grey level of each of six samples, and the bytes of their grid."""
        done = self.run_program("gm_sample", ["run", "--count", 6, "--out", f"{out}.png", "--images", out, *arguments], ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        levels = []
        for path in sorted((self.root / out).glob("*.png")):
            values = [value for row in png_rows(path) for value in row]
            levels.append(sum(values) / len(values))
        self.assertEqual(len(levels), 6)
        return levels, (self.root / f"{out}.png").read_bytes()

    def test_samples_are_of_the_class_that_is_asked_for(self):
        for i in range(2):
            for level in self.sample(f"class{i}", "--class", i)[0]:
                self.assertEqual(level > 125, i == 0, level)
        in_turn = self.sample("in_turn")[0]
        self.assertEqual([level > 125 for level in in_turn], [True, False] * 3)

    def test_samples_have_the_names_of_their_classes(self):
        self.check_output([BIN / "gm_sample", self.root / "run", "--count", 24, "--out", self.root / "samples.h5"])
        info = self.check_output([BIN / "gm_data", "info", "--json", self.root / "samples.h5"])
        self.assertEqual([entry["name"] for entry in json.loads(info.stdout)["classes"]], list(CLASSES))
        done = self.run_program("gm_eval", ["run", "--metric", "kid", "--samples", 24, "--against", "samples.h5", "--json", "-",
                                            "evaluate.extractor=random"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("matched by their numbers", done.stderr)
        [method] = json.loads(done.stdout)["methods"]
        self.assertEqual([entry["label"] for entry in method["by_class"]], list(CLASSES))

    def test_guided_samples_do_not_depend_on_ranks_or_batch_size(self):
        alone = self.sample("alone", "--guidance", 2)
        self.assertEqual([level > 125 for level in alone[0]], [True, False] * 3)
        for ranks, batch in ((2, 64), (4, 1)):
            with self.subTest(ranks=ranks):
                self.assertEqual(self.sample(f"ranks{ranks}", "sampler.guidance=2", "--batch", batch, ranks=ranks), alone)

    def test_the_process_and_inpainting_use_the_class(self):
        means, strips = {}, {}
        for i in range(2):
            done = self.run_program("gm_sample", ["run", "--count", 1, "--trajectory", "process.png", f"sampler.class={i}"])
            self.assertEqual(done.returncode, 0, done.stderr)
            strips[i] = sum(map(sum, png_rows(self.root / "process.png")))
            out = f"inpainted{i}"
            done = self.run_program("gm_sample", ["run", "--inpaint", self.labelled, "--mask", "half", "--count", 4, "--images",
                                                  out, "--out", f"{out}.png", f"sampler.class={i}", "repaint.resamplings=1"])
            self.assertEqual(done.returncode, 0, done.stderr)
            means[i] = [sum(map(sum, png_rows(path))) for path in sorted((self.root / out).glob("*.png"))]
        self.assertGreater(strips[0], strips[1])
        for bright, dark in zip(means[0], means[1], strict=True):
            self.assertGreater(bright, dark)

    def test_training_makes_samples_and_evaluates_them(self):
        self.assertEqual(sorted(path.name for path in (self.root / "run/samples").iterdir()),
                         ["step-00000100.png", "step-00000150.png"])
        self.assertEqual([line["step"] for line in self.lines("run", "evaluation")], [150])

    def test_wrong_input_is_refused(self):
        self.refuse("images.h5: the images have no labels", "diffusion.condition",
                    arguments=["diffusion.condition=class"])
        self.refuse("sampler.guidance is 3", "diffusion.condition is \"none\"", arguments=["sampler.guidance=3"])
        self.refuse("sampler.class is 2, but the model has 2 classes: give from 0 to 1, or -1", program="gm_sample",
                    arguments=["run", "sampler.class=2"])
        self.refuse("sampler.class = -2: expected", program="gm_sample", arguments=["run", "sampler.class=-2"])
        self.train("unlabelled")
        self.refuse("the model does not know classes", program="gm_sample", arguments=["unlabelled", "sampler.class=0"])
        # The images are the same, but their labels are not.
        other = self.root / "other.h5"
        (self.root / "folder/bright").rename(self.root / "folder/zebra")
        self.check_output([BIN / "gm_data", "pack", self.root / "folder", "--grey", "--size", SIDE, "--out", other])
        self.refuse("trained on other images", run="run", arguments=[*self.SETTINGS, f"data.path={other}", "train.steps=400"])
        self.refuse("knows the classes bright, dark, but the images to compare with are of the classes zebra", program="gm_eval",
                    arguments=["run", "--metric", "kid", "--samples", 24, "--against", other, "evaluate.extractor=random"])


if __name__ == "__main__":
    unittest.main()
