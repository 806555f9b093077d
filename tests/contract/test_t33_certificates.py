"""Three processes that speak TLS everywhere: what clients see, renewing keys, certificates and the authority without a
restart, and a node of another cluster at a member's address."""
import json
import os
import signal
import socket
import ssl
import subprocess
import urllib.request

import boto3
import botocore.config
import botocore.exceptions
import pytest

from conftest import KEY, PROGRAM, REGIONS, eventually
from node_config import node_config, ports

PORT = int(os.environ.get("SIGNALBOX_TLS_PORT", "16700"))   # listeners +1.., gRPC +11.., peers +21..
NODE = """
[[cluster.nodes]]
id = {id}
region = "{region}"
peer = "127.0.0.1:{peer}"
grpc = "127.0.0.1:{grpc}"
rest_url = "https://127.0.0.1:{rest}"
"""
TLS = """
[tls.peer]
ca = "tls/ca.pem"
certificate = "tls/node-{id}.pem"
key = "tls/node-{id}-key.pem"
[tls.listen]
certificate = "tls/node-{id}.pem"
key = "tls/node-{id}-key.pem"
[[keys]]
id = "AKIASECOND"
secret_file = "second.secret"
name = "second"
"""


def run(*args, cwd=None):
    return subprocess.run([PROGRAM, *args], cwd=cwd, capture_output=True, text=True, timeout=60)


def ok(*args, cwd=None):
    done = run(*args, cwd=cwd)
    assert done.returncode == 0, f"{args}: {done.stderr}"
    return done.stdout


class Nodes:
    def __init__(self, folder):
        self.folder, self.running = folder, {}
        init = ok("certs", "init", "--dir", "tls", cwd=folder)
        self.cluster = init.split('id = "')[1].split('"')[0]
        self.issue("tls")
        self.secret("first-secret-of-the-second-key")

    def issue(self, authority):
        for n, region in enumerate(REGIONS, 1):
            ok("certs", "issue", "--dir", authority, "--node", str(n), "--region", region, "--host", "127.0.0.1",
               cwd=self.folder)

    def secret(self, text):
        path = self.folder / "second.secret"
        path.write_text(text + "\n")
        path.chmod(0o600)

    def start(self, n, tls="tls", cluster=None, data=None):
        nodes = "".join(NODE.format(id=m, region=region, **ports(PORT, m)) for m, region in enumerate(REGIONS, 1))
        text = node_config(PORT, n, 2, cluster=nodes, more=TLS.format(id=n).replace('"tls/', f'"{tls}/'))
        text = text.replace("c0ffee00" * 4, cluster or self.cluster)
        text = text.replace(f'data = "data/{n}"', f'data = "{data or f"data/{n}"}"')
        path = self.folder / f"{n}.toml"
        path.write_text(text)
        path.chmod(0o600)
        log = open(self.folder / f"{n}.log", "a")
        self.running[n] = subprocess.Popen([PROGRAM, "serve", "--config", f"{n}.toml"], cwd=self.folder,
                                           stdout=log, stderr=log)

    def kill(self, n):
        process = self.running.pop(n)
        process.kill()
        process.wait()

    def hang_up(self):
        for process in self.running.values():
            process.send_signal(signal.SIGHUP)

    def trust(self):
        return ssl.create_default_context(cafile=self.folder / "tls" / "ca.pem")

    def ready(self, n):
        url = f"https://127.0.0.1:{ports(PORT, n)['rest']}/readyz"
        with urllib.request.urlopen(url, timeout=5, context=self.trust()) as answer:
            return answer.status == 200

    def cli(self, n, *args):
        place = f"https://127.0.0.1:{ports(PORT, n)['grpc']}"
        return run(*args, "--endpoint", place, "--ca", str(self.folder / "tls" / "ca.pem"))

    def client(self, n, key):
        config = botocore.config.Config(retries={"max_attempts": 1, "mode": "standard"}, read_timeout=30)
        return boto3.client("pinpoint", region_name=REGIONS[n - 1], config=config, verify=str(self.folder / "tls" / "ca.pem"),
                            endpoint_url=f"https://127.0.0.1:{ports(PORT, n)['rest']}", **key)

    def status(self, n):
        done = self.cli(n, "status", "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def shown(self, n):
        """The certificate that a node's REST listener shows."""
        with socket.create_connection(("127.0.0.1", ports(PORT, n)["rest"]), timeout=5) as plain:
            with self.trust().wrap_socket(plain, server_hostname="127.0.0.1") as stream:
                return stream.getpeercert(binary_form=True)


@pytest.fixture
def nodes(tmp_path):
    made = Nodes(tmp_path)
    for n in (1, 2, 3):
        made.start(n)
    try:
        eventually(lambda: all(made.ready(n) for n in (1, 2, 3)), seconds=60)
        yield made
    finally:
        for process in made.running.values():
            process.kill()
            process.wait()


def writes(nodes, n, key=KEY):
    return nodes.client(n, key).create_app(CreateApplicationRequest={"Name": "tls"})["ApplicationResponse"]["Id"]


def test_keys_certificates_and_the_authority_are_renewed_while_the_nodes_run(nodes):
    writes(nodes, 1)
    assert len(nodes.status(2)["nodes"]) == 3
    with pytest.raises(Exception):
        urllib.request.urlopen(f"http://127.0.0.1:{ports(PORT, 1)['rest']}/livez", timeout=5)
    untrusted = run("status", "--endpoint", f"https://127.0.0.1:{ports(PORT, 1)['grpc']}")
    assert untrusted.returncode == 3 and "certificate" in untrusted.stderr, untrusted.stderr
    plain = run("status", "--endpoint", f"http://127.0.0.1:{ports(PORT, 1)['grpc']}")
    assert plain.returncode == 3, plain.stderr

    # A key's secret.
    first = {"aws_access_key_id": "AKIASECOND", "aws_secret_access_key": "first-secret-of-the-second-key"}
    second = {**first, "aws_secret_access_key": "another-one"}
    writes(nodes, 1, first)
    with pytest.raises(botocore.exceptions.ClientError):
        writes(nodes, 1, second)
    nodes.secret("another-one")
    nodes.hang_up()
    eventually(lambda: writes(nodes, 1, second))
    with pytest.raises(botocore.exceptions.ClientError):
        writes(nodes, 1, first)
    # One that can't be used changes nothing.
    (nodes.folder / "second.secret").chmod(0o644)
    nodes.hang_up()
    eventually(lambda: "chmod 640" in (nodes.folder / "1.log").read_text())
    writes(nodes, 1, second)
    (nodes.folder / "second.secret").chmod(0o600)

    # The authority: first both are trusted, then everybody has a new certificate, then the old one is not trusted.
    shown = nodes.shown(1)
    ok("certs", "rotate", "--dir", "tls", cwd=nodes.folder)
    nodes.hang_up()
    nodes.issue("tls")
    nodes.hang_up()
    eventually(lambda: nodes.shown(1) != shown and nodes.shown(3))
    nodes.kill(2)
    nodes.start(2)
    eventually(lambda: nodes.ready(2), seconds=30)
    ok("certs", "rotate", "--dir", "tls", "--finish", cwd=nodes.folder)
    nodes.hang_up()
    nodes.kill(3)
    nodes.start(3)
    eventually(lambda: nodes.ready(3), seconds=30)
    # What was killed was evacuated, and waits for a person.
    eventually(lambda: all({alarm["name"] for alarm in nodes.status(n)["alarms"]} <= {"region_evacuated"}
                           for n in (1, 2, 3)), seconds=20)
    writes(nodes, 3)


def test_a_node_of_another_cluster_at_a_members_address_stays_a_stranger(nodes):
    app = writes(nodes, 1)
    nodes.kill(3)
    # The same number, region and address, with certificates of another cluster's authority.
    stranger = ok("certs", "init", "--dir", "other", cwd=nodes.folder).split('id = "')[1].split('"')[0]
    nodes.issue("other")
    refused = run("serve", "--config", "3.toml", "--set", f"cluster.id={stranger}", cwd=nodes.folder)
    assert refused.returncode == 1 and "it is not for node-3.ap-southeast-2" in refused.stderr, refused.stderr
    nodes.start(3, tls="other", cluster=stranger)
    assert nodes.running[3].wait(timeout=30) == 1
    assert f"of cluster {nodes.cluster}" in (nodes.folder / "3.log").read_text(), "another cluster's data was opened"
    nodes.start(3, tls="other", cluster=stranger, data="data/other")
    before = [group["term"] for group in nodes.status(1)["groups"]]
    eventually(lambda: any(
        alarm["name"] == "node_refused" and alarm["subject"] == "node 3" for alarm in nodes.status(1)["alarms"]))
    for _ in range(20):
        writes(nodes, 2)
    assert [group["term"] for group in nodes.status(1)["groups"]] == before, "the terms rose"
    assert nodes.client(1, KEY).get_app(ApplicationId=app)
