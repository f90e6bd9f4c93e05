"""Images of one's own: from a folder and from archives, in machines of both tiers."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Iterator

import openai
import pytest

from conftest import Server, World, images
from test_compute import TIERS, new_machine, python, shell, turn

#: A shell and a few tools, of the default image: what an image of somebody's own has at least.
PROGRAMS = ["dash", "cat", "id", "ls", "mkdir"]
LIBRARIES = ["libc.so.6", "libselinux.so.1", "libpcre2-8.so.0"]


def root_folder(folder: Path) -> Path:
    """A root file system that is not Mainstay's."""
    manifest = json.loads((images() / "names/default.json").read_text())
    tree = images() / manifest["root"] / "tree"
    root = folder / "rootfs"
    libraries, programs = "usr/lib/x86_64-linux-gnu", "usr/bin"
    for at in (libraries, programs, "usr/lib64", "etc", "tmp"):
        (root / at).mkdir(parents=True)
    for name in PROGRAMS:
        shutil.copy(tree / programs / name, root / programs / name)
    for name in LIBRARIES:
        shutil.copy(tree / libraries / name, root / libraries / name)
    shutil.copy(tree / libraries / "ld-linux-x86-64.so.2", root / "usr/lib64/ld-linux-x86-64.so.2")
    (root / programs / "sh").symlink_to("dash")
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (root / "etc/marker").write_text("from the folder\n")
    return root


def layer(root: Path | None, **files: str) -> bytes:
    """A layer with a folder's files, and these."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        if root:
            archive.add(root, arcname=".")
        for path, text in files.items():
            member = tarfile.TarInfo(path.replace("__", "/"))
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def oci_archive(path: Path, *layers: bytes) -> Path:
    """An image layout in a tar, as `skopeo copy … oci-archive:` writes it."""
    blobs: dict[str, bytes] = {}

    def put(content: bytes, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    config = put(json.dumps({"architecture": "amd64", "os": "linux"}).encode(), "config.v1+json")
    described = [put(one, "layer.v1.tar+gzip") for one in layers]
    manifest = {"schemaVersion": 2, "config": config, "layers": described}
    index = {"schemaVersion": 2, "manifests": [put(json.dumps(manifest).encode(), "manifest.v1+json")]}
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps(index).encode(), **blobs}
    return tar(path, files)


def docker_archive(path: Path, *layers: bytes) -> Path:
    """What `docker save` writes."""
    names = [f"{number}/layer.tar" for number, _ in enumerate(layers)]
    manifest = [{"Config": "config.json", "RepoTags": ["own:1"], "Layers": names}]
    files = {"manifest.json": json.dumps(manifest).encode(), "config.json": b"{}", **dict(zip(names, layers))}
    return tar(path, files)


def tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def server(tmp_path: Path, world: World) -> Iterator[Server]:
    """With an image folder of its own, in which the parts of the common one are."""
    folder = tmp_path / "images"
    for name in ("kernels", "agents"):
        folder.mkdir(exist_ok=True)
        (folder / name).symlink_to(images() / name)
    (folder / "roots").mkdir()
    for root in (images() / "roots").iterdir():
        (folder / "roots" / root.name).symlink_to(root)
    (folder / "names").mkdir()
    shutil.copy(images() / "names/default.json", folder / "names/default.json")
    shutil.copy(images() / "machine.json", folder / "machine.json")
    server = Server(tmp_path, world)
    server.more = {"MAINSTAY_COMPUTE__IMAGES": str(folder)}
    server.restart()
    yield server
    server.close()


def image(server: Server, *arguments: str, fails: bool = False) -> str:
    command = server.command("image", *arguments)
    done = subprocess.run(command, env=server.environment, capture_output=True, text=True)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


def list_images(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in image(server, "list", "--json").splitlines()]


def test_machines_of_images_of_ones_own(server: Server, tmp_path: Path) -> None:
    root = root_folder(tmp_path)
    over = layer(None, etc__marker="from the layer above\n", etc__added="added\n")
    base = layer(root)
    digest = image(server, "build", "--from", str(root), "--name", "folder").strip()
    image(server, "import", str(oci_archive(tmp_path / "oci.tar", base, over)), "--name", "oci")
    image(server, "import", str(docker_archive(tmp_path / "docker.tar", base)), "--name", "docker")
    listed = {one["name"]: one for one in list_images(server)}
    assert set(listed) == {"default", "folder", "oci", "docker"} and listed["folder"]["digest"] == digest
    above = ["from the layer above", "added"]
    markers = {"folder": ["from the folder"], "oci": above, "docker": ["from the folder"]}
    with server.client() as client:
        for tier in TIERS:
            # Each archive once: what a tier makes of a root does not depend on where it is from.
            for name in ("folder", "oci") if tier == "process" else ("oci",):
                session = new_machine(client, tier, image=name)
                told = turn(
                    client,
                    session,
                    shell("cat /etc/marker /etc/added; id -u; echo kept > kept; ls /usr/bin/python3"),
                    call_read("/workspace/kept"),
                    python("1"),
                )
                assert told[0].splitlines()[: len(markers[name])] == markers[name], told
                assert "1000" in told[0] and "[exit code 2]" in told[0], told
                assert told[1].startswith("kept"), told
                assert "python3" in told[2], "it is said what the image lacks"
        session = new_machine(client, "process", image="docker")
        assert turn(client, session, shell("cat /etc/marker")) == ["from the folder\n"]
        image(server, "rm", "folder")
        with pytest.raises(openai.BadRequestError, match="there is no image folder"):
            new_machine(client, "process", image="folder")
    assert "there is no image folder" in image(server, "rm", "folder", fails=True)


def call_read(path: str) -> dict[str, Any]:
    return {"name": "read_file", "arguments": {"path": path}}


def test_what_is_no_image_leaves_nothing(server: Server, tmp_path: Path) -> None:
    before = sorted(os.listdir(server.folder / "images/roots"))
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    nonsense = tmp_path / "nonsense.tar"
    nonsense.write_bytes(b"\0" * 10_000 + os.urandom(10_000))
    climbing = io.BytesIO()
    with tarfile.open(fileobj=climbing, mode="w") as archive:
        member = tarfile.TarInfo("../../../../../../tmp/climbed")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    linked = io.BytesIO()
    with tarfile.open(fileobj=linked, mode="w") as archive:
        member = tarfile.TarInfo("etc/own")
        member.type, member.linkname = tarfile.LNKTYPE, str(secret)
        archive.addfile(member)
    for arguments in (
        ["import", str(nonsense), "--name", "a"],
        ["import", str(tmp_path / "nowhere.tar"), "--name", "a"],
        ["import", str(oci_archive(tmp_path / "climbing.tar", climbing.getvalue())), "--name", "a"],
        ["import", str(docker_archive(tmp_path / "linked.tar", linked.getvalue())), "--name", "a"],
        ["import", str(nonsense), "--name", "../a"],
        ["build", "--from", str(tmp_path / "nowhere"), "--name", "a"],
        ["rm", "default/../../x"],
    ):
        said = image(server, *arguments, fails=True)
        assert len(said.strip()) > 20 and "panicked" not in said, said
    assert sorted(os.listdir(server.folder / "images/roots")) == before
    assert [one["name"] for one in list_images(server)] == ["default"]
    assert not Path("/tmp/climbed").exists()
