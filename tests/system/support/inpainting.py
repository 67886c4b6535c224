"""What the tests of inpainting share: settings of each method, datasets, commands."""
import json

from support.programs import BIN, Exercises, write_idx

# What each way of inpainting needs beside the settings of all exercises.
TASKS = {
    "unet": ["run.task=inpaint"],
    "gan": ["run.task=gan_inpaint", "gan.dim=8"],
    "repaint": ["repaint.jump_length=2", "repaint.resamplings=2"],
    "conditioned": ["diffusion.condition=inpaint"],
}
TRAINED_ON_MASKS = [name for name in TASKS if name != "repaint"]


class Inpainting(Exercises):
    SIDE = 16
    SETTINGS = [setting for setting in Exercises.SETTINGS if not setting.startswith(("data.image_size", "model.dim"))] + [
        "data.image_size=16", "model.dim=8", "model.dim_mults=[1,2]", "data.holdout=0"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.held = cls.root / "held.h5"
        cls.check_output([BIN / "gm_data", "pack", cls.root / "images.idx", "--out", cls.held, "--holdout", "0.2"])

    def packed(self, side):
        """Settings for the same images in another size."""
        data = self.root / f"{side}.h5"
        self.check_output([BIN / "gm_data", "pack", self.root / "images.idx", "--out", data, "--size", side])
        return [f"data.path={data}", f"data.image_size={side}"]

    def trained(self, name):
        """A run of the task, made once."""
        return self.reference(None, *TASKS[name])

    def fill(self, run, *more, ranks=None):
        return self.run_program("gm_sample", [run, "--inpaint", self.data, "--count", 6, *more], ranks)

    def evaluate(self, *arguments, ranks=None):
        done = self.run_program("gm_eval", [*arguments, "--json", "-"], ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["methods"], done.stderr

    @classmethod
    def many(cls):
        """More images than are evaluated in a moment, packed once."""
        path = cls.root / "many.h5"
        if not path.exists():
            write_idx(cls.root / "many.idx", 20_000, cls.SIDE)
            cls.check_output([BIN / "gm_data", "pack", cls.root / "many.idx", "--out", path])
        return path
