#!/usr/bin/env python3
"""Checks the metrics with parsers of others: prometheus-client, promtool, and a Prometheus that scrapes a node.

usage: python3 check.py --node PROGRAM --usage PROGRAM --folder DIR [--prometheus PROGRAM --promtool PROGRAM]

The node is the example serve_metrics: it counts what it is told to, and exports to a ledger. --usage is the program
ron-accounting, which shows what that ledger has. DIR is overwritten. Without --prometheus and --promtool, only the parsers
of prometheus-client are asked.

Checked are: both formats hold the same series and types. promtool finds nothing to improve. Prometheus scrapes the node,
and its sums equal the ledger's to the unit, also after evictions. The queries of docs/metrics.md have answers. Rules,
scrape configuration and dashboard of docs/ops are valid, and the rules' own tests pass.

Prints what it checked and then `ok`. The first thing that is not so ends the program with exit 1.
"""

import argparse
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
    from prometheus_client.parser import text_string_to_metric_families as parse_text
except ImportError as error:
    requirements = Path(__file__).with_name("requirements.txt")
    sys.exit(f"{error}: install what this program needs with `python3 -m pip install -r {requirements}`")

ROOT = Path(__file__).resolve().parents[2]
OPS = ROOT / "docs" / "ops"
METRICS_PAGE = ROOT / "docs" / "metrics.md"
PATIENCE_SECONDS = 60
OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TEXT = "text/plain;version=0.0.4"
USAGE = {"requests": "requests_total", "bytes_in": "bytes_in_total", "bytes_out": "bytes_out_total"}


class Violation(Exception):
    """What was found, and where it was expected to be otherwise."""


def require(condition, message):
    if not condition:
        raise Violation(message)


def waited_for(what, ask):
    """Asks again and again, until the answer is neither None nor an error of the connection."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    last = None
    while time.monotonic() < deadline:
        try:
            answer = ask()
        except (urllib.error.URLError, ConnectionError) as error:
            answer, last = None, error
        if answer is not None:
            return answer
        time.sleep(0.05)
    raise Violation(f"{what} did not come within {PATIENCE_SECONDS} s; the last error: {last}")


class Node:
    """The program that is scraped."""

    def __init__(self, program, folder):
        self.process = subprocess.Popen(
            [program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        line = self.process.stdout.readline().strip()
        require(line.startswith("listening on http://"), f"the node says {line!r}")
        self.url = line.removeprefix("listening on ")

    def do(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().strip()
        require(line == "done", f"the node says {line!r} to {command!r}")

    def get(self, accept):
        request = urllib.request.Request(self.url, headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.headers["Content-Type"], answer.read().decode("utf-8")

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Prometheus:
    """A Prometheus that scrapes one address."""

    def __init__(self, program, folder, address):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        rules = "".join(f"  - {OPS / name}\n" for name in ("recording-rules.yml", "alerting-rules.yml"))
        config = folder / "prometheus.yml"
        # The job of docs/ops/prometheus.yml, scraped more often and at the node's address.
        config.write_text(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 1s\n"
            f"rule_files:\n{rules}"
            f"scrape_configs:\n  - job_name: ron-accounting\n    honor_labels: true\n"
            f"    static_configs:\n      - targets: ['{address}']\n"
        )
        self.url = f"http://127.0.0.1:{port}"
        self.output = (folder / "prometheus.out").open("w")
        self.process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    def ask(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=PATIENCE_SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:
                raise ConnectionError("it is starting") from error
            raise Violation(f"{path} {parameters}: {error.read().decode('utf-8', 'replace')}") from error

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def value(self, expression):
        result = self.query(expression)
        require(len(result) <= 1, f"{expression} has {len(result)} answers")
        return int(float(result[0]["value"][1])) if result else None

    def by(self, label, expression):
        return {row["metric"].get(label, ""): int(float(row["value"][1])) for row in self.query(expression)}

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.output.close()


def usage_series(families):
    """The series of usage: name, labels and value."""
    samples = (sample for family in families for sample in family.samples)
    return {(s.name, *sorted(s.labels.items())): s.value for s in samples if "tenant" in s.labels}


def check_formats(node):
    text_type, text = node.get(TEXT)
    open_type, openmetrics = node.get(OPENMETRICS)
    require(text_type == "text/plain; version=0.0.4; charset=utf-8", f"the type of text is {text_type!r}")
    require(open_type == f"{OPENMETRICS.replace(';', '; ')}; charset=utf-8", f"the type is {open_type!r}")
    from_text, from_open = list(parse_text(text)), list(parse_openmetrics(openmetrics))
    types = [{family.name: family.type for family in families} for families in (from_text, from_open)]
    require(types[0] == types[1], f"families differ: {set(types[0].items()) ^ set(types[1].items())}")
    require("unknown" not in types[0].values(), f"a family without a type: {types[0]}")
    for family in (*from_text, *from_open):
        require(family.documentation and family.samples, f"{family.name} has no help or no sample")
    usage = [usage_series(families) for families in (from_text, from_open)]
    require(usage[0] and usage[0] == usage[1], "the usage differs between the formats")
    print(f"both formats: {len(types[0])} families, {len(usage[0])} series of usage")
    return text


def run(*command, **options):
    print("$ " + " ".join(str(word) for word in command), flush=True)
    result = subprocess.run(command, capture_output=True, text=True, **options)
    output = result.stdout + result.stderr
    require(result.returncode == 0, f"{command[0]} ended with {result.returncode}:\n{output}")
    return output


def check_files(promtool, text):
    output = run(promtool, "check", "metrics", input=text)
    require(not output.strip(), f"promtool would change the metrics:\n{output}")
    run(promtool, "check", "rules", OPS / "recording-rules.yml", OPS / "alerting-rules.yml")
    run(promtool, "check", "config", OPS / "prometheus.yml")
    run(promtool, "test", "rules", OPS / "rules-test.yml")


def ledger_sums(program, ledger, column):
    """What the ledger has by a column, dimension by dimension."""
    command = [program, "usage", "--ledger", ledger, "--by", f"dimension,{column}", "--format", "json"]
    rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    sums = {}
    for row in rows:
        sums.setdefault(row["dimension"], {})[row[column]] = int(row["inc"])
    return sums


def check_sums(prometheus, node, usage_program, ledger):
    node.do("seal")
    expected = ledger_sums(usage_program, ledger, "tenant")
    total = sum(expected["requests"].values())
    waited_for(f"a sum of {total}", lambda: prometheus.value("sum(requests_total)") == total or None)
    for dimension, by_tenant in expected.items():
        metric = USAGE.get(dimension, f'accounting_usage_total{{dimension="{dimension}"}}')
        found = prometheus.by("tenant", f"sum by (tenant) ({metric})")
        require(found == by_tenant, f"{dimension}: Prometheus has {found}, the ledger {by_tenant}")
    print(f"sums equal the ledger's: {total} requests, {len(expected)} dimensions, {len(expected['requests'])} tenants")
    return total


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def check_queries(prometheus):
    lines = [line for block in blocks(METRICS_PAGE, "promql") for line in block.splitlines()]
    queries = [line for line in lines if line and not line.startswith("#")]
    require(len(queries) >= 3, f"{METRICS_PAGE} has {len(queries)} queries")
    for query in queries:
        # How fast this machine exports is not the question, so that what is compared must have an answer, and the query none.
        compared, _, limit = query.rpartition(" < ")
        waited_for(f"an answer to {compared}", lambda: prometheus.query(compared) or None)
        print(f"{query}: {'yes' if prometheus.query(query) else f'not below {limit} here'}")


def check_rules(prometheus):
    def healthy():
        groups = prometheus.ask("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        bad = [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] == "err"]
        require(not bad, f"rules fail: {bad}")
        return rules if rules and all(rule["health"] == "ok" for rule in rules) else None

    rules = waited_for("an evaluation of all rules", healthy)
    for rule in rules:
        if rule["type"] == "recording":
            waited_for(f"a value of {rule['name']}", lambda: prometheus.query(rule["name"]) or None)
    print(f"{len(rules)} rules are evaluated")


def expressions(value):
    """All expressions of a dashboard."""
    if isinstance(value, dict):
        if isinstance(value.get("expr"), str):
            yield value["expr"]
        for inner in value.values():
            yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


def check_dashboard(prometheus):
    dashboard = json.loads((OPS / "dashboard.json").read_text())
    found = list(expressions(dashboard))
    require(len(found) >= 10, f"the dashboard has {len(found)} expressions")
    for expression in found:
        # What Grafana puts in.
        plain = re.sub(r"\$__rate_interval", "5m", expression)
        plain = re.sub(r"\$(job|instance|tenant|service)", ".*", plain)
        require("$" not in plain, f"an unknown variable in {expression}")
        waited_for(f"an answer to {expression}", lambda: prometheus.query(plain) or None)
    print(f"{len(found)} expressions of the dashboard have answers")


def check(arguments):
    folder = Path(arguments.folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    node = Node(arguments.node, folder)
    prometheus = None
    try:
        node.do("count 300 40000")
        node.do("count-accounts 50")
        text = check_formats(node)
        if arguments.prometheus:
            check_files(arguments.promtool, text)
            address = urllib.parse.urlsplit(node.url).netloc
            prometheus = Prometheus(arguments.prometheus, folder, address)
            waited_for("the first scrape", lambda: prometheus.value("sum(requests_total)"))
            ledger = folder / "usage.db"
            before = check_sums(prometheus, node, arguments.usage, ledger)
            # More label sets than there is room for.
            node.do("count 1500 40000")
            evicted = "sum(accounting_evictions_total)"
            waited_for("an eviction", lambda: (prometheus.value(evicted) or 0) > 0 or None)
            after = check_sums(prometheus, node, arguments.usage, ledger)
            require(after == before + 40_000, f"{after} is not {before} and 40,000")
            fallen = prometheus.value("sum(resets(instance_tenant:requests:sum[5m]))")
            require(fallen == 0, f"sums by tenant fell {fallen} times")
            check_rules(prometheus)
            check_queries(prometheus)
            check_dashboard(prometheus)
    finally:
        if prometheus:
            prometheus.stop()
        node.stop()


def main():
    parser = argparse.ArgumentParser()
    for name in ("node", "usage", "folder"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--prometheus")
    parser.add_argument("--promtool")
    arguments = parser.parse_args()
    if bool(arguments.prometheus) != bool(arguments.promtool):
        parser.error("--prometheus and --promtool go together")
    try:
        check(arguments)
    except Violation as violation:
        sys.exit(f"violation: {violation}")
    print("ok")


if __name__ == "__main__":
    main()
