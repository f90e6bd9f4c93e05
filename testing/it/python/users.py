"""A server that runs as a user without rights, also where the tests run as root."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Iterator

from conftest import Server, World, images, mainstay

#: A user that no system gives to anybody.
UID = 0x6FFF_1234
#: Binary and images may lie where only root finds them; here they are shown beside the data folder.
SHOW = """set -e
mount --bind "$BINARY" "$FOLDER/mainstay"
mount --bind "$IMAGES" "$FOLDER/images"
exec setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"
"""


class UserServer(Server):
    """The server as a user with nothing but its folder."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "MAINSTAY_COMPUTE__IMAGES": str(self.folder / "images")}

    def command(self, *arguments: str) -> list[str]:
        own = [str(self.folder / "mainstay"), *super().command(*arguments)[1:]]
        if os.geteuid() != 0:
            return own
        values = {"BINARY": mainstay(), "IMAGES": images(), "FOLDER": self.folder, "USER_ID": UID}
        settings = "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items())
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", settings + SHOW, "sh", *own]


def user_server(world: World) -> Iterator[UserServer]:
    """A server of such a user, in a folder that is its own."""
    for program in ("unshare", "setpriv"):
        assert shutil.which(program), f"{program} is missing: install util-linux"
    assert (images() / "machine.json").is_file(), "there are no images: run `cargo xtask image`"
    folder = Path(tempfile.mkdtemp(prefix="mainstay-user-"))
    try:
        if os.geteuid() == 0:
            (folder / "images").mkdir()
            (folder / "mainstay").touch()
            os.chown(folder, UID, UID)
        else:
            (folder / "images").symlink_to(images())
            (folder / "mainstay").symlink_to(mainstay())
        server = UserServer(folder, world)
        yield server
        server.close()
    finally:
        shutil.rmtree(folder)
