"""An agent process.

python -m agent                                 serve until SIGTERM, then drain
python -m agent --one-shot --subtask-id ID      one subtask; exit 0 completed, 1 not
"""

import argparse
import asyncio
import signal
import sys
from uuid import UUID

import structlog
from pydantic import ValidationError

from agent.assembly import Assembly
from agent.service import create_app
from shared import config, log
from shared.errors import QuintetError, RequestError
from shared.http_server import server_for

_log = structlog.get_logger(__name__)


async def serve() -> int:
    """An agent until SIGTERM; its exit code."""
    assembly = Assembly()
    settings = assembly.settings
    async with assembly.open() as parts:
        server = server_for(
            create_app(parts.worker, parts.beat, parts.probes),
            host=settings.host,
            port=settings.port,
        )
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, parts.worker.stop)
        _log.info("agent up", agent_id=assembly.agent_id, url=assembly.url)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve())
            await parts.worker.run()
            server.finish()
            await serving
    _log.info("agent down", agent_id=assembly.agent_id)
    return 0


async def _one_shot(subtask_id: UUID) -> int:
    async with Assembly(one_shot=True).open() as parts:
        try:
            completed = await parts.worker.once(subtask_id)
        except RequestError as error:
            sys.stderr.write(f"not executed: {error.detail}; {error.remedy}\n")
            return 1
    sys.stderr.write(f"{'completed' if completed else 'not completed'}: {subtask_id}\n")
    return 0 if completed else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m agent", description=__doc__)
    parser.add_argument("--one-shot", action="store_true", help="execute one subtask and exit")
    parser.add_argument("--subtask-id", type=UUID, help="which subtask")
    arguments = parser.parse_args()
    if arguments.one_shot != (arguments.subtask_id is not None):
        parser.error("--one-shot and --subtask-id belong together")
    return arguments


def main() -> int:
    """Exit code 2 when the settings do not allow a start."""
    arguments = _arguments()
    try:
        settings = config.LogSettings()
        log.configure(level=settings.level, form=settings.format, service="agent")
        if arguments.one_shot:
            return asyncio.run(_one_shot(arguments.subtask_id))
        return asyncio.run(serve())
    except (QuintetError, ValidationError) as error:
        sys.stderr.write(f"{log.startup_message('The agent', error)}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
