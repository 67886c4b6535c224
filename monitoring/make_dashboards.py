#!/usr/bin/env python3
"""Writes the Grafana dashboards in grafana/dashboards/ from the lists of panels below.
tests/style/check_dashboards.py fails if they are not current.
"""
import json
import pathlib

FOLDER = pathlib.Path(__file__).parent / "grafana/dashboards"
COLUMNS = 24  # of Grafana's grid
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
STATES = {0: ("no answer", "red"), 1: ("training", "green"), 2: ("no steps", "orange")}
ANSWERS = {0: ("no answer", "red"), 1: ("answers", "green")}

# Metrics that no panel shows, and why.
UNSHOWN = {}


# Panels. `limits` maps a colour to the value from which it is used.

def panel(kind, title, text, queries, unit, limits=None, width=12, height=8, **defaults):
    steps = [{"color": colour, "value": value} for colour, value in (limits or {"blue": None}).items()]
    fields = {"unit": unit, "color": {"mode": "thresholds" if kind != "timeseries" else "palette-classic"},
              "thresholds": {"mode": "absolute", "steps": steps}, **defaults}
    targets = [{"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": query, "legendFormat": legend}
               for number, (legend, query) in enumerate(queries.items())]
    return {"type": kind, "title": title, "description": text, "datasource": SOURCE, "targets": targets,
            "fieldConfig": {"defaults": fields, "overrides": []}, "gridPos": {"w": width, "h": height}}


def states(texts):
    """What Grafana shows in place of numbers."""
    return [{"type": "value", "options": {str(value): {"text": text, "color": colour, "index": index}
                                          for index, (value, (text, colour)) in enumerate(texts.items())}}]


def stat(title, text, query, unit, limits=None, **defaults):
    """One number: the newest."""
    made = panel("stat", title, text, {"": query}, unit, limits, width=4, height=4, **defaults)
    made["options"] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "textMode": "auto",
                       "colorMode": "value" if limits or "mappings" in defaults else "none", "graphMode": "none",
                       "justifyMode": "auto", "orientation": "auto"}
    return made


def name(title, text, query, label):
    """One label of a metric whose value is always 1."""
    made = stat(title, text, query, "none")
    made["targets"][0]["legendFormat"] = "{{" + label + "}}"
    made["options"]["textMode"] = "name"
    return made


def graph(title, text, queries, unit, limits=None, stacked=False, **more):
    made = panel("timeseries", title, text, queries, unit, limits, **more)
    made["fieldConfig"]["defaults"]["custom"] = {
        "drawStyle": "line", "lineWidth": 1, "fillOpacity": 30 if stacked else 0, "showPoints": "auto",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"}}
    made["options"] = {"legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull"]},
                       "tooltip": {"mode": "multi", "sort": "desc"}}
    return made


def timeline(title, text, queries, texts):
    """Bars over time, coloured by state."""
    made = panel("state-timeline", title, text, queries, "none", mappings=states(texts))
    made["options"] = {"mergeValues": True, "showValue": "never", "alignValue": "left", "rowHeight": 0.9,
                       "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                       "tooltip": {"mode": "single", "sort": "none"}}
    return made


def table(title, text, columns):
    """One line for each run. `columns`: title -> (query, unit)."""
    made = panel("table", title, text, {column: query for column, (query, _) in columns.items()}, "none", width=COLUMNS, height=9)
    for target in made["targets"]:
        target.update({"format": "table", "instant": True})
    letters = {column: target["refId"] for column, target in zip(columns, made["targets"], strict=True)}
    link = {"title": "this run", "url": "/d/gm-run?var-run=${__data.fields.run}&var-datasource=${datasource}&${__url_time_range}"}
    overrides = {"run": [{"id": "links", "value": [link]}],
                 **{column: [{"id": "unit", "value": unit}] for column, (_, unit) in columns.items()}}
    overrides["State"].append({"id": "mappings", "value": states(STATES)})
    overrides["State"].append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    made["fieldConfig"]["overrides"] = [{"matcher": {"id": "byName", "options": field}, "properties": properties}
                                        for field, properties in overrides.items()]
    made["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": {"Time": True},
                                       "renameByName": {f"Value #{letter}": column for column, letter in letters.items()}}}]
    made["options"] = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}}
    return made


# Dashboards.

def arranged(rows):
    """The panels of all rows from left to right, below one another, with numbers."""
    placed, y = [], 0
    for title, panels in rows.items():
        placed.append({"type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}})
        x, y, height = 0, y + 1, 0
        for made in panels:
            width = made["gridPos"]["w"]
            if x + width > COLUMNS:
                x, y, height = 0, y + height, 0
            made["gridPos"].update({"x": x, "y": y})
            x, height = x + width, max(height, made["gridPos"]["h"])
            placed.append(made)
        y += height
    return [{"id": number, **made} for number, made in enumerate(placed, 1)]


def variable(name, label, metric, many):
    query = f"label_values({metric}, {name})"
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "definition": query,
            "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1, "multi": many, "includeAll": many,
            **({"allValue": ".*", "current": {"text": "All", "value": "$__all"}} if many else {"current": {}})}


def dashboard(uid, title, text, variables, rows):
    restarts = {"name": "Restarts", "datasource": SOURCE, "enable": True, "iconColor": "purple",
                "titleFormat": "{{run}} starts again",
                "expr": 'changes(run:gm_start_timestamp_seconds:max{run=~"$run"}[1m]) > 0', "step": "30s"}
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}}
    link = {"title": "gm", "type": "dashboards", "tags": ["gm"], "asDropdown": False, "includeVars": True, "keepTime": True,
            "targetBlank": False, "icon": "external link"}
    return {"uid": uid, "title": title, "description": text, "tags": ["gm"], "schemaVersion": 39, "version": 1, "id": None,
            "editable": True, "graphTooltip": 1, "timezone": "browser", "refresh": "10s", "time": {"from": "now-1h", "to": "now"},
            "annotations": {"list": [restarts]}, "links": [link], "templating": {"list": [source, *variables]},
            "panels": arranged(rows)}


RUN = dashboard(
    "gm-run", "gm: one run", "State, progress and speed of one run, then its ranks, checkpoints, evaluation and memory.",
    [variable("run", "Run", "gm_build_info", many=False), variable("rank", "Rank", 'gm_build_info{run="$run"}', many=True)],
    {
        "Overview": [
            stat("State", "Whether the ranks answer, and whether steps are made.", 'run:gm_state{run="$run"}', "none",
                 mappings=states(STATES), noValue="ended"),
            stat("Progress", "Share of the planned steps that are done.",
                 'max(gm_step{run="$run"}) / max(gm_planned_steps{run="$run"})', "percentunit", min=0, max=1),
            stat("Time left", "Time to the last step, at the speed of the last five minutes.",
                 'run:gm_left_seconds{run="$run"}', "dtdurations"),
            stat("Loss", "Loss of the last step, the mean over all ranks.",
                 'max(gm_loss{run="$run",term="total"})', "short", decimals=4),
            stat("Throughput", "Images that all ranks together train on in a second.",
                 'max(rate(gm_samples_total{run="$run"}[$__rate_interval]))', "short", decimals=1),
            stat("Alerts", "Alerts of this run that fire now; Prometheus' page Alerts says what to do.",
                 'count(ALERTS{run="$run",alertstate="firing"}) or vector(0)', "none", {"green": None, "red": 1}),
            stat("Ranks missing", "Ranks of the run that do not answer Prometheus.",
                 'max(gm_world_size{run="$run"}) - count(up{run="$run"} == 1)', "none", {"green": None, "red": 1}, noValue="all"),
            stat("Last step", "Time since a step ended.", 'time() - run:gm_last_step_timestamp_seconds:max{run="$run"}', "s",
                 {"green": None, "orange": 60, "red": 300}, decimals=0),
            stat("Last checkpoint", "Time since a checkpoint was written; this work is lost if the run is killed now.",
                 'time() - max(gm_last_checkpoint_timestamp_seconds{run="$run"} > 0)', "dtdurations", noValue="none yet"),
            stat("Restarts", "How often the launcher has started the run again.", 'max(gm_restarts_total{run="$run"})', "none",
                 {"green": None, "orange": 1, "red": 5}),
            stat("Skipped steps", "Steps of this start whose loss or gradient was not finite, so that they changed no weights.",
                 'max(gm_skipped_steps_total{run="$run"})', "none", {"green": None, "orange": 1, "red": 10}),
            name("Version", "Version of gm.", 'max by (version) (gm_build_info{run="$run"})', "version"),
            graph("Loss", "Loss by term, the mean over all ranks, averaged between two points.",
                  {"{{term}}": 'max by (term) (avg_over_time(gm_loss{run="$run"}[$__rate_interval]))'}, "short"),
            graph("Throughput", "Images that all ranks together train on in a second.",
                  {"images/s": 'max(rate(gm_samples_total{run="$run"}[$__rate_interval]))'}, "short", min=0),
            graph("Learning rate", "Learning rate of the last step.",
                  {"learning rate": 'max(gm_learning_rate{run="$run"})'}, "sci", width=8),
            graph("Gradient norm", "Norm of the gradient before clipping; peaks come before a loss that is not finite.",
                  {"gradient norm": 'max(avg_over_time(gm_gradient_norm{run="$run"}[$__rate_interval]))'}, "short", width=8),
            graph("Epochs", "Passes over the training data since the run began.",
                  {"epochs": 'max(gm_epochs{run="$run"})'}, "short", width=8, min=0),
        ],
        "Parts of a step": [
            graph("Parts", "Mean seconds of a step by part, on the slowest rank of each part.",
                  {"{{part}}": 'max by (part) (rate(gm_step_part_seconds_sum{run="$run"}[$__rate_interval])'
                               ' / rate(gm_step_part_seconds_count{run="$run"}[$__rate_interval]))'}, "s", stacked=True, min=0),
            graph("Step time", "Median and 95th percentile of the steps of all ranks.",
                  {f"{percent} %": f'histogram_quantile({percent / 100}, '
                                   'sum by (le) (rate(gm_step_seconds_bucket{run="$run"}[$__rate_interval])))'
                   for percent in (50, 95)}, "s", min=0),
            graph("Share of time", "Share of the step time in which a rank waits for data, and for the reduction of the gradients.",
                  {"data": 'max(rate(gm_data_wait_seconds_total{run="$run"}[$__rate_interval])'
                           ' / rate(gm_step_seconds_sum{run="$run"}[$__rate_interval]))',
                   "reduction": 'max(rate(gm_step_part_seconds_sum{run="$run",part="reduction"}[$__rate_interval])'
                                ' / on (rank) rate(gm_step_seconds_sum{run="$run"}[$__rate_interval]))'},
                  "percentunit", {"green": None, "orange": 0.1, "red": 0.3}, min=0, max=1),
            graph("All-reduce", "Gradients that a rank sums in a second while it is summing them; the network limits it.",
                  {"mean of the ranks": 'avg(rate(gm_allreduce_bytes_total{run="$run"}[$__rate_interval])'
                                        ' / rate(gm_allreduce_seconds_total{run="$run"}[$__rate_interval]))'}, "Bps", min=0),
        ],
        "Ranks": [
            timeline("Answers", "Whether a rank answers Prometheus.",
                     {"rank {{rank}}": 'max by (rank) (up{run="$run",rank=~"$rank"})'}, ANSWERS),
            graph("Slowest rank", "Own time of the slowest rank in a step against the median rank; above the line, it delays all others.",
                  {"slowest / median": 'max(avg_over_time(gm_slowest_rank_ratio{run="$run"}[$__rate_interval]))'}, "none",
                  {"green": None, "orange": 1.25, "red": 1.5}, min=1),
            graph("Which rank is slowest", "Number of the slowest rank of the last step; a straggler is a line that stays at one rank.",
                  {"rank": 'max(gm_slowest_rank{run="$run"})'}, "none", min=0),
            graph("Own time by rank", "Mean seconds of forward and backward pass by rank; a straggler stands out.",
                  {"rank {{rank}}":
                   'max by (rank) (rate(gm_step_part_seconds_sum{run="$run",rank=~"$rank",part="forward_backward"}[$__rate_interval])'
                   ' / rate(gm_step_part_seconds_count{run="$run",rank=~"$rank",part="forward_backward"}[$__rate_interval]))'},
                  "s", min=0),
            graph("Watchdog", "Seconds until the watchdog would end the run; at 0, it does.",
                  {"rank {{rank}}": 'min by (rank) (gm_watchdog_margin_seconds{run="$run",rank=~"$rank"})'}, "s",
                  {"red": None, "green": 30}, min=0),
        ],
        "Checkpoints": [
            graph("Unsaved steps", "Steps that are lost if the run is killed now; far above the interval, saving is late.",
                  {"unsaved": 'max(gm_step{run="$run"} - gm_last_checkpoint_step{run="$run"})',
                   "interval": 'max(gm_checkpoint_interval_steps{run="$run"})'}, "none", min=0),
            graph("Checkpoints", "Checkpoints that this start of the run has written, and those that it could not write.",
                  {"written": 'max(gm_checkpoints_total{run="$run"})', "failed": 'max(gm_checkpoint_failures_total{run="$run"})'},
                  "none", min=0),
            graph("Seconds", "Seconds to write the last checkpoint.",
                  {"seconds": 'max(gm_checkpoint_seconds{run="$run"})'}, "s", min=0),
            graph("Size", "Bytes of the last checkpoint.",
                  {"bytes": 'max(gm_checkpoint_bytes{run="$run"})'}, "bytes", min=0),
        ],
        "Samples and evaluation": [
            graph("Evaluation", "Figures of the last evaluation; click one in the legend to see it alone.",
                  {"{{figure}}": 'max by (figure) (gm_evaluation{run="$run"})'}, "short"),
            graph("Duration", "Seconds of the last evaluation of each kind, and of the last grid of samples.",
                  {"{{evaluation}}": 'max by (evaluation) (gm_evaluation_seconds{run="$run"})',
                   "samples": 'max(gm_sampling_seconds{run="$run"})'},
                  "s", min=0),
        ],
        "Memory and files": [
            graph("Memory", "Memory of the ranks' processes by kind, on the rank that uses most.",
                  {"{{kind}}": 'max by (kind) (gm_memory_bytes{run="$run",rank=~"$rank"})'}, "bytes", min=0),
            graph("Lost lines", "Lines of metrics.jsonl that could not be written: the disk is full or gone.",
                  {"lines": 'max(gm_lost_metrics_lines_total{run="$run"})'}, "none", {"green": None, "red": 1}, min=0),
        ],
    })

RUNS = dashboard(
    "gm-runs", "gm: all runs", "All runs compared: state, loss, speed and evaluation.",
    [variable("run", "Run", "gm_build_info", many=True)],
    {
        "Overview": [
            table("Runs", "The runs that Prometheus knows now; a click on a name shows the run.", {
                "State": ('max by (run) (run:gm_state{run=~"$run"})', "none"),
                "Progress": ('max by (run) (gm_step{run=~"$run"}) / max by (run) (gm_planned_steps{run=~"$run"})', "percentunit"),
                "Time left": ('max by (run) (run:gm_left_seconds{run=~"$run"})', "dtdurations"),
                "Loss": ('max by (run) (gm_loss{run=~"$run",term="total"})', "short"),
                "Images/s": ('max by (run) (rate(gm_samples_total{run=~"$run"}[$__rate_interval]))', "short"),
                "Ranks": ('max by (run) (gm_world_size{run=~"$run"})', "none"),
                "Restarts": ('max by (run) (gm_restarts_total{run=~"$run"})', "none"),
                "Alerts": ('count by (run) (ALERTS{run=~"$run",alertstate="firing"})'
                           ' or 0 * max by (run) (run:gm_state{run=~"$run"})', "none"),
            }),
        ],
        "Curves": [
            graph("Loss", "Loss of each run, averaged between two points; losses of different tasks cannot be compared.",
                  {"{{run}}": 'max by (run) (avg_over_time(gm_loss{run=~"$run",term="total"}[$__rate_interval]))'}, "short"),
            graph("Throughput", "Images that all ranks of a run train on in a second.",
                  {"{{run}}": 'max by (run) (rate(gm_samples_total{run=~"$run"}[$__rate_interval]))'}, "short", min=0),
            graph("Evaluation", "Figures of the last evaluation of each run.",
                  {"{{run}} {{figure}}": 'max by (run, figure) (gm_evaluation{run=~"$run"})'}, "short"),
            graph("Steps", "Steps done by each run.", {"{{run}}": 'max by (run) (gm_step{run=~"$run"})'}, "short", min=0),
        ],
        "Health": [
            graph("Waiting for data", "Share of the step time in which a rank of the run waits for data.",
                  {"{{run}}": 'max by (run) (rate(gm_data_wait_seconds_total{run=~"$run"}[$__rate_interval])'
                              ' / rate(gm_step_seconds_sum{run=~"$run"}[$__rate_interval]))'},
                  "percentunit", {"green": None, "orange": 0.1, "red": 0.3}, min=0, max=1, width=8),
            graph("Slowest rank", "Own time of the slowest rank in a step against the median rank.",
                  {"{{run}}": 'max by (run) (avg_over_time(gm_slowest_rank_ratio{run=~"$run"}[$__rate_interval]))'}, "none",
                  {"green": None, "orange": 1.25, "red": 1.5}, min=1, width=8),
            graph("Restarts", "How often the launcher has started a run again.",
                  {"{{run}}": 'max by (run) (gm_restarts_total{run=~"$run"})'}, "none", min=0, width=8),
        ],
    })


def written():
    """The files and their texts."""
    return {FOLDER / name: json.dumps(made, indent=1) + "\n" for name, made in {"run.json": RUN, "runs.json": RUNS}.items()}


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text)
