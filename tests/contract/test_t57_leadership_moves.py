"""While leadership moves from node to node nothing is wrong, and no listener says so: a load balancer that believed it
would send everybody elsewhere, and everywhere it would be the same."""
import threading
import urllib.error
import urllib.request

from conftest import REGIONS, eventually

MOVES = 12


def test_listeners_stay_ready_while_leadership_moves(cluster):
    stop, looks, refusals = threading.Event(), [0] * len(REGIONS), []

    def look(place, region):
        while not stop.is_set():
            try:
                with urllib.request.urlopen(cluster.listener(region) + "/readyz", timeout=5):
                    looks[place] += 1
            except urllib.error.HTTPError as refused:
                refusals.append((region, refused.code, refused.read().decode().strip()))
    threads = [threading.Thread(target=look, args=args) for args in enumerate(REGIONS)]
    for thread in threads:
        thread.start()
    try:
        for move in range(MOVES):
            group, to = str(move % 3), str(1 + move // 3 % 3)
            eventually(lambda: cluster.cli("cluster", "transfer", "--group", group, "--to", to, check=False)
                       .returncode == 0, seconds=20)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert min(looks) > MOVES, looks
    assert refusals == []
