"""What a session's machine gives: plots and tables, and a workspace that moves."""

from __future__ import annotations

from typing import Any

import pytest

from conftest import Server, call
from test_bundles import bring_in, export
from test_compute import TIERS, new_machine, python, shell, turn


@pytest.mark.parametrize("tier", TIERS)
def test_plots_and_tables_of_the_usual_libraries_are_artifacts(server: Server, tier: str) -> None:
    plot = "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\naxes.plot([1, 2, 4])\nNone"
    table = "import pandas\npandas.DataFrame({'city': ['Ulm', 'Bonn'], 'count': [1, 2]})"
    with server.client() as client:
        session = new_machine(client, tier)
        drawn, tabled = turn(client, session, python(plot), python(table))
        assert "image/png" in drawn and "text/html" in tabled, (drawn, tabled)
        artifacts = {one.path.rsplit(".")[-1]: one for one in client.beta.agents.sessions.artifacts.list(session)}

        def content(kind: str) -> bytes:
            return client.beta.agents.sessions.artifacts.content(artifacts[kind].id, session_id=session).read()

        picture = content("png")
        assert picture.startswith(b"\x89PNG\r\n\x1a\n") and len(picture) > 2_000
        assert b"<td>Ulm</td>" in content("html")


@pytest.mark.parametrize("tier", TIERS)
def test_a_workspace_moves_with_its_session_and_outlives_another_agent(
    server: Server, tmp_path_factory: pytest.TempPathFactory, tier: str
) -> None:
    with server.client() as client:
        session = new_machine(client, tier)
        turn(client, session, call("write_file", path="notes/a.md", content="one\n"), shell("ln -s a.md notes/link; chmod 700 notes"))
        client.beta.agents.sessions.update(session, agent={"model": "another"})
        assert turn(client, session, shell("cat notes/link; echo two >> notes/a.md")) == ["one\n"]
        bundle = export(client, session)
    other = Server(tmp_path_factory.mktemp("other"), server.world)
    try:
        with other.client() as client:
            moved: Any = bring_in(client, bundle)
            [seen] = turn(client, moved["id"], shell("stat -c %a notes; cat notes/link"))
            assert seen.endswith("]\n700\none\ntwo\n") and "Its files are all there" in seen
    finally:
        other.close()
    with server.client() as client:
        assert turn(client, session, shell("cat notes/a.md")) == ["one\ntwo\n"], "the original is as it was"
