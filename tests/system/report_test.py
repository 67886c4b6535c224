"""The report of a run: gm_train writes one at its end, gm_report writes one of any runs, and refuses wrong input."""
import html.parser
import json
import re
import resource
import subprocess
import unittest

from support.programs import BIN, DEADLINE_SECONDS, FaultTest, wait_until
from support.small_runs import Refusals, SMALL

WITHOUT_END = {"meta", "img"}


class Page(html.parser.HTMLParser):
    """Reads a page. Every element must be closed, and nothing may be loaded from elsewhere."""

    def __init__(self, path):
        super().__init__()
        self.open, self.problems, self.words, self.count = [], [], [], {}
        self.feed(path.read_text())
        self.problems += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in WITHOUT_END:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href") and not value.startswith("data:"):
                self.problems.append(f"{name}={value}")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


class Reports(Refusals):
    def page(self, path):
        page = Page(self.root / path)
        self.assertEqual(page.problems, [])
        return page

    def report(self, *arguments):
        done = self.run_program("gm_report", arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_training_leaves_a_report_that_gm_report_writes_again(self):
        self.train("run", "evaluate.every=3", "evaluate.metrics=loss", "evaluate.count=8", "train.steps=6", "sample.every=2",
                   "checkpoint.every=3", f"data.path={self.held_out()}")
        text = self.page("run/report.html").text
        for part in ("finished", "Steps 6 of 6", "What to notice", "Loss", "Gradient norm", "Learning rate", "Throughput",
                     "Parts of a step", "Samples step 6", "Evaluation: loss", "loss_held_out", "Checkpoints", "train.steps",
                     "Environment", "kernels", "gm 0."):
            self.assertIn(part, text)
        self.assertEqual(self.page("run/report.html").count["img"], 3)
        (self.root / "run/report.html").unlink()
        self.report("run")
        again = self.page("run/report.html").text
        self.assertEqual(*(re.sub(r"Written \S+ \S+", "", one) for one in (text, again)))

    def held_out(self):
        path = self.root / "held.h5"
        subprocess.run([BIN / "gm_data", "pack", self.root / "images.idx", "--holdout", "0.2", "--out", path], check=True,
                       capture_output=True, timeout=DEADLINE_SECONDS)
        return path

    def test_runs_are_compared(self):
        self.train("<b>one</b>", "optimizer.learning_rate=0.001")
        self.train("two", "optimizer.learning_rate=0.002")
        self.report("<b>one</b>", "two", "--out", "both.html")
        text = self.page("both.html").text
        for part in ("2 runs compared", "<b>one</b>", "two", "optimizer.learning_rate 0.001 0.002"):
            self.assertIn(part, text)
        printed = self.report("<b>one</b>", "two", "--out", "-").stdout
        self.assertTrue(printed.startswith("<!DOCTYPE html>") and printed.rstrip().endswith("</html>"))

    def test_a_report_that_cannot_be_written_is_a_warning(self):
        (self.root / "blocked/report.html/x").mkdir(parents=True)
        done = self.run_program("gm_train", [f"data.path={self.data}", *SMALL, "run.dir=blocked"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("warning: the report of the run was not written", done.stderr)

    def test_a_long_run_makes_a_small_page_in_little_memory(self):
        run = self.root / "long"
        run.mkdir()
        (run / "config.toml").write_text("")
        line = '{{"kind":"train","step":{0},"images":{0},"time":{0},"loss":0.5,"gradient_norm":1.25}}\n'
        with (run / "metrics.jsonl").open("w") as file:
            file.writelines(line.format(step) for step in range(1, 300_001))
        self.report("long")
        self.assertLess((run / "report.html").stat().st_size, 500_000)
        self.assertIn("Steps 300,000 of", self.page("long/report.html").text)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 500_000, "kilobytes, of the largest child")

    def test_wrong_input_is_refused(self):
        self.train("fine")
        (self.root / "photos").mkdir()
        (self.root / "link.html").symlink_to("fine/metrics.jsonl")
        (self.root / "broken").mkdir()
        (self.root / "broken/config.toml").write_text("[train]\nsteps = many\n")
        for expected, arguments in (("no such file", ["none"]), ("is not a run directory", ["photos"]),
                                    ("config.toml:2", ["fine", "broken", "--out", "x.html"]), ("--out", ["fine", "fine"]),
                                    ("none", ["fine", "--out", "none/x.html"]), (".html", ["fine", "--out", "x.png"]),
                                    ("would overwrite", ["fine", "--out", "link.html"]), ("RUN", [])):
            with self.subTest(arguments):
                self.refuse(expected, program="gm_report", arguments=arguments)


class StoppedRun(FaultTest):
    def test_a_stopped_run_has_its_report_from_gm_report(self):
        process = self.start("stopped")
        wait_until(self.has_step("stopped", 3), process)
        process.terminate()
        self.assertEqual(self.end_of(process), 75, self.errors("stopped"))
        self.assertFalse((self.root / "stopped/report.html").exists(), "a stopped run ends soon")
        self.assertEqual(self.run_program("gm_report", ["stopped"]).returncode, 0)
        text = Page(self.root / "stopped/report.html").text
        self.assertIn("not finished", text)
        self.assertIn("Time left", text)
        self.resume("stopped", self.steps_to_end("stopped"))
        started = [line for line in self.lines("stopped", "event") if line["event"] == "started"]
        self.assertEqual([line["step"] > 0 for line in started], [False, True])
        self.assertRegex(json.dumps(started[-1]), "kernels")


if __name__ == "__main__":
    unittest.main()
