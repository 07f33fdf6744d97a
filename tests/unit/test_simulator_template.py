"""Placeholders: what they find, what they keep and how they fail."""

import pytest

from scripts.claude_simulator.template import Named, TemplateError, placeholders, render

SCOPE = {
    "cwd": "/w",
    "context": Named({"Sales of May.csv": "/c/Sales of May.csv"}),
    "prereq": {"clean": {"files": ["/o/clean.csv", "/o/sales.db"], "output": {"rows": 611}}},
    "last": {"stdout": "done", "json": {"rows": [{"a": 1, "b": "x", "c": 17136.9}]}},
    "none": None,
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{cwd}}/a.md", "/w/a.md"),
        ("{{ prereq.clean.output.rows }}", 611),
        ("{{prereq.clean.output.rows}} rows", "611 rows"),
        ("{{prereq.clean.files.0}}", "/o/clean.csv"),
        ("{{prereq.clean.files.sales.db}}", "/o/sales.db"),
        ("{{context.*sales*.csv|shell}}", "'/c/Sales of May.csv'"),
        ("{{prereq.clean.output}}", {"rows": 611}),
        ("{{prereq.clean.output|json}}", '{"rows": 611}'),
        ("{{prereq.clean.output.rows|money}}", "611.00"),
        ("{{last.json.rows|table}}", "| a | b | c |\n| --- | --- | --- |\n| 1 | x | 17136.90 |"),
        ("[{{tool.absent.stdout?}}]", "[]"),
        ("{{none}}", None),
        ({"k": ["{{last.stdout}}", 3]}, {"k": ["done", 3]}),
    ],
)
def test_placeholder_is_replaced(template: object, expected: object) -> None:
    assert render(template, SCOPE) == expected


def test_values_are_never_read_as_templates() -> None:
    assert render("{{a}} {{b}}", {"a": "{{b}}", "b": "x"}) == "{{b}} x"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{prereq.load.summary}}", "there is no 'load'; there is clean"),
        ("{{prereq.clean.files.raw.csv}}", "no 'raw.csv'; there is clean.csv, sales.db"),
        ("{{context.orders.csv}}", "no 'orders.csv'"),
        ("{{cwd|upper}}", "unknown filter 'upper'; known: json, money, shell, table"),
        ("{{cwd|money}}", "does not fit the filter"),
    ],
)
def test_missing_value_is_named(template: str, says: str) -> None:
    with pytest.raises(TemplateError, match=says):
        render(template, SCOPE)


def test_placeholders_are_listed_with_filters() -> None:
    assert list(placeholders({"a": ["{{x.y}} {{z|json}}"], "b": 1})) == [
        ("x.y", None),
        ("z", "json"),
    ]
