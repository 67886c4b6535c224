"""A real Prometheus server and real runs: it finds their ranks and shows every panel; alerts fire when a rank is stopped, slowed or
killed, and end when it recovers; a run does not depend on the server. The minutes of the rules are seconds here."""
import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from support.inpainting import Inpainting  # noqa: E402  (only found on the path above)
from support.monitoring import MONITORING, queries, with_values  # noqa: E402
from support.programs import wait_until  # noqa: E402

# What is replaced in the files of monitoring/, so that alerts fire within seconds.
SHORTER = {"prometheus.yml": [(r"\b5s\b", "500ms"), (r"\b3s\b", "400ms")],
           "rules.yml": [(r"\b(\d+)m\b", r"\1s"), (r"\bbool 120\b", "bool 4")],
           "alerts.yml": [(r"\b(\d+)m\b", r"\1s")]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """The HTTP interface of a Prometheus server."""
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path, **parameters):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
            return answer.read().decode()

    def is_ready(self):
        try:
            return "Ready" in self.get("/-/ready")
        except (urllib.error.URLError, ConnectionError):
            return False

    def query(self, query):
        """[(labels, value)]"""
        results = json.loads(self.get("/api/v1/query", query=query))["data"]["result"]
        return [(result["metric"], float(result["value"][1])) for result in results]

    def value(self, query):
        found = self.query(query)
        return found[0][1] if found else None

    def firing(self, run):
        """The alerts of the run that fire: name -> annotations."""
        alerts = json.loads(self.get("/api/v1/alerts"))["data"]["alerts"]
        return {alert["labels"]["alertname"]: alert["annotations"] for alert in alerts
                if alert["labels"]["run"] == run and alert["state"] == "firing"}


@contextlib.contextmanager
def slowed(process):
    """The process runs in a fifth of the time."""
    ended = threading.Event()

    def stop_and_continue():
        while not ended.is_set():
            os.kill(process, signal.SIGSTOP)
            time.sleep(0.008)
            os.kill(process, signal.SIGCONT)
            time.sleep(0.002)
    thread = threading.Thread(target=stop_and_continue)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Watched(Inpainting):
    # Nothing is learnt, so that no evaluation becomes worse; steps are long against the pauses of slowed().
    WATCHED = ["run.task=inpaint", "optimizer.learning_rate=0", "train.batch_size=64", "sample.every=20", "evaluate.every=20",
               "evaluate.count=8", "telemetry.discovery=targets"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, changes in SHORTER.items():
            text = (MONITORING / name).read_text()
            for pattern, shorter in changes:
                text, count = re.subn(pattern, shorter, text)
                assert count, f"{name}: nothing to shorten: {pattern}"
            (cls.root / name).write_text(text)
        (cls.root / "targets").mkdir()
        port = free_port()
        cls.server = Server(port)
        cls.prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={cls.root}/prometheus.yml", f"--storage.tsdb.path={cls.root}/prometheus",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"])
        wait_until(cls.server.is_ready, cls.prometheus)

    @classmethod
    def tearDownClass(cls):
        cls.prometheus.kill()
        cls.prometheus.wait()
        super().tearDownClass()

    def start_watched(self, run):
        """Starts a run on two ranks. Returns it once the server has found them."""
        process = self.start(run, *self.WATCHED, f"telemetry.port={free_port()}", ranks=2)
        self.addCleanup(process.kill)
        wait_until(lambda: self.ranks_up(run) == 2 and self.server.value(f'run:gm_state{{run="{run}"}}') == 1, process)
        return process

    def ranks_up(self, run):
        return self.server.value(f'count(up{{run="{run}"}} == 1)')

    def end(self, run, process):
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(self.end_of(process), 75, self.errors(run))

    def wait_until_firing(self, run, *alerts):
        wait_until(lambda: set(alerts) <= set(self.server.firing(run)))
        return self.server.firing(run)

    def test_alerts_of_a_stopped_rank(self):
        process = self.start_watched("stopped")
        rank = self.rank_processes("stopped")[1]
        os.kill(rank, signal.SIGSTOP)
        firing = self.wait_until_firing("stopped", "GmRunStalled", "GmRankMissing")
        self.assertEqual(firing["GmRankMissing"]["summary"], "ranks of stopped that do not answer: 1")
        self.assertIn("rank 1 on " + socket.gethostname(), firing["GmRankMissing"]["description"])
        os.kill(rank, signal.SIGCONT)
        wait_until(lambda: not self.server.firing("stopped"), process)
        self.end("stopped", process)

    def test_alert_of_a_slow_rank(self):
        process = self.start_watched("slowed")
        with slowed(self.rank_processes("slowed")[1]):
            firing = self.wait_until_firing("slowed", "GmStraggler")
        self.assertIn("it was rank 1.", firing["GmStraggler"]["description"])
        wait_until(lambda: not self.server.firing("slowed"), process)
        self.end("slowed", process)

    def test_alert_of_a_killed_run_that_starts_again(self):
        process = self.start_watched("killed")
        os.kill(self.rank_processes("killed")[1], signal.SIGKILL)
        self.end_of(process)
        self.wait_until_firing("killed", "GmRankMissing")
        wait_until(lambda: self.server.firing("killed")["GmRankMissing"]["summary"] == "ranks of killed that do not answer: 2")
        wait_until(lambda: self.server.value('run:gm_state{run="killed"}') == 0)
        process = self.start_watched("killed")
        wait_until(lambda: not self.server.firing("killed"), process)
        self.end("killed", process)

    def test_a_healthy_run_is_shown_without_alerts(self):
        process = self.start_watched("healthy")
        self.check_what_ranks_serve()
        self.check_idle_connections(process)
        self.check_panels(process)
        self.assertEqual(self.server.query('ALERTS{run="healthy",alertstate="firing"}'), [])
        self.end("healthy", process)
        self.assertEqual(os.listdir(self.root / "targets"), [])
        wait_until(lambda: self.server.query('up{run="healthy"}') == [])

    def check_what_ranks_serve(self):
        ranks = self.server.query('up{run="healthy"}')
        self.assertEqual([(labels["rank"], labels["host"], labels["job"]) for labels, _ in sorted(ranks, key=str)],
                         [(rank, socket.gethostname(), "gm") for rank in ("0", "1")])
        for labels, _ in ranks:
            text = urllib.request.urlopen(f"http://{labels['instance']}/metrics", timeout=5).read()
            self.assertLess(len(text), 20_000)
            done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def check_idle_connections(self, process):
        with contextlib.ExitStack() as connections:
            for labels, _ in self.server.query('up{run="healthy"}'):
                for sent in (b"", b"", b"", b"GET /metrics HTTP/1.1\r\n"):
                    connection = socket.create_connection(labels["instance"].split(":"))
                    connections.enter_context(connection).sendall(sent)
            opened = time.time()
            wait_until(lambda: self.server.value('min(timestamp(up{run="healthy"}))') > opened + 3, process)
            self.assertEqual(self.server.query('min_over_time(up{run="healthy"}[3s]) == 0'), [])

    def check_panels(self, process):
        for late in ('run:gm_left_seconds{run="healthy"}', 'run:gm_evaluation:max{run="healthy"}',
                     'gm_last_checkpoint_timestamp_seconds{run="healthy"} > 0'):
            wait_until(functools.partial(self.server.query, late), process)
        empty = [place for place, query in queries()
                 if not place.endswith("Restarts") and not self.server.query(with_values(query, "healthy", "5s"))]
        self.assertEqual(empty, [])


class WithoutServer(Inpainting):
    def test_a_run_that_nobody_watches_is_undisturbed(self):
        done = self.train("unwatched", f"telemetry.port={free_port()}", ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_undisturbed("unwatched", self.reference(2))


class Up(Inpainting):
    def up(self, *arguments, **more):
        return subprocess.run([MONITORING / "up", *map(str, arguments)], cwd=self.root, capture_output=True, text=True, timeout=60,
                              check=False, **more)

    def test_watches_a_run_that_starts_later(self):
        server_port = free_port()
        server = Server(server_port)
        up = subprocess.Popen([MONITORING / "up", "--port", str(server_port), "later"], cwd=self.root, text=True,
                              stdout=subprocess.PIPE, start_new_session=True)
        wait_until(server.is_ready, up)
        for _ in range(2):
            address = up.stdout.readline().split()[0]
            with urllib.request.urlopen(address, timeout=10) as page:
                self.assertIn("Prometheus", page.read().decode(), address)
        up.stdout.close()
        process = self.start("later", f"telemetry.port={free_port()}", ranks=2)
        wait_until(lambda: server.value('count(up{run="later"} == 1)') == 2, process)
        self.assertEqual(self.up("--port", server_port).returncode, 1)
        self.assertIn(f"--port {server_port + 1}", self.up("--port", server_port).stderr)
        process.send_signal(signal.SIGUSR1)
        self.end_of(process)
        os.killpg(up.pid, signal.SIGINT)
        self.assertEqual(up.wait(timeout=60), 0)

    def test_says_what_is_missing(self):
        programs = self.root / "programs"
        programs.mkdir()
        for name in ("bash", "realpath"):
            (programs / name).symlink_to(shutil.which(name))
        done = self.up("later", env={"PATH": str(programs)})
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt-get install prometheus", done.stderr)
        self.assertEqual(self.up("--port", "many").returncode, 2)
        self.assertEqual(self.up("--ports").returncode, 2)


if __name__ == "__main__":
    unittest.main()
