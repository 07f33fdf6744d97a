"""What the supervisor starts and stops: a process that answers once it is ready, or one step."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

from scripts.stack.process import ChildProcess, Command, StartError, last_lines

POLL_SECONDS = 0.05
HEALTH_SECONDS = 5.0


class Unit(ABC):
    """Something with a name that is started in order and stopped in reverse."""

    name: str
    log_file: Path
    child: ChildProcess | None = None

    @property
    def address(self) -> str:
        """Where it answers, for people; never with a password."""
        return ""

    @property
    def lasting(self) -> bool:
        """Whether it keeps running after `start`, as opposed to a step that is then done."""
        return True

    @abstractmethod
    async def start(self) -> None:
        """Start and wait until it is ready; `StartError` says why not and what to do."""

    async def stop(self) -> None:
        """Stop it; returns when no process of it is left."""
        child, self.child = self.child, None
        if child is not None:
            await child.stop()

    def failure(self, what: str) -> StartError:
        """An error with the end of the log."""
        lines = last_lines(self.log_file) or "(nothing)"
        return StartError(f"{self.name} {what}.\nThe end of {self.log_file}:\n{lines}")


class Service(Unit):
    """A process that keeps running and answers when asked."""

    ready_seconds = 120.0  # the first imports on a small machine take a while

    @abstractmethod
    def command(self) -> Command:
        """What to run."""

    @abstractmethod
    async def answers(self) -> bool:
        """Whether it can do its work now."""

    async def start(self) -> None:
        child = self.child = ChildProcess(self.command())
        try:
            await child.start()
            async with asyncio.timeout(self.ready_seconds):
                await self._ready(child)
        except TimeoutError:
            await self.stop()
            raise self.failure(f"was not ready after {self.ready_seconds:.0f} s") from None
        except BaseException:
            await self.stop()
            raise

    async def _ready(self, child: ChildProcess) -> None:
        while not await self.answers():
            if not child.running:
                raise self.failure(f"ended with exit code {child.exit_code} before it was ready")
            await asyncio.sleep(POLL_SECONDS)


class HttpService(Service):
    """A process of ours that is ready when its health addresses answer 200."""

    def __init__(
        self,
        name: str,
        *,
        arguments: Sequence[str],
        address: str,
        health: Sequence[str],
        environment: Callable[[], Mapping[str, str]],
        directory: Path,
        log_file: Path,
        grace_seconds: float = 20.0,
    ) -> None:
        self.name = name
        self.log_file = log_file
        self._arguments = tuple(arguments)
        self._address = address
        self._health = tuple(health)
        self._environment = environment
        self._directory = directory
        self._grace_seconds = grace_seconds

    @property
    def address(self) -> str:
        return self._address

    def command(self) -> Command:
        return Command(
            self._arguments,
            log_file=self.log_file,
            directory=self._directory,
            environment=self._environment(),
            grace_seconds=self._grace_seconds,
        )

    async def answers(self) -> bool:
        # Without trust_env=False a proxy of the environment would be asked for our own machine.
        async with httpx.AsyncClient(trust_env=False, timeout=HEALTH_SECONDS) as client:
            for path in self._health:
                try:
                    response = await client.get(self._address + path)
                except httpx.HTTPError:
                    return False
                if response.status_code != httpx.codes.OK:
                    return False
        return True


class Step(Unit):
    """A program that runs to its end before the next thing starts."""

    seconds = 120.0

    def __init__(
        self,
        name: str,
        *,
        arguments: Sequence[str],
        environment: Callable[[], Mapping[str, str]],
        directory: Path,
        log_file: Path,
    ) -> None:
        self.name = name
        self.log_file = log_file
        self._arguments = tuple(arguments)
        self._environment = environment
        self._directory = directory

    @property
    def lasting(self) -> bool:
        return False

    async def start(self) -> None:
        child = self.child = ChildProcess(
            Command(
                self._arguments,
                log_file=self.log_file,
                directory=self._directory,
                environment=self._environment(),
            )
        )
        try:
            await child.start()
            code = await asyncio.wait_for(child.wait(), self.seconds)
        except TimeoutError:
            raise self.failure(f"did not end within {self.seconds:.0f} s") from None
        finally:
            await self.stop()
        if code != 0:
            raise self.failure(f"failed with exit code {code}")
