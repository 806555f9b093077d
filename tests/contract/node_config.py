"""Configuration files of nodes that share a machine: node n has its listener at a base port + n, gRPC at + 10 + n, and
listens for other nodes at + 20 + n."""
from conftest import KEY

NODE = """
[node]
id = {id}
data = "data/{id}"
[listen]
rest = "127.0.0.1:{rest}"
grpc = "127.0.0.1:{grpc}"
peer = "127.0.0.1:{peer}"
[[keys]]
id = "{key[aws_access_key_id]}"
secret = "{key[aws_secret_access_key]}"
name = "developer"
{more}
[cluster]
id = "c0ffee00c0ffee00c0ffee00c0ffee00"
partitions = {partitions}
mode = "active_active"
round_trip_ms = 5
{cluster}
"""


def ports(base, n):
    return {"rest": base + n, "grpc": base + 10 + n, "peer": base + 20 + n}


def node_config(base, n, partitions, cluster, more=""):
    """A node's file; `cluster` ends the section of that name, `more` are sections of their own."""
    return NODE.format(id=n, key=KEY, partitions=partitions, cluster=cluster, more=more, **ports(base, n))
