"""The rules, alerts and queries in monitoring/, checked by promtool: they are valid, and each alert fires when it should, and only
then. prometheus_test.py runs them in a server."""
import copy
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from support.monitoring import MONITORING, queries, with_values  # noqa: E402  (only found on the path above)

# Always and never, in place of an alert's expression.
ALWAYS = 'label_replace(vector(1), "run", "cats", "", "")'
NEVER = "vector(1) > 2"


def promtool(*arguments):
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def rules_of(listed):
    return {"groups": [{"name": "queries", "rules": [{"record": f"query:{number}", "expr": query}
                                                     for number, query in enumerate(listed)]}]}


class Rules(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="gm_test.")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for file in ("prometheus.yml", "rules.yml", "alerts.yml", "alerts_test.yml"):
            shutil.copy(MONITORING / file, self.folder)
        self.alerts = yaml.safe_load((MONITORING / "alerts.yml").read_text())

    def write(self, name, content):
        path = self.folder / name
        path.write_text(yaml.safe_dump(content))
        return path

    def alert_rules(self):
        return [rule for group in self.alerts["groups"] for rule in group["rules"]]

    def test_the_configuration_is_valid(self):
        done = promtool("check", "config", self.folder / "prometheus.yml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_alert_says_what_to_do(self):
        self.assertGreaterEqual(len(self.alert_rules()), 9)
        for rule in self.alert_rules():
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"), rule["alert"])
            self.assertIn("$labels.run", rule["annotations"]["summary"], rule["alert"])
            self.assertGreaterEqual(len(re.findall(r"\.(?: |$)", rule["annotations"]["description"])), 2, rule["alert"])

    def test_the_keys_that_alerts_name_exist(self):
        reference = (MONITORING.parent / "docs/configuration.md").read_text()
        text = " ".join(rule["annotations"]["description"] for rule in self.alert_rules())
        keys = set(re.findall(r"(?<![$\w])[a-z]+\.[a-z_]+\b", text)) - {"log.txt", "targets.json"}
        self.assertIn("checkpoint.every", keys)
        self.assertEqual([key for key in keys if f"`{key}`" not in reference], [])

    def test_alerts_fire_in_their_cases_only(self):
        done = promtool("test", "rules", self.folder / "alerts_test.yml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def mistakes_with(self, expression):
        """What the cases find if all alerts have this expression: (expected alerts, found alerts) of the cases that fail."""
        alerts = copy.deepcopy(self.alerts)
        for rule in alerts["groups"][0]["rules"]:
            rule["expr"] = expression
        self.write("alerts.yml", alerts)
        done = promtool("test", "rules", self.folder / "alerts_test.yml")
        self.assertEqual(done.returncode, 1, done.stdout)
        return [[set(re.findall(r'alertname="(\w+)"', text)) for text in pair]
                for pair in re.findall(r"exp: (.*)\n *got: (.*)", done.stderr)]

    def test_the_cases_notice_an_alert_that_always_or_never_fires(self):
        names = {rule["alert"] for rule in self.alert_rules()}
        self.assertIn([set(), names], self.mistakes_with(ALWAYS))  # in the case of the healthy run
        self.assertEqual(set().union(*(expected for expected, _ in self.mistakes_with(NEVER))), names)

    def test_every_query_of_the_dashboards_is_valid(self):
        listed = [with_values(query, "cats", "1m") for _, query in queries()]
        self.assertGreater(len(listed), 40)
        done = promtool("check", "rules", self.write("queries.yml", rules_of(listed)))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_invalid_query_is_noticed(self):
        for query in ('max(gm_step{run="$run"}', "rate(gm_steps_total{})", 'gm_step{run="$run",}}', "max by run (gm_step)"):
            done = promtool("check", "rules", self.write("queries.yml", rules_of([with_values(query, "cats", "1m")])))
            self.assertEqual(done.returncode, 1, query)


if __name__ == "__main__":
    unittest.main()
