"""Sessions side by side, of both tiers: each looks everywhere for what belongs to the others and to the host."""

from __future__ import annotations

import base64
import json
import secrets
import socket
from typing import Any, Iterable

from openai import OpenAI

from conftest import Server, call, say
from test_compute import outputs, rest, shell, turn
from test_restart import send

#: What a machine leaves: files, a process with a name and a variable, and two that listen.
LEAVE = """
for folder in /workspace /tmp /dev/shm; do echo {marker} > $folder/{marker}; done
(NOTE={marker} bash -c 'exec -a {marker} sleep 600' > /dev/null 2>&1 &)
(python3 -c 'import socket, time
one, other = socket.socket(), socket.socket(socket.AF_UNIX)
one.bind(("127.0.0.1", 4711)); other.bind("\\0{marker}")
one.listen(); other.listen()
open("/tmp/listens", "w").close()
time.sleep(600)' > /dev/null 2>&1 &)
until [ -e /tmp/listens ]; do sleep 0.05; done
"""

#: Looks for texts that its own name, variables and files do not hold: they are told in base 64. In a guest the
#: programs of the image, which are the same that the process tier reads in whole, are looked at by name alone.
LOOK = """
import base64, contextlib, glob, json, os, socket, subprocess
told = json.load(open("/workspace/told.json"))
texts = [base64.b64decode(text) for text in told["texts"]]
begins = {text[:8] for text in texts}
found = []

def look(where, what):
    if any(begin in what for begin in begins):
        found.extend(f"{where}: {text!r}" for text in texts if text in what)

def read(path):
    # In pieces, each with the end of the one before: there are larger files than memory.
    with contextlib.suppress(OSError), open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        end = b""
        while piece := file.read(1 << 20):
            look(path, end + piece)
            end = piece[-128:]

find = ["find", "/", "-path", "/proc", "-prune", "-o", "-printf", "%y%p\\\\0"]
skipped = [b"/usr/", b"/lib", b"/opt/", b"/bin/", b"/sbin/", b"/var/lib/dpkg/"] if told["is_guest"] else []
count = 0
for listed in subprocess.run(find, capture_output=True).stdout.split(b"\\0"):
    kind, path = listed[:1], listed[1:]
    look("a name", path)
    # Where devices are bound over files, they are listed as such.
    is_device = path.startswith(b"/dev/") and not path.startswith(b"/dev/shm/")
    is_file = kind == b"f" and not is_device and not path.startswith(b"/sys/")
    if is_file and not any(path.startswith(one) for one in skipped):
        count += 1
        read(os.fsdecode(path))
for pattern in ["/proc/[0-9]*/environ", "/proc/[0-9]*/cmdline", "/proc/[0-9]*/mountinfo", "/proc/[0-9]*/cgroup",
                "/proc/net/*", "/proc/mounts", "/proc/cmdline", "/proc/sysvipc/*", "/proc/keys", "/proc/locks"]:
    for path in glob.glob(pattern):
        read(path)
for pattern in ["/proc/[0-9]*/fd/*", "/proc/[0-9]*/cwd", "/proc/[0-9]*/root", "/proc/[0-9]*/exe"]:
    for path in glob.glob(pattern):
        with contextlib.suppress(OSError):
            look(path, os.fsencode(os.readlink(path)))
look("the output of ps", subprocess.run(["ps", "axeww"], capture_output=True).stdout)
found.extend(f"{path} is there" for path in told["paths"] if os.path.lexists(path))
for host, port in told["addresses"]:
    with contextlib.suppress(OSError):
        socket.create_connection((host, port), timeout=3).close()
        found.append(f"{host}:{port} answers")
for name in told["names"]:
    with contextlib.suppress(OSError):
        socket.socket(socket.AF_UNIX).connect("\\0" + base64.b64decode(name).decode())
        found.append("an abstract socket answers")
codes = {}
for url in told["urls"]:
    host, _, port = os.environ["http_proxy"].removeprefix("http://").strip("/").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as proxy:
        proxy.sendall(f"GET {url} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n".encode())
        codes[url] = proxy.makefile().readline().split(" ")[1]
print(json.dumps({"found": found, "codes": codes, "count": count}))
"""


#: A tool whose headers are a secret of the agent.
SHOP = {
    "openapi": "3.0.0",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "https://shop.example"}],
    "paths": {"/orders": {"get": {"operationId": "orders", "responses": {"200": {"description": "All."}}}}},
}


class Neighbour:
    """A session with secrets of its own."""

    def __init__(self, client: OpenAI, tier: str) -> None:
        self.tier = tier
        self.secrets = {kind: f"secretly-{kind}-{secrets.token_hex(8)}" for kind in ("left", "variable", "vault", "agent")}
        vaults = client.beta.agents.vaults
        vault = vaults.create().id
        auth: Any = {
            "type": "environment_variable",
            "secret_name": "API_KEY",
            "secret_value": self.secrets["vault"],
            "networking": {"type": "unrestricted"},
        }
        vaults.credentials.create(vault, name="key", auth=auth)
        tool = {
            "type": "openapi",
            "label": "shop",
            "spec": SHOP,
            "headers": {"authorization": "Bearer " + self.secrets["agent"]},
        }
        environment = {
            "type": "openai_hosted",
            "tier": tier,
            "memory": 512,
            "network": {"access": "enabled"},
            "env": {"TOKEN": self.secrets["variable"]},
        }
        made = client.beta.agents.sessions.create(
            environment={"type": "openai_hosted"},
            vault_ids=[vault],
            extra_body={"environment": environment, "agent": {"model": "scripted", "tools": [tool]}},
        )
        self.session = made.id


def encoded(texts: Iterable[str]) -> list[str]:
    return [base64.b64encode(text.encode()).decode() for text in texts]


def places(server: Server) -> dict[str, Any]:
    """Where the host is, for whoever can reach it."""
    data, port = server.folder / "data", int(server.address.rpartition(":")[2])
    model = int(server.world.url.rpartition(":")[2])
    devices = ["/dev/kvm", "/dev/mem", "/dev/vhost-vsock", "/dev/net/tun", "/run/docker.sock"]
    hosts = ["127.0.0.1", "::1", socket.gethostbyname(socket.gethostname())]
    return {
        "paths": [*devices, *map(str, [server.folder, data, *data.iterdir()])],
        "addresses": [["169.254.169.254", 80], *([host, own] for host in hosts for own in (port, model))],
        "urls": [
            "http://169.254.169.254/latest/meta-data/",
            "http://[::ffff:169.254.169.254]/latest/meta-data/",
            f"http://127.0.0.1:{port}/health",
            f"http://localhost:{port}/health",
            f"http://[::1]:{port}/health",
            server.world.url,
        ],
    }


def test_sessions_side_by_side_find_nothing(server: Server) -> None:
    with server.client() as client:
        neighbours = [Neighbour(client, tier) for tier in ("process", "process", "microvm", "microvm")]
        for one in neighbours:
            assert turn(client, one.session, shell(LEAVE.format(marker=one.secrets["left"]))) == ["(no output)"]
        data = server.folder / "data"
        own = [server.key, (data / "vault.key").read_text().strip(), (data / "key").read_text().strip()]
        assert all(len(text) > 16 for text in own), "texts that are nowhere by chance"
        # All of them look at once.
        for one in neighbours:
            others = [other for other in neighbours if other is not one]
            hidden = own + [text for other in others for text in (other.session, *other.secrets.values())]
            # Nor what is its own and for the server to use.
            hidden += [one.secrets["vault"], one.secrets["agent"]]
            told = json.dumps(
                {
                    "is_guest": one.tier == "microvm",
                    "texts": encoded(hidden),
                    "names": encoded(other.secrets["left"] for other in others),
                    **places(server),
                }
            )
            steps = [
                {"calls": [call("write_file", path="told.json", content=told)]},
                {"calls": [call("write_file", path="look.py", content=LOOK)]},
                {"calls": [shell("python3 look.py", timeout_ms=110_000)]},
                {"text": "Done."},
            ]
            send(client, one.session, say(*steps))
        for one in neighbours:
            rest(client, one.session)
            said = outputs(client, one.session)[-1]
            assert said.startswith("{"), (one.tier, said)
            seen = json.loads(said)
            assert seen["found"] == [], (one.tier, seen)
            assert set(seen["codes"].values()) == {"403"}, (one.tier, seen)
            # It looked indeed: at all of the image where that is the host's own speed.
            assert seen["count"] > (1_000 if one.tier == "process" else 5), (one.tier, seen)
            (itself,) = turn(client, one.session, shell("cat /tmp/secretly*; echo $TOKEN; pgrep -f ^secretly-left | wc -l"))
            assert itself.split() == [one.secrets["left"], one.secrets["variable"], "1"], itself
