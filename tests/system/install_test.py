"""The .tar.gz of the installed tree: it runs in any folder, and launch/setup of the tree finds LibTorch."""
import os
import pathlib
import re
import subprocess
import tarfile
import unittest

from support.programs import BIN
from support.small_runs import SMALL, SmallRuns

BUILD = BIN.parent
FILES = ["bin/gm_data", "bin/gm_eval", "bin/gm_sample", "bin/gm_train", "lib/libgm.so", "share/gm/README.md",
         "share/gm/LICENSE", "share/gm/launch/local", "share/gm/launch/setup", "share/gm/configs/quickstart.toml",
         "share/gm/docs/guide.md", "share/gm/monitoring/prometheus.yml", "share/man/man1/gm_train.1",
         "share/bash-completion/completions/gm_train"]


class Install(SmallRuns):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.check_output(["cpack", "--config", BUILD / "CPackConfig.cmake", "-B", cls.root / "package"])
        archive, = (cls.root / "package").glob("gm-*.tar.gz")
        with tarfile.open(archive) as files:
            files.extractall(cls.root / "elsewhere")
        cls.tree, = (cls.root / "elsewhere").iterdir()

    def run_in_tree(self, command, *arguments, **environment):
        return subprocess.run([str(self.tree / command), *map(str, arguments)], cwd=self.root, capture_output=True,
                              text=True, timeout=100, env={**os.environ, **environment})

    def test_the_tree_is_complete(self):
        self.assertEqual([file for file in FILES if not (self.tree / file).is_file()], [])
        self.assertFalse((self.tree / "share/gm/launch/test").exists(), "it needs the sources")

    def test_launch_local_of_the_tree_trains(self):
        done = self.run_in_tree("share/gm/launch/local", "-n", 2, f"data.path={self.data}", *SMALL, "run.dir=run",
                                "train.steps=1", PATH="/usr/bin:/bin")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(self.lines("run", "train")), 1)

    def test_setup_of_the_tree_links_libtorch(self):
        """With a LibTorch that looks like a finished installation of launch/setup."""
        libraries = self.libraries()
        environment = self.root / "torch/lib/python3.11/site-packages/torch"
        environment.mkdir(parents=True)
        (environment / "lib").symlink_to(libraries)
        launch = self.tree / "share/gm/launch"
        requirements = "launch/requirements-full.txt"
        texts = [path.read_bytes() for path in sorted(launch.glob("requirements-*.txt"))]
        texts.append((launch.parent / requirements).read_bytes())
        checksum = subprocess.run(["cksum"], input=b"".join(texts), capture_output=True, check=True).stdout.decode()
        (self.root / "torch/gm-installed").write_text(f"{requirements} {checksum}")
        done = self.run_in_tree("share/gm/launch/setup", "--no-packages", GM_TORCH_ENV=str(self.root / "torch"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.libraries(), self.tree / "share/gm/torch")

    def libraries(self):
        """The folder in which gm_train of the tree finds LibTorch."""
        text = self.check_output(["ldd", self.tree / "bin/gm_train"]).stdout
        return pathlib.Path(os.path.normpath(re.search(r"libtorch_cpu\.so => (\S+)/libtorch_cpu\.so", text)[1]))


if __name__ == "__main__":
    unittest.main()
