"""Outputs of the programs: closed, full or broken streams, devices, pipes, links, and conflicting names."""
import json
import os
import shlex
import signal
import subprocess
import unittest

from support.png import png_rows, write_png
from support.programs import BIN, DEADLINE_SECONDS, Programs, wait_until

SMALL = ["data.image_size=16", "data.shards=4", "model.dim=8", "model.dim_mults=[1]", "diffusion.steps=2", "train.steps=1",
         "train.batch_size=4", "train.accumulate=1", "sample.every=0", "telemetry.port=0", "repaint.jump_length=1",
         "repaint.resamplings=1"]


class Run(Programs):
    """Has a run of one step, `run`, that can be sampled and evaluated quickly."""
    COUNT = 24
    SAMPLE = ["gm_sample", "run", "--count", 1]
    EVALUATE = ["gm_eval", "run", "--count", 1]
    MASKS = ["gm_data", "masks", "--count", 1]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subprocess.run([BIN / "gm_train", f"data.path={cls.data}", *SMALL, "run.dir=run"], cwd=cls.root, check=True,
                       capture_output=True, timeout=DEADLINE_SECONDS)

    def shell(self, command, redirections):
        """Runs the command with redirections of the shell, such as 2>&-."""
        program, *arguments = command
        line = shlex.join([str(BIN / program), *map(str, arguments)])
        return subprocess.run(["bash", "-c", f"{line} {redirections}"], cwd=self.root, capture_output=True,
                              timeout=DEADLINE_SECONDS, check=False)

    def succeed(self, command, redirections=""):
        done = self.shell(command, redirections)
        self.assertEqual(done.returncode, 0, f"{command} {redirections}: {done.stderr}")
        return done

    def refuse(self, command, *expected):
        done = self.shell(command, "")
        self.assertEqual(done.returncode, 2, f"{command}: {done.stderr}")
        for text in expected:
            self.assertIn(text, done.stderr.decode().splitlines()[-1])


class Streams(Run):
    def test_the_exit_status_of_an_error_does_not_depend_on_stderr(self):
        for command in (["gm_data", "info", "none.h5"], ["gm_train", "none.toml"], ["gm_sample", "none"],
                        ["gm_eval", "none"]):
            for redirection in ("2>/dev/full", "<&- >&- 2>&-"):
                self.assertEqual(self.shell(command, redirection).returncode, 2, f"{command} {redirection}")

    def test_a_run_without_streams_does_not_print_into_its_files(self):
        command = shlex.join([str(BIN / "gm_train"), f"data.path={self.data}", *SMALL, "run.dir=silent",
                              "train.steps=1000000", "telemetry.log_every_seconds=0"])
        process = subprocess.Popen(["bash", "-c", f"exec {command} <&- >&- 2>&-"], cwd=self.root)
        log = self.root / "silent/log.txt"
        wait_until(lambda: log.exists() and "step 2" in log.read_text().replace(" 2/", " 2 "), process)
        streams = {os.readlink(f"/proc/{process.pid}/fd/{descriptor}") for descriptor in range(3)}
        lock = (self.root / "silent/.lock").read_bytes()
        process.terminate()
        self.assertEqual(process.wait(timeout=DEADLINE_SECONDS), 75)
        self.assertEqual(streams, {"/dev/null"})
        self.assertEqual(json.loads(lock)["process"], process.pid)

    def test_output_that_cannot_be_printed_is_an_error(self):
        for command in (["gm_data", "info", self.data], ["gm_data", "verify", self.data],
                        [*self.MASKS, "--out", "masks.png"], [*self.SAMPLE, "--out", "/dev/stdout"],
                        [*self.EVALUATE, "--json", "-"], ["gm_data", "pack", "--help"], ["gm_train", "--help-config"],
                        ["gm_train", "--help"], ["gm_sample", "--version"], ["gm_eval", "--version"]):
            done = self.shell(command, ">/dev/full")
            self.assertEqual(done.returncode, 1, command)
            self.assertIn(b"stdout cannot be written: No space left on device", done.stderr.splitlines()[-1])
        done = self.shell(["gm_data", "info", self.data], ">&-")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"stdout cannot be written: Bad file descriptor", done.stderr)

    def test_files_are_written_when_the_table_cannot_be_printed(self):
        done = self.shell([*self.EVALUATE, "--json", "figures.json", "--image", "comparison.png"], ">/dev/full")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(json.loads((self.root / "figures.json").read_text())["methods"]), 3)
        self.assertTrue(png_rows(self.root / "comparison.png"))

    def test_files_are_written_when_stdout_cannot_be_written(self):
        for command, written in (([*self.SAMPLE, "--out", "-", "--images", "each"], "each/00000.png"),
                                 ([*self.SAMPLE, "--out", "-", "--trajectory", "rows.png"], "rows.png"),
                                 ([*self.EVALUATE, "--json", "-", "--image", "beside.png"], "beside.png")):
            self.assertEqual(self.shell(command, ">/dev/full").returncode, 1, command)
            self.assertTrue(png_rows(self.root / written), command)

    def test_a_closed_stdout_is_no_error_if_nothing_is_printed(self):
        self.succeed([*self.SAMPLE, "--out", "silent.png"], ">&-")
        self.assertTrue(png_rows(self.root / "silent.png"))

    def test_sigpipe_ends_a_program_whose_reader_has_ended(self):
        for program, *arguments in (["gm_data", "info", self.data], ["gm_train", "--help-config"]):
            end, stdout = os.pipe()
            os.close(end)
            done = subprocess.run(self.command(program, arguments), cwd=self.root, stdout=stdout, stderr=subprocess.PIPE,
                                  timeout=DEADLINE_SECONDS, check=False)
            os.close(stdout)
            self.assertEqual(done.returncode, -signal.SIGPIPE, f"{program} {arguments}: {done.stderr}")
            self.assertNotIn(b"stdout", done.stderr)


class OutputPaths(Run):
    # Each output of each program: the command up to the name of the output.
    IMAGES = [[*Run.MASKS, "--out"], [*Run.SAMPLE, "--out"], [*Run.SAMPLE, "--trajectory"], [*Run.EVALUATE, "--image"]]
    OUTPUTS = [*IMAGES, [*Run.EVALUATE, "--json"]]

    def assert_output(self, command, content):
        if command[-1] == "--json":
            self.assertEqual(len(json.loads(content)["methods"]), 3, command)
        else:
            path = self.root / "checked.png"
            path.write_bytes(content)
            self.assertTrue(png_rows(path), command)
            self.assertTrue(content.endswith(b"IEND\xae\x42\x60\x82"), command)

    def test_output_into_a_pipe(self):
        for i, command in enumerate(self.OUTPUTS):
            pipe = self.root / f"pipe{i}"
            os.mkfifo(pipe)
            with (self.root / "read").open("wb") as read:
                reader = subprocess.Popen(["cat", pipe], stdout=read)
            self.succeed([*command, pipe])
            self.assertEqual(reader.wait(timeout=DEADLINE_SECONDS), 0)
            self.assert_output(command, (self.root / "read").read_bytes())
            self.assertTrue(pipe.is_fifo())

    def test_output_into_a_device(self):
        for command in ([*self.MASKS, "--out"], [*self.EVALUATE, "--json"]):
            # A link, so that a program that wrongly replaces its output does not replace the device itself.
            link = self.root / "full"
            link.symlink_to("/dev/full")
            done = self.shell([*command, link], "")
            self.assertEqual(done.returncode, 1, command)
            self.assertIn(b"No space left on device", done.stderr.splitlines()[-1])
            self.assertTrue(link.is_char_device())
            link.unlink()

    def test_output_into_stdout_without_other_text(self):
        for command in self.OUTPUTS:
            self.assert_output(command, self.succeed([*command, "-"]).stdout)
        self.assertFalse((self.root / "-").exists())
        for command in ([*self.MASKS, "--out"], [*self.EVALUATE, "--json"]):
            (self.root / "appended").write_bytes(b"before")
            self.succeed([*command, "/dev/stdout"], ">> appended")
            content = (self.root / "appended").read_bytes()
            self.assertTrue(content.startswith(b"before"), command)
            self.assert_output(command, content[6:])

    def test_output_into_a_file_descriptor(self):
        for command in ([*self.MASKS, "--out"], [*self.EVALUATE, "--json"]):
            (self.root / "third").write_bytes(b"before")
            self.succeed([*command, "/dev/fd/3"], "3>> third")
            content = (self.root / "third").read_bytes()
            self.assertTrue(content.startswith(b"before"), command)
            self.assert_output(command, content[6:])
        self.succeed([*self.EVALUATE, "--json", "/dev/stderr"], "2> log")
        log = (self.root / "log").read_text()
        self.assertIn('"methods"', log)
        self.assertIn("figures in /dev/stderr", log, "the log continues in the same file")

    def test_output_follows_a_link(self):
        (self.root / "elsewhere").mkdir()
        for i, command in enumerate(self.OUTPUTS):
            link, target = self.root / f"link{i}", self.root / f"elsewhere/target{i}"
            link.symlink_to(f"elsewhere/target{i}")
            if i % 2 == 0:  # otherwise the program creates it
                target.write_bytes(b"old")
            self.succeed([*command, link])
            self.assertTrue(link.is_symlink())
            self.assert_output(command, target.read_bytes())
        self.assertEqual([path for path in self.root.rglob(".*")
                          if path.name.endswith(".partial")], [])

    def test_images_behind_a_link(self):
        (self.root / "folder").mkdir()
        (self.root / "folder-link").symlink_to("folder")
        (self.root / "folder/00000.png").symlink_to("../one.png")
        self.succeed([*self.SAMPLE, "--out", "grid.png", "--images", "folder-link"])
        self.assertTrue((self.root / "folder/00000.png").is_symlink())
        self.assertEqual(len(png_rows(self.root / "one.png")), 16)
        (self.root / "nowhere").symlink_to("missing")
        self.refuse([*self.SAMPLE, "--out", "none.png", "--images", "nowhere"], "nowhere", "missing", "make it first")

    def test_an_hdf5_file_is_not_written_into_a_pipe_or_device(self):
        os.mkfifo(self.root / "packed")
        pack = ["gm_data", "pack", "images.idx", "--out"]
        for name in ("packed", "/dev/null", "-", "/dev/stdout"):
            self.refuse([*pack, name], name, "no HDF5 file can be written")
        self.assertTrue((self.root / "packed").is_fifo())
        (self.root / "packed-link").symlink_to("packed.h5")
        self.succeed([*pack, "packed-link"])
        self.assertTrue((self.root / "packed-link").is_symlink())
        self.succeed(["gm_data", "verify", "packed.h5"])
        self.refuse([*pack, "packed-link"], "exists already")

    def test_a_wrong_file_extension_is_refused(self):
        for command in self.IMAGES:
            self.refuse([*command, "out.jpg"], f"{command[-1]} out.jpg", "ends in .png")
        self.succeed([*self.MASKS, "--out", "out.PNG"])
        self.assertTrue(png_rows(self.root / "out.PNG"))
        self.assertFalse((self.root / "out.jpg").exists())


class ConflictingOutputs(Run):
    def test_two_outputs_in_the_same_file_are_refused(self):
        (self.root / "same").symlink_to("a.png")
        for names in (("a.png", "a.png"), ("a.png", "./a.png"), ("a.png", "same"), ("-", "/dev/stdout")):
            self.refuse([*self.EVALUATE, "--json", names[0], "--image", names[1]], "are the same file", *names)
        self.refuse([*self.SAMPLE, "--out", "a.png", "--trajectory", "./a.png"], "are the same file")
        self.refuse([*self.SAMPLE, "--out", "each/00000.png", "--images", "each"], "there is no folder")
        (self.root / "each").mkdir()
        self.refuse([*self.SAMPLE, "--out", "each/00000.png", "--images", "./each/"], "written twice")
        self.refuse([*self.SAMPLE, "--out", "new.png", "--images", "new.png"], "written twice")
        self.assertFalse((self.root / "a.png").exists())
        self.succeed([*self.SAMPLE, "--out", "each/grid.png", "--images", "each"])

    def test_an_output_that_overwrites_an_input_is_refused(self):
        mask = self.root / "masked.png"
        write_png(mask, [[255] * 8 + [0] * 8] * 16)
        (self.root / "photos").mkdir()
        photo = self.root / "photos/cat.png"
        write_png(photo, [[i] * 16 for i in range(16)])
        kept = {path: path.read_bytes() for path in (mask, photo, self.data, self.root / "run/config.toml")}
        fill = [*self.SAMPLE, "--inpaint", "photos", "--mask", "masked.png", "--out"]
        files = ["mask.kind=files", "mask.path=masked.png"]
        for command in ([*fill, "masked.png"], [*fill, "photos/cat.png"],
                        [*self.SAMPLE, "--inpaint", "photos", *files, "--out", "./masked.png"],
                        [*self.EVALUATE, "--mask", "masked.png", "--image", "masked.png"],
                        [*self.EVALUATE, *files, "--json", "masked.png"],
                        [*self.EVALUATE, "--json", self.data],
                        [*self.EVALUATE, "--json", "run/config.toml"],
                        [*self.MASKS, *files, "--out", "masked.png"]):
            self.refuse(command, "would overwrite what is read")
        self.assertEqual({path: path.read_bytes() for path in kept}, kept)
        self.succeed([*fill, "photos/grid.png"])


if __name__ == "__main__":
    unittest.main()
