"""The report: one folder with a page, figures, tables, rows, verdicts and what made them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from mae_bench.analysis.best import best_with_ties
from mae_bench.analysis.cautions import cautions
from mae_bench.analysis.claims import Verdict, control_of, judge_claims, judge_comparisons
from mae_bench.analysis.context import ReportContext
from mae_bench.analysis.costs import cost_table
from mae_bench.analysis.dates import dated, dates_sentence
from mae_bench.analysis.derived import derived_tables
from mae_bench.analysis.edges import edge_table
from mae_bench.analysis.folder import mark, report_folder, save_records
from mae_bench.analysis.fonts import figure_language
from mae_bench.analysis.foreign_tables import foreign_tables
from mae_bench.analysis.grid_part import grid_part
from mae_bench.analysis.headline import answer, claims_sentence, headline
from mae_bench.analysis.health import health_table
from mae_bench.analysis.images import embed_all
from mae_bench.analysis.leads import leads, legend, verdicts_in
from mae_bench.analysis.lost_runs import lost_share_table
from mae_bench.analysis.messages import language, message, speaking
from mae_bench.analysis.page import (
    SettingBlock,
    facts,
    grid_columns,
    render,
    standings,
    study_notes,
    units,
    verdict_grid,
)
from mae_bench.analysis.page_data import page_data
from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.pictures import pictures_of
from mae_bench.analysis.plain_words import plain_words
from mae_bench.analysis.provenance import collect_provenance, of_pretraining
from mae_bench.analysis.references import judge_references, reference_table
from mae_bench.analysis.rows import read_metrics, read_scores
from mae_bench.analysis.score_tables import score_table, scores_long
from mae_bench.analysis.scores import Setting
from mae_bench.analysis.secondary import external_metrics, secondary_table
from mae_bench.analysis.summary import Summary, summary
from mae_bench.analysis.tables import (
    Table,
    failure_table,
    tuning_table,
    verdict_table,
)
from mae_bench.analysis.trained import trained_sentence
from mae_bench.results import save_rows
from mae_bench.specs import Study

__all__ = ["ReportContext", "Summary", "summary", "write_report"]

_MAX_SETTINGS = 12  # shown on the page; the files hold all of them
_MAX_CELLS = 3000  # of all settings on the page
_MAX_FAILURES = 60  # lines on the page


def write_report(
    rows: pd.DataFrame, study: Study, out: Path, *, context: ReportContext | None = None
) -> Path:
    """Write the report of a study and return the path of its page.

    An earlier report in ``out`` is replaced; files there that no report wrote are kept.

    Raises:
        StoreError: ``out`` is a file, or a folder that holds something other than a report.
        DataError: the rows hold nothing to report, or contradict one another.
    """
    context = context or ReportContext()
    with report_folder(out) as temporary, speaking(context.language):
        _write(rows, study, temporary, context)
    return out / "index.html"


def _write(rows: pd.DataFrame, study: Study, folder: Path, context: ReportContext) -> None:
    scores = read_scores(rows, study, context.unread)
    control = control_of(study, scores)
    theirs = external_metrics(rows)
    others = read_metrics(rows, study, theirs, context.unread)
    secondary = {name: others[name] for name in theirs if name in others}
    claims = dated(judge_claims(study, scores, others, rows), context.written)
    published = judge_references(study, scores, others)
    versus = judge_comparisons(study, scores, control) if control else []
    untrained = next((arm.label for arm in scores.of_role("untrained")), None)
    decisions = decide_all(scores, control)
    floors: list[Verdict] = []
    if untrained and untrained != control:
        floors = judge_comparisons(study, scores, untrained)

    here = verdicts_in(versus, scores.reference)
    (folder / "tables").mkdir()
    grid = grid_part(scores, study, context.options, versus, control, folder / "tables")
    pictures = pictures_of(rows, scores, study, here, control, context.curves)
    pictures["grid"] = [*grid.pictures]
    images, spots = embed_all(pictures, folder / "figures")

    best = {setting: best_with_ties(scores, setting, decisions) for setting in scores.settings}
    blocks = [
        SettingBlock(
            setting.label,
            grid_columns(scores, setting),
            verdict_grid(verdicts_in(versus, setting), scores, setting, control) if control else [],
            score_table(scores, setting, best[setting], context.spread),
            secondary_table(secondary, setting),
        )
        for setting in scores.settings
    ]
    costs = cost_table(rows, scores, control)
    failures, lost = failure_table(rows), lost_share_table(rows)
    edges, health = edge_table(rows), health_table(rows, scores, context.curves)
    tuning = tuning_table(context.tuning, context.tuning_edges) if context.tuning else None
    beside = reference_table(study, published) if published else None
    details = _details(claims, versus, floors, scores.reference, control, untrained)
    details += derived_tables(rows, scores, control, context.kinds, decisions, folder / "tables")
    details += foreign_tables(context.foreign, scores, folder / "tables")
    scored = [table for block in blocks for table in (block.table, block.secondary) if table]
    extras = [extra for extra in (failures, lost, edges, health, tuning, beside) if extra]
    for table in (*scored, costs, *details, *extras, *grid.tables):
        table.save(folder / "tables")
    scores_long(scores, best).to_csv(folder / "tables" / "scores.csv", index=False)
    verdict_table([*versus, *floors], "comparisons", "").frame.to_csv(
        folder / "tables" / "comparisons.csv", index=False
    )

    said = headline(scores, control, versus, claims)
    first = answer(scores, control, versus)
    plain = plain_words(rows, study, scores, control, versus, claims)
    warnings = cautions(rows, scores, context.curves, decisions)
    strip = leads(scores, control, versus, decisions) if control else []
    save_rows(rows, folder / "rows.parquet")
    save_records(
        folder / "verdicts.json",
        {
            "headline": said,
            "plain": plain,
            "cautions": warnings,
            "claims": [verdict.as_json() for verdict in claims],
            "references": [verdict.as_json() for verdict in published],
            "comparisons": [verdict.as_json() for verdict in (*versus, *floors)],
        },
    )
    provenance = {**(context.provenance or collect_provenance()), **of_pretraining(context.curves)}
    reproduce = context.reproduce or provenance.get("command") or f"mae-bench run {study.name}.yaml"
    reference = scores.reference
    standing, num_others = standings(blocks[0].grid, scores.tasks_in(reference))
    num_cells = len(scores.arms) * len(scores.tasks)
    num_blocks = max(1, min(len(blocks), _MAX_SETTINGS, _MAX_CELLS // num_cells))
    data = page_data(study.name, scores, control, decisions, versus, rows, spots)
    content = {
        "headline": first or said,
        "leads": strip,
        "legend": legend(scores, control, strip, versus) if strip and control else "",
        "claims_sentence": claims_sentence(claims) if first else "",
        "trained": trained_sentence(study, rows, scores, context.curves),
        "cautions": warnings,
        "num_tests": max((verdict.num_tests for verdict in claims), default=0),
        "has_english_figures": figure_language() != language(),
        "plain": plain,
        "facts": facts(study, scores),
        "notes": list(dict.fromkeys([*study_notes(study, scores), *context.notes])),
        "control": control,
        "untrained": untrained,
        "claims": claims,
        "dates": dates_sentence(claims),
        "published": beside,
        "reference": blocks[0],
        "standing": standing,
        "num_others": num_others,
        "units": units(scores, reference),
        "others": blocks[1:num_blocks],
        "num_hidden": len(blocks) - num_blocks,
        "floor_grid": verdict_grid(
            verdicts_in(floors, reference), scores, reference, untrained or ""
        ),
        "images": images,
        "costs": costs,
        "grid_tables": grid.tables,
        "details": details,
        "failures": failures,
        "lost": lost,
        "edges": edges,
        "health": health,
        "max_failures": _MAX_FAILURES,
        "tuning": tuning,
        "reproduce": reproduce,
        "provenance": provenance,
        "data": Markup(data),
    }
    (folder / "index.html").write_text(render(content, study), encoding="utf-8")
    mark(folder, {**provenance, "study": study.model_dump(mode="json")})


def _details(
    claims: Sequence[Verdict],
    versus: Sequence[Verdict],
    floors: Sequence[Verdict],
    reference: Setting,
    control: str | None,
    untrained: str | None,
) -> list[Table]:
    tables = []
    if claims:
        tables.append(verdict_table(claims, "claims", message("heading.claims_written")))
    for slug, verdicts, name in (
        ("verdicts", versus, control),
        ("verdicts-untrained", floors, untrained),
    ):
        shown = verdicts_in(verdicts, reference)
        if shown:
            caption = message("verdicts.caption", control=name, setting=reference.label)
            tables.append(verdict_table(shown, slug, caption))
    return tables
