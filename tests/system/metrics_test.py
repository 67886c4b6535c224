"""What Prometheus sees of a run: the metrics of each rank, and the file in which it finds them."""
import json
import os
import re
import signal
import time
import unittest
import urllib.error
import urllib.request

from support.programs import BIN, FaultTest, wait_until

EVERY_RANK = {
    "gm_build_info", "gm_start_timestamp_seconds", "gm_steps_total", "gm_last_step_timestamp_seconds", "gm_step_seconds",
    "gm_step_part_seconds", "gm_data_wait_seconds_total", "gm_allreduce_seconds_total", "gm_allreduce_bytes_total",
    "gm_memory_bytes", "gm_watchdog_margin_seconds"}
RANK_ZERO = {
    "gm_world_size", "gm_restarts_total", "gm_step", "gm_planned_steps", "gm_samples_total", "gm_epochs", "gm_loss",
    "gm_learning_rate", "gm_gradient_norm", "gm_skipped_steps_total", "gm_slowest_rank", "gm_slowest_rank_ratio",
    "gm_checkpoints_total", "gm_checkpoint_failures_total", "gm_checkpoint_seconds", "gm_checkpoint_bytes",
    "gm_checkpoint_interval_steps", "gm_last_checkpoint_timestamp_seconds", "gm_last_checkpoint_step",
    "gm_sampling_seconds", "gm_evaluation", "gm_evaluation_seconds", "gm_lost_metrics_lines_total"}
MOST_BYTES = 20_000  # of a scrape


def scrape(target):
    """The metrics of an endpoint, "" if it does not answer."""
    try:
        return urllib.request.urlopen(f"http://{target}/metrics", timeout=5).read().decode()
    except (urllib.error.URLError, ConnectionError):
        return ""


def families(text):
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def value(text, series):
    """nan if there is no such series."""
    return float((re.findall(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE) or ["nan"])[0])


class Metrics(FaultTest):
    FOLDER = "targets"  # for all runs
    SERVED = ["telemetry.port=9464", f"telemetry.discovery={FOLDER}"]  # a port that is taken is replaced

    def groups(self, path):
        """The groups of a discovery file; [] if there is none."""
        try:
            return json.loads((self.root / path).read_text())
        except FileNotFoundError:
            return []

    def files(self, run):
        """The discovery files of a run in the folder for all runs."""
        return sorted((self.root / self.FOLDER).glob(f"{run}-*.json"))

    def targets(self, run):
        return [group["targets"][0] for path in self.files(run) for group in self.groups(path)]

    def stop(self, run, process):
        os.kill(self.rank_processes(run)[0], signal.SIGTERM)
        self.assertEqual(self.end_of(process), 75, self.errors(run))

    def test_two_ranks_show_every_metric_and_are_found(self):
        data = self.root / "held.h5"  # with images for the evaluation
        self.check_output([BIN / "gm_data", "pack", self.root / "images.idx", "--out", data, "--holdout", "0.2"])
        process = self.start("shown", f"data.path={data}", "telemetry.port=9464", "checkpoint.every=2", "sample.every=3",
                             "evaluate.every=3", "evaluate.metrics=loss", ranks=2)
        wait_until(lambda: len(self.groups("shown/targets.json")) == 2, process)
        groups = self.groups("shown/targets.json")
        self.assertEqual([(group["labels"]["run"], group["labels"]["rank"]) for group in groups],
                         [("shown", "0"), ("shown", "1")])
        self.assertEqual([group["labels"]["host"] for group in groups], [os.uname().nodename] * 2)
        first, second = (group["targets"][0] for group in groups)
        wait_until(lambda: value(scrape(first), "gm_last_checkpoint_step") > 3, process)
        text, other = scrape(first), scrape(second)
        self.stop("shown", process)
        self.assertFalse((self.root / "shown/targets.json").exists(), "removed at the end")

        self.assertEqual(families(text), EVERY_RANK | RANK_ZERO)
        self.assertEqual(families(other), EVERY_RANK)
        self.assertNotRegex(text, r'[{,](run|rank|host)="', "these labels come from the discovery file")
        for shown in (text, other):
            self.assertLess(len(shown), MOST_BYTES)
            self.assertGreater(value(shown, "gm_steps_total"), 0)
            self.assertGreater(value(shown, "gm_allreduce_bytes_total"), 0)
            self.assertLess(value(shown, "gm_watchdog_margin_seconds"), 1000)
            self.assertAlmostEqual(value(shown, "gm_last_step_timestamp_seconds"), time.time(), delta=60)
        for series in ("gm_samples_total", "gm_epochs", 'gm_loss{term="total"}', "gm_checkpoint_bytes", "gm_checkpoints_total",
                       "gm_sampling_seconds", 'gm_evaluation{evaluation="loss",figure="loss_train"}'):
            self.assertGreater(value(text, series), 0, series)
        self.assertEqual(value(text, "gm_world_size"), 2)
        self.assertGreaterEqual(value(text, "gm_slowest_rank_ratio"), 1)

    def test_runs_on_one_machine_are_found_in_one_folder_until_their_end(self):
        runs = {name: self.start(name, *self.SERVED) for name in ("one", "two")}
        for name, process in runs.items():
            wait_until(lambda: self.targets(name), process)
        self.assertEqual(len({*self.targets("one"), *self.targets("two")}), 2, "each has a port of its own")
        self.assertRegex(self.errors("one") + self.errors("two"), "warning: port 9464 is taken")
        self.stop("one", runs["one"])
        self.assertEqual(self.files("one"), [])
        self.assertIn("gm_steps_total", scrape(self.targets("two")[0]))
        self.stop("two", runs["two"])
        self.assertEqual(self.files("two"), [])

    def test_the_file_of_a_killed_run_is_replaced_and_removed_by_the_next(self):
        process = self.start("killed", *self.SERVED, ranks=2)
        wait_until(lambda: len(self.targets("killed")) == 2, process)
        self.kill_all("killed", process)
        self.assertEqual(len(self.targets("killed")), 2, "a dead run is still known")
        process = self.start("killed", *self.SERVED)
        wait_until(lambda: len(self.targets("killed")) == 1, process)
        self.assertEqual(len(self.files("killed")), 1)
        self.stop("killed", process)
        self.assertEqual(self.files("killed"), [])

    def test_a_run_that_fails_removes_its_file(self):
        done = self.train("failed", *self.SERVED, fault={"PATH": "failed/checkpoints", "ACTION": "ENOSPC", "AT": 0, "FOREVER": 1})
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("could not be saved", self.last_message(done.stderr))
        self.assertEqual(self.files("failed"), [])

    def test_every_address_means_one_that_others_reach(self):
        process = self.start("open", *self.SERVED, "telemetry.address=0.0.0.0")
        wait_until(lambda: self.targets("open"), process)
        target = self.targets("open")[0]
        self.assertNotRegex(target, r"^(0\.0\.0\.0|127\.)")
        self.assertIn("gm_steps_total", scrape(target))
        self.stop("open", process)

    def test_a_folder_that_cannot_be_written_is_a_warning(self):
        (self.root / "file").write_text("")
        done = self.train("unfound", "telemetry.port=9464", "telemetry.discovery=file/folder", "train.steps=2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Prometheus cannot find the metrics of this run", done.stderr)


class Straggler(FaultTest):
    def test_a_rank_that_is_often_stopped_is_the_slowest(self):
        process = self.start("throttled", ranks=2)
        wait_until(self.has_step("throttled", 5), process)
        rank, path = self.rank_processes("throttled")[1], self.root / "throttled/metrics.jsonl"

        def is_seen():
            os.kill(rank, signal.SIGSTOP)
            time.sleep(1)  # much longer than a step, also on a busy machine
            os.kill(rank, signal.SIGCONT)
            time.sleep(0.02)
            ratios = re.findall(r'"slowest_rank":1,"slowest_ratio":([0-9.e+]+)}', path.read_text())
            return any(float(ratio) > 3 for ratio in ratios)
        wait_until(is_seen, process)
        os.kill(rank, signal.SIGTERM)
        self.assertEqual(self.end_of(process), 75, self.errors("throttled"))
        for line in self.lines("throttled", "train"):
            self.assertIn(line["slowest_rank"], (0, 1))
            self.assertGreaterEqual(line["slowest_ratio"], 1)

    def test_one_rank_has_none(self):
        self.assertNotIn("slowest_rank", self.lines(self.reference(), "train")[0])


if __name__ == "__main__":
    unittest.main()
