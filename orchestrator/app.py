"""The REST API over the services of one orchestrator process."""

from fastapi import FastAPI

from orchestrator.routes import (
    agents,
    artifacts,
    events,
    health,
    plans,
    steering,
    subtasks,
    system,
    tasks,
)
from orchestrator.services import Services
from shared import http_metrics
from shared.problems import install

VERSION = "0.1.0"
TITLE = "Quintet orchestrator"


def create_app(services: Services | None) -> FastAPI:
    """The app; without services it can only describe itself."""
    app = FastAPI(title=TITLE, version=VERSION, separate_input_output_schemas=False)
    app.state.services = services
    for module in (tasks, plans, steering, subtasks, artifacts, events, agents, system, health):
        app.include_router(module.router)
    install(app)
    http_metrics.install(app)
    return app
