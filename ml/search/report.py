"""The results of a topology search as files: JSON, CSV, Markdown and a picture of both stages."""

import dataclasses
import json
from pathlib import Path

from ml.artifacts import write_text
from ml.search import plan as plans
from ml.search import plots, ranking
from ml.search.ledger import Ledger
from ml.search.plan import Plan
from ml.search.ranking import Row, rank

__all__ = ["write"]


def write(out_dir: Path) -> tuple[Row, ...]:
    """Write `results.json`, `.csv`, `.md` and `.png` of what has ended, and return the rows."""
    rows = rank(row for _, row in Ledger(out_dir / "trials", Row).items())
    plan = Plan.from_json((out_dir / plans.FILE_NAME).read_bytes())
    context = {"winner": rows[0].topology.name, **dataclasses.asdict(plan)}
    text = json.dumps({**context, "rows": ranking.table(rows)}, indent=2, ensure_ascii=False)
    write_text(out_dir / "results.json", text + "\n")
    write_text(out_dir / "results.csv", ranking.to_csv(rows))
    write_text(out_dir / "results.md", ranking.to_markdown(rows))
    plots.topologies(rows, out_dir / "results.png")
    return rows
