#!/usr/bin/env python3
"""Checks the Grafana dashboards in monitoring/: they are what make_dashboards.py writes, Grafana can load them without a click,
and every panel says what it shows. Whether the queries are valid is tested by tests/cluster/monitoring_rules_test.py, and
whether gm exports the metrics by tests/system/monitoring_test.py.

Usage: check_dashboards.py               checks the dashboards
       check_dashboards.py --self-test   checks that each mistake is found
"""
import copy
import itertools
import json
import re
import sys

from descriptions import ROOT

sys.path.insert(0, str(ROOT / "monitoring"))
import make_dashboards  # noqa: E402  (only found on the path above)

COLUMNS = 24
COUNTER = re.compile(r"_(total|sum|count|bucket)$")
SELECTOR = re.compile(r"([a-z_]\w*(?::\w+)*|ALERTS)\{([^}]*)\}")
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def queries_of(panel):
    return [target["expr"] for target in panel.get("targets", [])]


def overlap(one, two):
    return all(one[start] < two[start] + two[size] and two[start] < one[start] + one[size] for start, size in (("x", "w"), ("y", "h")))


def layout_problems(panels):
    numbers = [panel["id"] for panel in panels]
    if len(set(numbers)) < len(numbers):
        yield f"panels share an id: {numbers}"
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] < 0 or place["x"] + place["w"] > COLUMNS or place["h"] < 1:
            yield f"{panel['title']}: is outside of the {COLUMNS} columns"
    for one, two in itertools.combinations(panels, 2):
        if overlap(one["gridPos"], two["gridPos"]):
            yield f"{one['title']} and {two['title']} overlap"


def query_problems(query):
    if re.search(r"\[\d", query):
        yield f"a fixed window instead of $__rate_interval: {query}"
    for rated in re.findall(r"rate\((\w+)", query):
        if not COUNTER.search(rated):
            yield f"the rate of {rated}, which is no counter"
    selectors = SELECTOR.findall(query)
    if not selectors:
        yield f"no metric with a selector: {query}"
    for metric, selector in selectors:
        if not re.search(r'(^|,)run=~?"\$run"', selector):
            yield f"{metric} is not limited to $run"


def threshold_problems(steps):
    values = [step["value"] for step in steps]
    if not values or values[0] is not None or None in values[1:] or values[1:] != sorted(set(values[1:])):
        yield f"the thresholds must begin with null and rise: {values}"


def panel_problems(panel):
    if panel["type"] == "row":
        return
    text, fields = panel.get("description", ""), panel["fieldConfig"]["defaults"]
    if not re.fullmatch(r"[A-Z][^.]*(\.\w[^.]*)*\.", text):
        yield f"its description must be one sentence: {text!r}"
    if not fields.get("unit"):
        yield "no unit"
    yield from threshold_problems(fields.get("thresholds", {}).get("steps", []))
    if panel.get("datasource") != SOURCE or any(target.get("datasource") != SOURCE for target in panel["targets"]):
        yield "its datasource must be the variable"
    letters = [target["refId"] for target in panel["targets"]]
    if not letters or len(set(letters)) < len(letters):
        yield f"no queries, or some share a letter: {letters}"
    for query in queries_of(panel):
        yield from query_problems(query)


def variable_problems(dashboard):
    defined = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    text = json.dumps({key: value for key, value in dashboard.items() if key != "templating"})
    text += json.dumps([variable.get("query", "") for variable in defined.values()])
    used = {name for pair in re.findall(r"\$(?:\{(\w+)\}|(\w+))", text) for name in pair if name and not name.startswith("__")}
    if used != set(defined):
        yield f"variables are used, but not defined, or the reverse: {sorted(used ^ set(defined))}"
    if defined.get("datasource", {}).get("type") != "datasource":
        yield "there must be a variable `datasource`"


def dashboard_problems(dashboard):
    if not dashboard.get("uid") or dashboard.get("id") is not None or not dashboard.get("title") or not dashboard.get("description"):
        yield "needs uid, title and description, and no id"
    if not isinstance(dashboard.get("schemaVersion"), int) or dashboard["schemaVersion"] < 36:
        yield "needs the schemaVersion of a Grafana that is maintained"
    if not any(link["keepTime"] and link["includeVars"] and set(link["tags"]) & set(dashboard["tags"]) for link in dashboard["links"]):
        yield "needs a link to the other dashboards that keeps time and variables"
    yield from variable_problems(dashboard)
    yield from layout_problems(dashboard["panels"])
    for panel in dashboard["panels"]:
        if not panel.get("title"):
            yield f"panel {panel['id']} has no title"
        yield from (f"{panel.get('title')}: {problem}" for problem in panel_problems(panel))


def self_test():
    """Each mistake, made in a dashboard that is otherwise right, must be found."""
    def first(dashboard, kind="stat"):
        return next(panel for panel in dashboard["panels"] if panel["type"] == kind)
    mistakes = {
        "no uid": lambda d: d.pop("uid"),
        "an id": lambda d: d.update(id=3),
        "no schema version": lambda d: d.pop("schemaVersion"),
        "a link that forgets the time": lambda d: d["links"][0].update(keepTime=False),
        "no datasource variable": lambda d: d["templating"]["list"].pop(0),
        "an unused variable": lambda d: d["templating"]["list"].append({"name": "host"}),
        "an undefined variable": lambda d: first(d)["targets"][0].update(expr='gm_step{run="$run",host="$host"}'),
        "two panels with one id": lambda d: first(d).update(id=d["panels"][-1]["id"]),
        "overlapping panels": lambda d: first(d)["gridPos"].update(w=5),
        "a panel outside": lambda d: d["panels"][-1]["gridPos"].update(x=20),
        "no title": lambda d: first(d).update(title=""),
        "no description": lambda d: first(d).pop("description"),
        "two sentences": lambda d: first(d).update(description="One. Two."),
        "no unit": lambda d: first(d)["fieldConfig"]["defaults"].pop("unit"),
        "falling thresholds": lambda d: first(d)["fieldConfig"]["defaults"]["thresholds"]["steps"].extend(
            [{"color": "red", "value": 3}, {"color": "red", "value": 2}]),
        "a fixed datasource": lambda d: first(d)["targets"][0].update(datasource={"type": "prometheus", "uid": "mine"}),
        "no queries": lambda d: first(d).update(targets=[]),
        "two queries with one letter": lambda d: first(d)["targets"].append(first(d)["targets"][0]),
        "a fixed window": lambda d: first(d)["targets"][0].update(expr='rate(gm_steps_total{run="$run"}[5m])'),
        "the rate of a gauge": lambda d: first(d)["targets"][0].update(expr='rate(gm_loss{run="$run"}[$__rate_interval])'),
        "all runs": lambda d: first(d)["targets"][0].update(expr='max(gm_step{rank="$rank"})'),
    }
    for what, make in mistakes.items():
        dashboard = copy.deepcopy(make_dashboards.RUN)
        make(dashboard)
        assert list(dashboard_problems(dashboard)), f"not found: {what}"
    print(f"all {len(mistakes)} mistakes were found")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    problems = []
    for path, text in make_dashboards.written().items():
        if not path.exists() or path.read_text() != text:
            problems.append(f"{path.name} is not current: run monitoring/make_dashboards.py")
        problems += [f"{path.name}: {problem}" for problem in dashboard_problems(json.loads(text))]
    print("\n".join(problems))
    print(f"{len(make_dashboards.written())} dashboards, {len(problems)} problems")
    return sys.exit(bool(problems))


if __name__ == "__main__":
    main()
