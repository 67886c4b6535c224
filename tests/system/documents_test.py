"""Runs the commands in README.md and docs/guide.md and every recipe, with few images and small networks."""
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import unittest

from support.png import write_png
from support.programs import BIN, LOCAL, Programs

SOURCE = LOCAL.parents[1]
sys.path.append(str(SOURCE / "tests/style"))
from check_commands import commands_of  # noqa: E402

SMALL = ["train.steps=2", "train.batch_size=8", "train.accumulate=1", "data.shards=4", "model.dim=8", "model.dim_mults=[1,2]",
         "diffusion.steps=12", "sampler.steps=0", "repaint.resamplings=1", "gan.dim=8", "sample.count=4", "sample.every=2",
         "evaluate.count=4", "checkpoint.every=2", "telemetry.port=0"]
ORDER = ["gm_data", "gm_train", "gm_sample", "gm_eval", "gm_report"]  # first the data, then the runs, then programs that read the runs


class Documents(Programs):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        chance = random.Random(1)
        for folder, count in (("photos/cat", 60), ("photos/dog", 20), ("my_photos", 2)):
            (cls.root / folder).mkdir(parents=True)
            for i in range(count):
                write_png(cls.root / folder / f"{i}.png", [chance.randbytes(3 * 36) for _ in range(36)], channels=3)
        (cls.root / "my_masks").mkdir()
        for i in range(2):
            write_png(cls.root / f"my_masks/{i}.png", [[255] * 10 + [0] * 22] * 32)
        (cls.root / "data").mkdir()
        (cls.root / "configs").symlink_to(SOURCE / "configs")
        for label in range(10):  # what ./launch/quickstart packs
            (cls.root / f"clothes/{label}").mkdir(parents=True)
            for i in range(4):
                write_png(cls.root / f"clothes/{label}/{i}.png", [chance.randbytes(16) for _ in range(16)])
        subprocess.run([BIN / "gm_data", "pack", "clothes", "--size", "16", "--grey", "--out", "data/fashion.h5"],
                       cwd=cls.root, check=True, capture_output=True)

    def program_of(self, command):
        return next((word for word in command if word in ORDER), "gm_train")

    def run_small(self, command):
        self.assertFalse({"|", ">", "&&"} & {*command}, "this test runs single commands only")
        if command[0].removeprefix("./") == "launch/local":
            command = [str(LOCAL), *command[1:]]
        if "-n" in command:
            command[command.index("-n") + 1] = "2"
        if self.program_of(command) == "gm_train" and "--help-config" not in command:
            command = [*command, *(key for key in SMALL if key.split("=")[0] not in " ".join(command))]
            command = [re.sub(r"^train\.steps=.*", "train.steps=2", word) for word in command]
        if "--count" in command:
            command[command.index("--count") + 1] = "8"
        if "--samples" in command:  # without a download, and quickly
            command[command.index("--samples") + 1] = "8"
            command = [*command, "evaluate.extractor=random"]
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "XDG_CACHE_HOME": str(self.root / "cache")}
        if "model.weights=model.safetensors" in command:  # what the lines of Python before it write
            shutil.copy(self.root / "runs/cats/checkpoints/latest/model.safetensors", self.root)
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, f"{shlex.join(command)}\n{done.stderr}")

    def test_commands(self):
        commands = []
        for document in ("docs/guide.md", "README.md"):
            for _, line, is_complete in commands_of((SOURCE / document).read_text()):
                command = shlex.split(line, comments=True)
                if is_complete and re.match(r"gm_|mpirun|(\./)?launch/local", command[0]) and command not in commands:
                    commands.append(command)
        self.assertGreater(len(commands), 15)
        for command in sorted(commands, key=lambda command: ORDER.index(self.program_of(command))):
            with self.subTest(shlex.join(command)):
                self.run_small(command)

    def test_recipes(self):
        self.run_small(["gm_data", "pack", "photos/", "--size", "32", "--holdout", "0.1", "--out", "data/recipes.h5"])
        for recipe in sorted((SOURCE / "configs").glob("*.toml")):
            with self.subTest(recipe.name):
                self.run_small(["gm_train", f"configs/{recipe.name}", "data.path=data/recipes.h5", "data.image_size=32",
                                "data.classes=all", f"run.dir=recipes/{recipe.stem}"])


class Completion(unittest.TestCase):
    def complete(self, line):
        """What bash offers for the last word of the line."""
        words = line.replace("=", " = ").split() + ([""] if line.endswith((" ", "=")) else [])
        script = (f"source {SOURCE}/launch/completion.bash; COMP_LINE='{line}' COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=({shlex.join(words)}); "
                  f"COMP_CWORD={len(words) - 1}; _{words[0]}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
        return subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout.split()

    def test_options_keys_and_values_are_offered(self):
        for line, expected in (("gm_data p", ["pack"]), ("gm_data pack --fi", ["--fit"]), ("gm_data pack --fit c", ["crop"]),
                               ("gm_data pack --fit=s", ["squash"]), ("gm_train run.d", ["run.dir=", "run.device="]),
                               ("gm_train configs/x.toml mask.kind=st", ["strokes"]), ("gm_train run.device=", ["auto", "cpu", "cuda"]),
                               ("gm_sample runs/a --weights ", ["ema", "model"]), ("gm_eval runs/a --out", []),
                               ("gm_sample runs/a --out ", [])):
            with self.subTest(line):
                self.assertEqual(self.complete(line), expected)


if __name__ == "__main__":
    unittest.main()
