"""Nodes that find each other in DNS, asked of a real DNS server on loopback; and what they say when they can't."""
import os
import socket
import subprocess
import urllib.request

import pytest

from conftest import PROGRAM, eventually
from dns_server import DnsServer
from node_config import node_config

PORT = int(os.environ.get("SIGNALBOX_DISCOVERY_PORT", "16500"))   # listeners +1.., gRPC +11.., peers +21..
SERVICE = "_signalbox._tcp.cluster.test"
REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-2"]

CLUSTER = """
discover = "{service}"
dns_server = "127.0.0.1:{dns}"
"""


def records():
    """Three nodes whose names only this server knows."""
    found = {(SERVICE, "SRV"): [(PORT + 20 + n, f"n{n}.cluster.test") for n in (1, 2, 3)]}
    for n, region in enumerate(REGIONS, start=1):
        found[(f"n{n}.cluster.test", "A")] = ["127.0.0.1"]
        found[(f"n{n}.cluster.test", "TXT")] = [[f"id={n}", f"region={region}", "kind=serving",
                                                 f"grpc=127.0.0.1:{PORT + 10 + n}",
                                                 f"rest_url=http://127.0.0.1:{PORT + n}"]]
    return found


@pytest.fixture
def dns():
    server = DnsServer(records())
    yield server
    server.close()


@pytest.fixture
def start(tmp_path):
    running = []

    def start(n, dns_port, service=SERVICE):
        file = tmp_path / f"{n}.toml"
        file.write_text(node_config(PORT, n, partitions=2, cluster=CLUSTER.format(service=service, dns=dns_port)))
        running.append(subprocess.Popen([PROGRAM, "serve", "--config", file.name], cwd=tmp_path,
                                        stderr=subprocess.PIPE, text=True))
        return running[-1]
    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stderr.close()


def words_of(process):
    """What a node says that stops while it starts."""
    _, said = process.communicate(timeout=30)
    assert process.returncode != 0
    return said


def test_three_nodes_find_each_other_and_make_a_cluster(dns, start):
    for n in (1, 2, 3):
        start(n, dns.port)

    def ready(n):
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT + n}/readyz", timeout=5) as answer:
            return answer.status == 200
    eventually(lambda: all(ready(n) for n in (1, 2, 3)), seconds=60)
    status = subprocess.run([PROGRAM, "status", "--endpoint", f"127.0.0.1:{PORT + 11}"], capture_output=True, text=True)
    assert all(region in status.stdout for region in REGIONS), status.stdout + status.stderr


def test_a_name_that_does_not_exist_is_named_with_its_key(dns, start):
    said = words_of(start(1, dns.port, service="_signalbox._tcp.nowhere.test"))
    assert "cluster.discover" in said and "_signalbox._tcp.nowhere.test has no SRV record" in said, said
    assert "make it, or correct the name" in said


def test_a_server_that_does_not_answer_is_reported(start):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        said = words_of(start(1, silent.getsockname()[1]))
    assert "cluster.discover" in said and SERVICE in said and "no DNS server answered" in said, said
    assert "cluster.dns_server" in said


@pytest.mark.parametrize("change, wrong, remedy", [
    (lambda text: text.replace("id=2", "id=two"), "id", "must be a positive number"),
    (lambda text: text.replace("kind=serving", "kind=both"), "kind", "must be serving or witness"),
    (lambda text: text.replace("region=", "place="), "region", "give it as a string of its own"),
])
def test_a_wrong_attribute_is_named_with_its_target(dns, start, change, wrong, remedy):
    texts = dns.records[("n2.cluster.test", "TXT")][0]
    dns.records[("n2.cluster.test", "TXT")] = [[change(text) for text in texts]]
    said = words_of(start(1, dns.port))
    assert "cluster.discover" in said and "TXT record of n2.cluster.test" in said, said
    assert f"wrong or missing {wrong}" in said and remedy in said


def test_a_node_that_dns_does_not_list_and_two_of_the_same_number_are_refused(dns, start):
    said = words_of(start(4, dns.port))
    assert "cluster.discover: must list this node, 4" in said, said
    texts = dns.records[("n2.cluster.test", "TXT")][0]
    dns.records[("n2.cluster.test", "TXT")] = [["id=1" if text == "id=2" else text for text in texts]]
    said = words_of(start(1, dns.port))
    assert "say that they are node 1" in said, said
