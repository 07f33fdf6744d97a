"""Takes the main content out of one web page; run as a program, by path, with `python -I`.

Arguments: the page's URL and `markdown` or `txt`. Reads HTML from standard input and writes
`{"title", "text"}` as JSON. Knows nothing of Quintet, because it reads what a stranger wrote.
"""

import json
import sys

import trafilatura

if sys.platform != "win32":
    import resource

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 30


def extract(html: bytes, url: str, output: str) -> dict[str, str | None]:
    """A page's title and main content; all of its text when there is no main content."""
    tree = trafilatura.load_html(html)
    if tree is None:
        return {"title": None, "text": ""}
    title = tree.findtext(".//title")
    text = trafilatura.extract(
        html,
        url=url,
        output_format=output,
        include_links=output == "markdown",
        include_tables=True,
        include_comments=False,
        favor_recall=True,
    )
    return {
        "title": title.strip() if title else None,
        "text": text or trafilatura.html2txt(tree),
    }


if __name__ == "__main__":
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    json.dump(extract(sys.stdin.buffer.read(), sys.argv[1], sys.argv[2]), sys.stdout)
