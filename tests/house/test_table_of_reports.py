"""The tables of reports/README.md are those of the reports beside it."""

import csv
import subprocess
import sys
from pathlib import Path

from mae_bench.planning.packaged import reproductions
from mae_bench.results import load_rows

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "papers" / "table.py"
REPORTS = ROOT / "reports"
RANK, SPEED = "papers/mae_lm_effective_rank", "papers/mae_speed"
MARKS = "before\n<!-- papers -->\nold\n<!-- end -->\n<!-- papers, every claim -->\n<!-- end -->\n"


def write(reports):
    command = [sys.executable, "-P", SCRIPT, "--reports", reports]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (reports / "README.md").read_text("utf-8")


def linked(tmp_path, *names):
    """Return a folder of reports with some of the published ones in it."""
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(REPORTS / name)
    return tmp_path


def lines_of(readme, name):
    table = readme.split(f"<!-- {name} -->\n")[1].split("<!-- end -->")[0]
    return [[cell.strip() for cell in line.split(" | ")] for line in table.splitlines()[2:]]


def test_a_folder_without_a_readme_ends_in_a_sentence(tmp_path):
    command = [sys.executable, "-P", SCRIPT, "--reports", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "README.md is no file; name the folder" in done.stderr


def test_every_reproduction_and_finding_is_published():
    for name in reproductions():
        finding = name.removeprefix("findings/")
        kind = "papers" if finding == name else "findings"
        folder = REPORTS / kind / finding.replace("/", "_")
        assert (folder / "index.html").is_file() and (folder / "README.md").is_file(), name


def test_the_published_table_is_current(tmp_path):
    reports = linked(tmp_path, "papers", "findings")
    published = (REPORTS / "README.md").read_text("utf-8")
    (reports / "README.md").write_text(published, "utf-8")
    assert write(reports) == published, "run python benchmarks/papers/table.py"


def table_of(name, table):
    with (REPORTS / name / "tables" / table).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_study_without_a_published_difference_has_its_line(tmp_path):
    reports = linked(tmp_path, "papers/robust_noise_and_stability")
    (reports / "README.md").write_text(MARKS, "utf-8")
    ((_, claim, _, _, *published, _, _, _),) = lines_of(write(reports), "papers")
    assert claim == table_of("papers/robust_noise_and_stability", "claims.csv")[0]["claim"]
    assert published == ["no difference", "", ""]


def test_every_report_has_a_line_and_every_claim_one(tmp_path):
    reports = linked(tmp_path, RANK, SPEED)
    (reports / "README.md").write_text(MARKS, "utf-8")
    readme = write(reports)
    assert (
        readme.startswith("before\n")
        and readme.endswith("<!-- end -->\n")
        and "\nold\n" not in readme
    )
    rank, speed = lines_of(readme, "papers")
    (published, *_), kept = table_of(RANK, "references.csv"), table_of(RANK, "claims.csv")
    assert f"{published['difference']} {published['95% interval']}" in rank
    decided = [k for k in kept if k["verdict"].split(" (")[0] in ("supported", "refuted")]
    assert f"{kept[0]['verdict']}; {len(decided)} of {len(kept)} claims decided" in rank
    trained = load_rows(REPORTS / RANK).query("pretrain_flops > 0")
    assert any(f"{trained['pretrain_id'].nunique()} pretrainings, " in cell for cell in rank)
    assert rank[-1].startswith("`mae-bench reproduce mae_lm/effective_rank --scale cpu`")
    assert "timing only" in speed
    lines = lines_of(readme, "papers, every claim")
    claims = [(k["claim"], k["verdict"]) for k in kept]
    statements = [(s["statement"], s["verdict"]) for s in table_of(SPEED, "speed-verdicts.csv")]
    assert [(line[1], line[2]) for line in lines] == claims + statements
