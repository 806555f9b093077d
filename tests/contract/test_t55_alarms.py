"""What an operator is told and kept from, on real processes: a dead region gets no traffic unless it is named, and is taken
out again however often; lost regions, a lost majority, a refusing provider, a cut line and slow lines are told."""
import json
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from conftest import PROGRAM, REGIONS, Cluster, eventually
from node_config import node_config, ports
from test_t50_region_loss import NOTICE, send

DEV_PORT = 15100
BASE = 17500


@pytest.fixture
def hurt(tmp_path):
    made = Cluster(tmp_path / "cluster", DEV_PORT)
    made.start()
    eventually(lambda: all(made.ready(region) for region in REGIONS), seconds=60)
    yield made
    made.stop()


def alarms(cluster, region="eu-west-1"):
    done = cluster.cli("status", "--output", "json", region=region)
    return {(alarm["name"], alarm["subject"]): alarm for alarm in json.loads(done.stdout)["alarms"]}


def states(cluster):
    return json.loads(cluster.cli("traffic", "plan", "--output", "json").stdout)["regions"]


def test_a_dead_region_gets_no_traffic_and_is_taken_out_however_often(hurt):
    eventually(lambda: alarms(hurt) == {}, seconds=30)
    hurt.dev("kill", "us-east-1")
    eventually(lambda: states(hurt)["us-east-1"] == "evacuated")
    eventually(lambda: list(alarms(hurt)) == [("region_lost", "us-east-1")])
    refused = hurt.cli("traffic", "restore", "us-east-1", "--reason", "hope", check=False)
    assert refused.returncode != 0 and '"not_ready:us-east-1"' in refused.stderr, refused.stderr
    shift = hurt.cli("traffic", "shift", "us-east-1=1", "eu-west-1=1", "ap-southeast-2=1", "--reason", "hope")
    assert states(hurt)["us-east-1"] == "evacuated", shift.stdout
    for _ in range(8):   # more often than failovers were ever counted
        done = hurt.cli("traffic", "restore", "us-east-1", "--reason", "all the same",
                        "--even-if-not-ready", "us-east-1", "--output", "json")
        assert "overridden by name" in json.loads(done.stdout)["plan"]["evidence"]["not_ready:us-east-1"]
        eventually(lambda: states(hurt)["us-east-1"] == "evacuated", seconds=10)
    metrics = urllib.request.urlopen(hurt.listener("eu-west-1") + "/metrics", timeout=5).read().decode()
    assert 'signalbox_alarms{name="region_lost",severity="critical"} 1' in metrics

    hurt.dev("start", "us-east-1")
    eventually(lambda: hurt.ready("us-east-1"), seconds=60)
    eventually(lambda: list(alarms(hurt)) == [("region_evacuated", "us-east-1")], seconds=30)
    hurt.cli("traffic", "restore", "us-east-1", "--reason", "it is back")
    eventually(lambda: alarms(hurt) == {}, seconds=30)

    hurt.dev("kill", "us-east-1")
    hurt.dev("kill", "ap-southeast-2")
    told = eventually(lambda: (lambda raised: raised if ("majority_lost", "groups 0-4") in raised else None)(alarms(hurt)))
    assert "no_send_lease" not in {name for name, _ in told} and "region_not_ready" not in {name for name, _ in told}
    text = hurt.cli("status").stdout
    assert text.index("ALARM critical majority_lost") < text.index("REGION"), text
    for region in ("us-east-1", "ap-southeast-2"):
        hurt.dev("start", region)


def test_a_provider_that_takes_nothing_is_told(hurt):
    app = hurt.app()
    rule = {"name": "all", "channel": "SMS", "action": {"kind": "fail", "status": "permanent_failure"}}
    request = urllib.request.Request(hurt.sandbox + "/v1/faults", data=json.dumps({"rules": [rule]}).encode(), method="PUT")
    request.add_header("content-type", "application/json")
    urllib.request.urlopen(request, timeout=5).read()
    send(hurt.client("eu-west-1"), app, NOTICE, [f"+1720577{n:04}" for n in range(60)])
    told = eventually(lambda: alarms(hurt).get(("provider_refuses", "SMS")), seconds=30)
    assert told["severity"] == "critical" and "evacuate" in told["remedy"]


class Line:
    """A line between two nodes that can be slow or cut: what comes in at one port goes on to another."""

    def __init__(self, port, to):
        self.to, self.delay, self.cut = to, 0.0, False
        self.listener = socket.create_server(("127.0.0.1", port))
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            if self.cut:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.to), timeout=5)
            except OSError:
                near.close()
                continue
            self.open += [near, far]
            for one, other in ((near, far), (far, near)):
                queue = []
                threading.Thread(target=self.take, args=(one, queue), daemon=True).start()
                threading.Thread(target=self.give, args=(other, queue), daemon=True).start()

    def take(self, source, queue):
        try:
            while data := source.recv(65536):
                queue.append((time.monotonic() + self.delay, data))
        except OSError:
            pass
        queue.append((0, b""))

    def give(self, target, queue):
        while True:
            if not queue:
                time.sleep(0.0005)
                continue
            due, data = queue.pop(0)
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
            except OSError:
                return

    def end(self):
        self.cut = True
        for end in self.open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.fixture
def lines(tmp_path):
    """Three nodes; each reaches each other one over a line of its own. Returns the lines by (from, to)."""
    made, running = {}, []
    for n in (1, 2, 3):
        peers = ""
        for other in (1, 2, 3):
            at = ports(BASE, other)["peer"]
            if other != n:
                made[n, other] = Line(BASE + 100 + n * 10 + other, at)
                at = BASE + 100 + n * 10 + other
            peers += (f'[[cluster.nodes]]\nid = {other}\nregion = "{REGIONS[other - 1]}"\npeer = "127.0.0.1:{at}"\n'
                      f'grpc = "127.0.0.1:{ports(BASE, other)["grpc"]}"\n'
                      f'rest_url = "http://127.0.0.1:{ports(BASE, other)["rest"]}"\n')
        (tmp_path / f"{n}.toml").write_text(node_config(BASE, n, 2, peers))
        log = open(tmp_path / f"{n}.log", "w")
        running.append(subprocess.Popen([PROGRAM, "serve", "--config", f"{n}.toml"], cwd=tmp_path, stdout=log, stderr=log))
    yield made
    for process in running:
        process.kill()
        process.wait()


def status(n):
    endpoint = f"127.0.0.1:{ports(BASE, n)['grpc']}"
    done = subprocess.run([PROGRAM, "status", "--output", "json", "--endpoint", endpoint],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def told(n):
    return {(alarm["name"], alarm["subject"]) for alarm in status(n)["alarms"]}


def test_slow_lines_are_measured_and_a_cut_line_is_told(lines):
    eventually(lambda: all(told(n) == set() for n in (1, 2, 3)), seconds=60)
    assert all(node["round_trip_us"] < 25_000 for node in status(1)["nodes"] if node["node_id"] != 1)
    for line in lines.values():   # each way, so the round trip is ten times the configured one and more
        line.delay = 0.03
    eventually(lambda: {("round_trip_over", "node 2"), ("round_trip_over", "node 3")} <= told(1), seconds=30)
    measured = [node["round_trip_us"] for node in status(1)["nodes"] if node["node_id"] != 1]
    assert all(60_000 <= round_trip < 500_000 for round_trip in measured), measured
    for line in lines.values():
        line.delay = 0.0
    eventually(lambda: all(told(n) == set() for n in (1, 2, 3)), seconds=60)

    for pair in ((1, 2), (2, 1)):
        lines[pair].end()
    for n in (1, 2, 3):
        eventually(lambda: ("line_cut", "eu-west-1 - us-east-1") in told(n), seconds=20)
        assert "region_lost" not in {name for name, _ in told(n)}
