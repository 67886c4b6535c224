"""The queries of the dashboards in monitoring/."""
import pathlib
import sys

MONITORING = pathlib.Path(__file__).resolve().parents[3] / "monitoring"
sys.path.insert(0, str(MONITORING))
import make_dashboards  # noqa: E402  (only found on the path above)


def queries():
    """(place, query) of every panel and annotation, with Grafana's variables."""
    for dashboard in (make_dashboards.RUN, make_dashboards.RUNS):
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{dashboard['title']}: {panel['title']}, {target['refId']}", target["expr"]
        for annotation in dashboard["annotations"]["list"]:
            yield f"{dashboard['title']}: {annotation['name']}", annotation["expr"]


def with_values(query, run, window):
    """The query as Grafana sends it."""
    for variable, value in {"$__rate_interval": window, "$run": run, "$rank": ".*"}.items():
        query = query.replace(variable, value)
    return query
