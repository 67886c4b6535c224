"""The metrics of a live run are those that monitoring/ knows: its dashboards, rules, alerts and its list of metrics."""
import re
import signal
import socket
import unittest
import urllib.error
import urllib.request

from support.inpainting import Inpainting
from support.monitoring import MONITORING, make_dashboards, queries
from support.programs import wait_until

PROGRAMS = {"gm_train", "gm_sample", "gm_eval", "gm_data"}  # alerts name them


def names_in(text):
    """The metrics of gm that a query reads, as they are called in the help: without the parts of a histogram."""
    names = set(re.findall(r"(?<![\w:])gm_[a-z_]+(?![\w:])", text)) - PROGRAMS
    return {re.sub(r"_seconds_(sum|count|bucket)$", "_seconds", name) for name in names}


def shown():
    return names_in(" ".join(query for _, query in queries()))


def in_rules():
    lines = [line for name in ("rules.yml", "alerts.yml") for line in (MONITORING / name).read_text().splitlines()]
    return names_in("\n".join(line for line in lines if not line.lstrip().startswith("#")))


def listed():
    return set(re.findall(r"^\| `(gm_[a-z_]+)", (MONITORING / "README.md").read_text(), re.MULTILINE))


def problems_of(exported, shown, used, listed, unshown):
    """`exported`: by the run; `shown`: in dashboards; `used`: in rules; `listed`: in the README; `unshown`: on purpose."""
    yield from (f"no run exports {name}" for name in (shown | used | listed | unshown) - exported)
    yield from (f"neither a dashboard nor a rule shows {name}" for name in exported - shown - used - unshown)
    yield from (f"{name} is shown, and listed as not shown" for name in (shown | used) & unshown)
    yield from (f"monitoring/README.md does not list {name}" for name in exported - listed)


class Monitoring(Inpainting):
    def scrape(self, port):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        except (urllib.error.URLError, ConnectionError):
            return ""

    def exported(self):
        """The metrics of both ranks of a run that has sampled, evaluated and saved."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = self.start("watched", "sample.every=5", "evaluate.every=5", "evaluate.count=8", "run.task=inpaint",
                             f"telemetry.port={port}", ranks=2)
        wait_until(lambda: "\ngm_evaluation{" in self.scrape(port), process)
        text = self.scrape(port) + self.scrape(port + 1)
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(self.end_of(process), 75, self.errors("watched"))
        return set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))

    def test_metrics_are_exported_shown_and_listed(self):
        problems = list(problems_of(self.exported(), shown(), in_rules(), listed(), set(make_dashboards.UNSHOWN)))
        self.assertEqual(problems, [])

    def test_each_mistake_is_noticed(self):
        known = {"gm_loss", "gm_step"}
        for shown_, used, listed_, unshown in (({"gm_loss", "gm_los"}, known, known, set()), (known, known, {"gm_loss"}, set()),
                                               ({"gm_loss"}, set(), known, set()), (known, set(), known, {"gm_loss"}),
                                               (known, {"gm_stop"}, known, set()), (known, known, known, {"gm_gone"})):
            self.assertEqual(len(list(problems_of(known, shown_, used, listed_, unshown))), 1)
        self.assertEqual(list(problems_of(known, {"gm_loss"}, set(), known, {"gm_step"})), [])

    def test_names_are_found_in_queries(self):
        self.assertEqual(names_in('rate(gm_step_seconds_sum{run="a"}[1m]) / gm_steps_total + run:gm_state:max - run:gm_x'),
                         {"gm_step_seconds", "gm_steps_total"})


if __name__ == "__main__":
    unittest.main()
