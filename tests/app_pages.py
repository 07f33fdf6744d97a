"""The dashboard run by Streamlit in this process, over an orchestrator that the test plays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.scripted_service import Request, ScriptedService, scripted_service

APP = Path(__file__).parents[1] / "ui" / "streamlit_app.py"


class AppPages:
    """The app, what it shows and what it asked for; whatever is done, nothing may raise."""

    def __init__(self, service: ScriptedService) -> None:
        self.service = service
        self.app = AppTest.from_file(APP, default_timeout=30)

    def run(self) -> Self:
        """Draw it anew."""
        self.app.run()
        assert not self.app.exception
        return self

    def turn_to(self, page: str) -> None:
        """Another page, as a link would."""
        self.app.switch_page(f"screens/{page}.py")
        self.run()

    def click(self, label: str) -> None:
        """The button with this label."""
        next(one for one in self.app.button if one.label == label).click()
        self.run()

    def asked(self, part: str, method: str = "") -> list[Request]:
        """Requests to paths with this in them."""
        return [
            one
            for one in self.service.seen
            if part in one.path and (not method or one.method == method)
        ]

    def words(self) -> str:
        """All that stands there in words, without the marks of Markdown's escapes."""
        app = self.app
        kinds = (*app.markdown, *app.caption, *app.code, *app.header, *app.subheader)
        told = [str(one.value) for one in (*kinds, *app.error, *app.warning, *app.info)]
        told += [f"{one.label}: {one.value} ({one.delta})" for one in app.metric]
        return "\n".join(told).replace("\\", "")


@contextmanager
def played_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedService]:
    """An orchestrator to play, which the app will ask; nothing is remembered afterwards."""
    with scripted_service() as service:
        monkeypatch.setenv("QUINTET_API_URL", service.url)
        yield service
        st.cache_resource.clear()
        st.cache_data.clear()
