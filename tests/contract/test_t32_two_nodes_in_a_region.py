"""A region of two nodes: the groups are spread over them, and either listener answers everything."""
import json
import os
import subprocess
import urllib.request

import boto3
import botocore.config
import pytest

from conftest import KEY, PROGRAM, eventually
from node_config import node_config, ports
from test_t50_region_loss import NOTICE

PORT = int(os.environ.get("SIGNALBOX_PAIR_PORT", "16600"))   # listeners +1.., gRPC +11.., peers +21.., sandbox +40
NODES = {1: "us-east-1", 2: "us-east-1", 3: "eu-west-1", 4: "ap-southeast-2"}
PARTITIONS = 8

SANDBOX = """
[providers]
sandbox = "http://127.0.0.1:{port}"
sandbox_secrets = ["whsec_c2lnbmFsYm94LWtpdC1jYWxsYmFja3Mh"]   # what the sandbox signs with by default
"""
NODE = """
[[cluster.nodes]]
id = {id}
region = "{region}"
peer = "127.0.0.1:{peer}"
grpc = "127.0.0.1:{grpc}"
rest_url = "http://127.0.0.1:{rest}"
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    sandbox = os.path.join(os.path.dirname(PROGRAM), "signalbox-sandbox")
    callbacks = [argument for n in NODES for argument in ("--callback", f"http://127.0.0.1:{PORT + n}")]
    running = [subprocess.Popen([sandbox, "--listen", f"127.0.0.1:{PORT + 40}", *callbacks], cwd=folder,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
    for n in NODES:
        nodes = "".join(NODE.format(id=other, region=region, **ports(PORT, other)) for other, region in NODES.items())
        text = node_config(PORT, n, PARTITIONS, cluster=nodes, more=SANDBOX.format(port=PORT + 40))
        (folder / f"{n}.toml").write_text(text)
        log = open(folder / f"{n}.log", "w")
        running.append(subprocess.Popen([PROGRAM, "serve", "--config", f"{n}.toml"], cwd=folder, stdout=log, stderr=log))

    def ready(n):
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT + n}/readyz", timeout=5) as answer:
            return answer.status == 200
    try:
        eventually(lambda: all(ready(n) for n in NODES), seconds=60)
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def client(n):
    config = botocore.config.Config(retries={"max_attempts": 1, "mode": "standard"}, read_timeout=30)
    return boto3.client("pinpoint", region_name=NODES[n], endpoint_url=f"http://127.0.0.1:{PORT + n}", config=config, **KEY)


def cli(n, *args):
    done = subprocess.run([PROGRAM, *args, "--endpoint", f"127.0.0.1:{PORT + 10 + n}"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, f"{args} at {n}: {done.stderr}"
    return done.stdout


def outbox(app):
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT + 40}/outbox?app_id={app}", timeout=10) as answer:
        return [json.loads(line) for line in answer.read().decode().splitlines()]


def groups_of(n):
    return {group["group"] for group in json.loads(cli(n, "status", "--output", "json"))["groups"]}


def test_the_groups_are_spread_and_each_node_lacks_some(pair):
    first, second = groups_of(1), groups_of(2)
    assert first and second and not first & second
    assert first | second == set(range(PARTITIONS + 1))


def test_either_listener_answers_everything(pair):
    one, two = client(1), client(2)
    apps = []
    for n, (here, there) in enumerate([(one, two), (two, one)] * 3):   # six apps: their partitions are spread
        app = here.create_app(CreateApplicationRequest={"Name": f"pair {n}"})["ApplicationResponse"]["Id"]
        apps.append(app)
        assert here.get_app(ApplicationId=app)["ApplicationResponse"]["Name"] == f"pair {n}", "a listener sees its own writes"
        here.update_sms_channel(ApplicationId=app, SMSChannelRequest={"Enabled": True})
        here.update_endpoint(ApplicationId=app, EndpointId="e", EndpointRequest={
            "ChannelType": "SMS", "Address": f"+1206556{n:04}", "User": {"UserId": "u", "UserAttributes": {"Name": ["Ada"]}}})
        for listener in (here, there):
            got = eventually(lambda: listener.get_endpoint(ApplicationId=app, EndpointId="e")["EndpointResponse"])
            assert got["User"]["UserAttributes"] == {"Name": ["Ada"]}

    for n, app in enumerate(apps):
        listener = (one, two)[n % 2]
        to = {f"+1206557{n:02}{k:02}": {"ChannelType": "SMS"} for k in range(30)}
        got = listener.send_messages(ApplicationId=app, MessageRequest={
            "Addresses": to, "Endpoints": {"e": {}}, "MessageConfiguration": NOTICE})["MessageResponse"]
        ids = {r["MessageId"] for r in [*got["Result"].values(), *got["EndpointResult"].values()]}
        assert len(ids) == 31
        eventually(lambda: {m["message_id"] for m in outbox(app)} == ids)
        for node in (1, 2):
            cli(node, "opt-out", "put", "--app", app, "--channel", "SMS", f"+1206557{n:02}0{node}")
            accounting = json.loads(cli(node, "accounting", "--app", app, "--output", "json"))["total"]
            assert accounting["accepted"] == 31
        refused = listener.send_messages(ApplicationId=app, MessageRequest={
            "Addresses": {f"+1206557{n:02}01": {"ChannelType": "SMS"}}, "MessageConfiguration": NOTICE})
        assert {r["DeliveryStatus"] for r in refused["MessageResponse"]["Result"].values()} == {"OPT_OUT"}
        for message in list(ids)[:3]:
            for node in (1, 2):
                assert message in cli(node, "message", "get", message, "--output", "json")
    for node in (1, 2):
        assert "active" in cli(node, "traffic", "plan") and cli(node, "traffic", "history")


def test_a_restart_of_one_node_takes_the_region_out_and_back(pair):
    stopped = pair[2]
    stopped.terminate()
    stopped.wait(timeout=45)
    assert json.loads(cli(3, "traffic", "plan", "--output", "json"))["regions"]["us-east-1"] == "evacuated"
    pair[2] = subprocess.Popen(stopped.args, cwd=os.readlink(f"/proc/{pair[1].pid}/cwd"), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    eventually(lambda: json.loads(cli(3, "traffic", "plan", "--output", "json"))["regions"]["us-east-1"] == "active",
               seconds=40)
