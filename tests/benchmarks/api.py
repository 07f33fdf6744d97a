"""How quickly the API answers beside a full ledger, against its limit of 200 ms (p95).

    python -m tests.benchmarks.api [TASKS]

Real PostgreSQL (durable) and Valkey; TASKS (10,000) tasks of eleven subtasks are there already.
`computing` is the processor time of one call, the client's share included: it holds also on a
machine that others keep busy.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from scripts.local_servers import LocalPostgres, LocalValkey
from shared.database.connection import Pool, open_pool
from shared.database.migrate import migrate
from tests.api_world import LIMITS, listening, open_api

LIMIT_MS = 200.0
CLIENTS = 10
CALLS = 40  # a client

_FILL = (
    "INSERT INTO tasks (id, user_id, title, description)"
    " SELECT gen_random_uuid(), 'user-' || n % 50, 'Task ' || n, 'Compare both years, part ' || n"
    " FROM generate_series(1, {tasks}) AS n",
    "INSERT INTO subtasks (id, task_id, user_id, key, position, title, description,"
    " expected_output, required_capabilities, route, priority, urgency, estimated_seconds,"
    " remaining_seconds)"
    " SELECT gen_random_uuid(), t.id, t.user_id, 'part-' || n, n, 'Part', 'do it', 'done',"
    " '{{data_analysis}}', 'data_analysis', 5, 5, 10, 10"
    " FROM tasks AS t, generate_series(0, 10) AS n",
    "ANALYZE",
)


async def fill(pool: Pool, tasks: int) -> list[str]:
    """Put tasks into the ledger; some of their ids."""
    for statement in _FILL:
        await pool.execute(statement.format(tasks=tasks), timeout=300)
    rows = await pool.fetch("SELECT id FROM tasks ORDER BY random() LIMIT 500")
    return [str(row["id"]) for row in rows]


async def timed(name: str, call: Callable[[int], Awaitable[httpx.Response]]) -> None:
    """Call from all clients at once and print the spread and its ratio to the limit."""
    spans: list[float] = []

    async def client(number: int) -> None:
        for turn in range(CALLS):
            began = time.perf_counter()
            answer = await call(number * CALLS + turn)
            spans.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()

    computed = time.process_time()
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    own = (time.process_time() - computed) * 1000 / len(spans)
    p50, p95 = statistics.median(spans), statistics.quantiles(spans, n=20)[18]
    ratio = p95 / LIMIT_MS
    print(
        f"{name:<17} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   p95/limit {ratio:5.2f}"
        f"   computing {own:4.1f} ms"
    )


async def main(tasks: int) -> None:
    """Fill, call, print."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        async with LocalPostgres(root / "postgres") as postgres, LocalValkey(root / "v") as valkey:
            url = postgres.database_url("bench")
            await migrate(url)
            pool = await open_pool(url, minimum=2, maximum=20)
            ids = await fill(pool, tasks)
            async with (
                open_api(pool, valkey.url, root / "files", limits=LIMITS) as api,
                listening(api.app) as port,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
            ):
                body = {"description": "Compare the sales of both years"}
                print(f"{tasks} tasks in the ledger, {CLIENTS} clients")
                await timed("POST /tasks", lambda _: http.post("/tasks", json=body))
                await timed("GET /tasks/{id}", lambda n: http.get(f"/tasks/{ids[n % len(ids)]}"))
                await timed("GET /tasks (50)", lambda _: http.get("/tasks"))
            await pool.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
