"""The orchestrator: settings, doors, parts, then the API and the loops in one group."""

import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from uuid import uuid4

import structlog
from pydantic import ValidationError

from orchestrator.advance import Advancer
from orchestrator.aggregator import Aggregator
from orchestrator.app import create_app
from orchestrator.approval import Approvals
from orchestrator.attendance import Attendance
from orchestrator.dispatcher import Dispatcher, Ears
from orchestrator.event_keeper import EventKeeper
from orchestrator.event_stream import EventHub
from orchestrator.metrics import LedgerGauges, show_process
from orchestrator.plan_notes import PlanNotes
from orchestrator.plan_rules import PlanRules
from orchestrator.prober import Prober
from orchestrator.request_body import Limits
from orchestrator.reruns import Reruns
from orchestrator.rescuer import Rescuer
from orchestrator.roster import Roster
from orchestrator.services import Services
from orchestrator.steering import Steering
from orchestrator.steps import Steps
from orchestrator.submission import Submissions
from orchestrator.system_monitor import SystemMonitor
from orchestrator.task_analyzer import TaskAnalyzer
from shared import config, log
from shared.background import forget_imports, measure_lag, running
from shared.claude import Claude
from shared.database.agents import AgentLedger
from shared.database.connection import Pool, open_pool
from shared.database.events import EventLedger
from shared.database.tasks import TaskLedger
from shared.database.views import Views
from shared.errors import QuintetError
from shared.http_server import Server, server_for
from shared.queue import EVENTS, RESULTS, SUBMISSIONS, Calls, Doorbell, Ear

_log = structlog.get_logger(__name__)


class Orchestrator:
    """One process: opens its doors in order, closes them in reverse."""

    def __init__(self) -> None:
        self.settings = config.OrchestratorSettings()
        self.database = config.DatabaseSettings()
        self.redis_url = config.QueueSettings().url
        self.leases = config.LeaseSettings()
        self.model = config.ModelSettings()
        self.verification = config.VerificationSettings()
        self.files = config.WorkspaceSettings().root
        self.owner = uuid4()

    async def run(self) -> None:
        """Serve and dispatch until SIGTERM or SIGINT."""
        forget_imports()
        async with AsyncExitStack() as stack:
            claude = await stack.enter_async_context(self._claude())
            simulated = await claude.preflight(self.model.planner)
            pool = await open_pool(
                self.database.url,
                minimum=self.database.pool_min,
                maximum=self.database.pool_max,
                application="quintet orchestrator",
            )
            stack.push_async_callback(pool.close)
            doorbell = await stack.enter_async_context(Doorbell(self.redis_url))
            await self._serve(stack, pool, doorbell, claude, simulated=simulated)

    def _claude(self) -> Claude:
        return Claude(
            api_key=self.model.api_key.get_secret_value(),
            base_url=self.model.base_url,
            timeout_seconds=self.model.timeout_seconds,
            max_retries=self.model.max_retries,
        )

    async def _serve(
        self,
        stack: AsyncExitStack,
        pool: Pool,
        doorbell: Doorbell,
        claude: Claude,
        *,
        simulated: bool,
    ) -> None:
        roster, events = Roster(doorbell), self._events(stack, pool)
        advancer = Advancer(
            pool,
            doorbell,
            files=self.files,
            owner=self.owner,
            lease_seconds=self.leases.lease_seconds,
        )
        dispatcher = self._dispatcher(stack, pool, claude, roster, advancer, simulated=simulated)
        services = self._services(
            pool, doorbell, dispatcher, roster=roster, events=events, simulated=simulated
        )
        host, port = self.settings.host, self.settings.port
        server = server_for(create_app(services), host=host, port=port, websockets=True)
        _stop_on_signals(server, events)
        _log.info("orchestrator up", port=port, simulated_model=simulated)
        show_process(doorbell, simulated=simulated)
        async with running(
            dispatcher.run(),
            self._rescuer(pool, doorbell).run(),
            roster.run(),
            events.run(),
            services.system.run(),
            Attendance(events.ledger, roster).run(),
            EventKeeper(events.ledger, days=self.settings.event_retention_days).run(),
            LedgerGauges(services.system.figures).run(),
            measure_lag(),
        ):
            await server.serve()
        _log.info("orchestrator down")

    def _services(
        self,
        pool: Pool,
        doorbell: Doorbell,
        dispatcher: Dispatcher,
        *,
        roster: Roster,
        events: EventHub,
        simulated: bool,
    ) -> Services:
        rules = PlanRules(roster, check_http=self.verification.check_http)
        return Services(
            views=Views(pool),
            doorbell=doorbell,
            roster=roster,
            submissions=Submissions(
                pool,
                doorbell,
                files=self.files,
                limits=Limits(self.settings.max_files, self.settings.max_upload_bytes),
                require_approval=self.settings.require_approval,
            ),
            steering=Steering(pool, dispatcher, doorbell, rules),
            approvals=Approvals(pool, dispatcher, doorbell, rules),
            reruns=Reruns(pool, dispatcher, rules),
            files=self.files,
            simulated=simulated,
            wake=dispatcher.submitted,
            events=events,
            agents=AgentLedger(pool),
            system=SystemMonitor(pool, doorbell),
        )

    def _events(self, stack: AsyncExitStack, pool: Pool) -> EventHub:
        calls = Calls(self.redis_url, EVENTS)
        stack.push_async_callback(calls.close)
        return EventHub(EventLedger(pool), calls)

    def _dispatcher(
        self,
        stack: AsyncExitStack,
        pool: Pool,
        claude: Claude,
        roster: Roster,
        advancer: Advancer,
        *,
        simulated: bool,
    ) -> Dispatcher:
        lease = self.leases.lease_seconds
        steps = Steps(
            pool,
            TaskAnalyzer(
                claude,
                model=self.model.planner,
                files=self.files,
                team=roster,
                prober=Prober(TaskLedger(pool), roster),
                notes=PlanNotes(pool),
                check_http=self.verification.check_http,
            ),
            Aggregator(claude, model=self.model.aggregator),
            owner=self.owner,
            lease_seconds=lease,
            slots=self.settings.planning_slots,
            simulated=simulated,
        )
        ears = Ears(Ear(self.redis_url, [RESULTS]), Ear(self.redis_url, [SUBMISSIONS]))
        stack.push_async_callback(ears.results.close)
        stack.push_async_callback(ears.submissions.close)
        return Dispatcher(
            TaskLedger(pool),
            advancer,
            steps,
            ears,
            owner=self.owner,
            lease_seconds=lease,
            sweep_seconds=self.settings.sweep_seconds,
        )

    def _rescuer(self, pool: Pool, doorbell: Doorbell) -> Rescuer:
        return Rescuer(
            pool,
            doorbell,
            url=self.database.url,
            lease_seconds=self.leases.lease_seconds,
            interval=self.settings.rescue_seconds,
            max_losses=self.leases.max_losses,
        )


def _stop_on_signals(server: Server, events: EventHub) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        events.close()  # streams never end by themselves
        server.finish()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)


def main() -> int:
    """Exit code 0 after a clean stop, 2 when the settings do not allow a start."""
    try:
        settings = config.LogSettings()
        log.configure(level=settings.level, form=settings.format, service="orchestrator")
        asyncio.run(Orchestrator().run())
    except (QuintetError, ValidationError) as error:
        sys.stderr.write(f"{log.startup_message('The orchestrator', error)}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
