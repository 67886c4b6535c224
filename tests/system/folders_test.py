"""gm_train and gm_data on common and unusual folders of images."""
import json
import os
import pathlib
import subprocess
import unittest

from support.png import write_png
from support.programs import Programs, wait_until

# A network and a run small enough for a test.
SMALL = ["data.image_size=16", "model.dim=8", "model.dim_mults=[1,2]", "diffusion.steps=5", "train.steps=3",
         "train.batch_size=16", "sample.count=4", "telemetry.port=0"]


class Folders(Programs):
    def photos(self, name, count=8):
        """Makes a folder with images of two classes."""
        for c, kind in enumerate(("cat", "dog")):
            (self.root / name / kind).mkdir(parents=True)
            for i in range(count):
                write_png(self.root / name / kind / f"{i}.png", [[(16 * c + 9 * i + x) % 256 for x in range(16)]] * 16)
        return self.root / name

    def command_for(self, folder, run, *more):
        cache = self.root / f"cache{pathlib.Path(folder).name}"
        return self.command("gm_train", [f"data.path={folder}", f"data.cache={cache}", *SMALL, f"run.dir={run}", *more])

    def run_in(self, folder, *command):
        return subprocess.run(list(command), cwd=folder, capture_output=True, text=True, timeout=120)

    def test_a_run_inside_its_image_folder_is_resumed(self):
        photos = self.photos("photos")
        for place in ("results", "runs/one", "."):
            for steps in (1, 2):
                done = self.run_in(photos, *self.command_for(".", place, f"train.steps={steps}"))
                self.assertEqual(done.returncode, 0, f"{place}: {done.stderr}")
            lines = (photos / place / "metrics.jsonl").read_text().splitlines()
            self.assertEqual([json.loads(line)["step"] for line in lines if '"train"' in line], [1, 2], place)
            self.assertIn("a run of gm", done.stderr)

    def test_two_runs_can_pack_the_same_folder_at_once(self):
        photos = self.photos("shared")
        # The first program blocks on its first message, because its stderr is a full pipe. The pipe is read at the end.
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b"." * 4096)
        except BlockingIOError:
            os.set_blocking(writer, True)
        first = subprocess.Popen(self.command_for(photos, "first"), cwd=self.root, stderr=writer, stdout=subprocess.DEVNULL)
        os.close(writer)
        wait_until(lambda: list(self.root.glob("cacheshared/*.content")), first)
        second = self.run_in(self.root, *self.command_for(photos, "second"))
        with open(reader, "rb") as pipe:
            said = pipe.read().decode()
        self.assertEqual(first.wait(timeout=120), 0, said[-500:])
        self.assertEqual(second.returncode, 0, second.stderr)
        losses = [[line["loss"] for line in self.lines(run, "train")] for run in ("first", "second")]
        self.assertEqual(*losses)
        self.assertEqual(len(list(self.root.glob("cacheshared/*.h5"))), 1)
        self.assertEqual(list(self.root.glob("cacheshared/.*")), [])

    def test_packing_and_training_accept_and_refuse_the_same(self):
        def make_odd(path):
            os.symlink("itself", path / "itself")
            (path / "cat/a.webp").write_text("no JPEG and no PNG")
            (path / "@eaDir").mkdir()
            (path / "cat").rename(path / "cats, big")

        for name, make, status, words in (
                ("odd", make_odd, 0, ["1 .webp", "1 without an ending", "@eaDir (made by the system)"]),
                ("pipe", lambda path: os.mkfifo(path / "cat/z.png"), 2, ["cat/z.png: cannot be read: it is a pipe"]),
                ("link", lambda path: os.symlink("nowhere", path / "cat/z.png"), 2, ["cat/z.png: is a link to nowhere"]),
                ("latin", lambda path: (path / "cat").rename(os.fsdecode(bytes(path) + b"/caf\xe9")), 2, ["caf\\xe9", "UTF-8"]),
                ("all", lambda path: (path / "cat").rename(path / "all"), 2, ["'all'", "means all classes"])):
            photos = self.photos(name)
            make(photos)
            packed = self.run_in(self.root, *self.command("gm_data", ["pack", photos, "--size", 16, "--out", f"{name}.h5"]))
            trained = self.run_in(self.root, *self.command_for(photos, f"run-{name}", "train.steps=1"))
            for done in (packed, trained):
                self.assertEqual(done.returncode, status, f"{name}: {done.stderr}")
                for text in words:
                    self.assertIn(text, done.stderr, name)


if __name__ == "__main__":
    unittest.main()
