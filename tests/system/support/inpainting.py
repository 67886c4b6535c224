"""Shared code of the inpainting tests: settings of each method, datasets, commands."""
import json

from support.programs import BIN, FaultTest, write_idx

# The settings of each inpainting method, in addition to Inpainting.SETTINGS.
TASKS = {
    "unet": ["run.task=inpaint"],
    "gan": ["run.task=gan_inpaint", "gan.dim=8"],
    "repaint": ["repaint.jump_length=2", "repaint.resamplings=2"],
    "conditioned": ["diffusion.condition=inpaint"],
}
TRAINED_ON_MASKS = [name for name in TASKS if name != "repaint"]


class Inpainting(FaultTest):
    SIDE = 16
    STEPS = 26  # after the end of the warm-up and of an epoch
    SETTINGS = [setting for setting in FaultTest.SETTINGS if not setting.startswith(("data.image_size", "model.dim"))] + [
        "data.image_size=16", "model.dim=8", "model.dim_mults=[1,2]", "data.holdout=0"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.held = cls.root / "held.h5"
        cls.check_output([BIN / "gm_data", "pack", cls.root / "images.idx", "--out", cls.held, "--holdout", "0.2"])

    def packed(self, side):
        """Packs the same images in another size. Returns the settings that use them."""
        data = self.root / f"{side}.h5"
        self.check_output([BIN / "gm_data", "pack", self.root / "images.idx", "--out", data, "--size", side])
        return [f"data.path={data}", f"data.image_size={side}"]

    def trained(self, name):
        """The name of a run of this method. It is trained once."""
        return self.reference(None, *TASKS[name])

    def inpaint(self, run, *more, ranks=None):
        return self.run_program("gm_sample", [run, "--inpaint", self.data, "--count", 6, *more], ranks)

    def evaluate(self, *arguments, ranks=None):
        done = self.run_program("gm_eval", [*arguments, "--json", "-"], ranks)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["methods"], done.stderr

    @classmethod
    def many(cls):
        """A dataset that takes a while to evaluate. It is packed once."""
        path = cls.root / "many.h5"
        if not path.exists():
            write_idx(cls.root / "many.idx", 20_000, cls.SIDE)
            cls.check_output([BIN / "gm_data", "pack", cls.root / "many.idx", "--out", path])
        return path
