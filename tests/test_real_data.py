"""Recorded histories through the doors that users have: counts and rewards equal a direct computation.

`AUTOTROPH_DATA` names a folder with them: Open Bandit (Saito et al. 2021), and answers of two models to the
questions of GSM8K (Cobbe et al. 2021) as RouteLLM recorded them (Ong et al. 2024).
"""

import csv
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import pytest

import autotroph
from autotroph.clock import ReplayClock
from autotroph.digest.engines.whole import whole
from autotroph.ingest.arrivals import DecisionIn
from autotroph.store.segments import sync

DATA = Path(os.environ.get("AUTOTROPH_DATA", ""))
BANDIT, GSM8K = DATA / "obd/random/men/men.csv", DATA / "routellm/gsm8k_responses.csv"
ITEMS = 34
NOW = 2_000_000_000.0

DECLARED = f"""
[product]
name = "recorded"
[tasks.show]
kind = "choice"
unit = "decision"
actions = {json.dumps([str(item) for item in range(ITEMS)])}
context = {{ position = "category" }}
reward = "clicked"
guardrails = ["third"]
[tasks.solve]
kind = "text"
unit = "decision"
reward = "solved"
[signals]
click = {{ type = "boolean" }}
right = {{ type = "boolean" }}
[rewards.clicked]
value = "click"
horizon = "1h"
[rewards.solved]
value = "right - 0.2 * (chars > 1000)"
range = [-1, 1]
horizon = "1h"
[guardrails.third]
margin = 0.1
value = "inputs.position = '3'"
horizon = "1h"
"""


@pytest.fixture
def declared(tmp_path):
    path = tmp_path / "autotroph.toml"
    path.write_text(DECLARED, "utf-8")
    return path


def means(path, task):
    """By option: how many final rewards, and their mean; from the loop, and from whole digestion."""
    with autotroph.open(path, clock=ReplayClock("seven", at=NOW)) as product:
        product.cycle()
        rows = product.store.query(
            "SELECT option, count(reward), avg(reward) FROM answers WHERE task = ? GROUP BY option", (task,)
        ).rows
        spec, ledger = product.spec, product.store.path
    cells = whole(spec, task, sync(ledger), NOW).cells
    found = {cell.by["option"]: (cell.figures[0].n, cell.figures[0].mean) for cell in cells if cell.served}
    return {option: (n, mean) for option, n, mean in rows}, found


def near(found):
    return {name: (n, pytest.approx(mean, rel=1e-12)) for name, (n, mean) in found.items()}


@pytest.mark.skipif(not BANDIT.is_file(), reason="AUTOTROPH_DATA names no folder with obd/random/men/men.csv")
def test_what_a_shop_showed_and_who_clicked(declared, tmp_path):
    given, clicks = tmp_path / "men.jsonl", defaultdict(list)
    with BANDIT.open(encoding="utf-8", newline="") as file, given.open("w", encoding="utf-8") as out:
        for number, row in enumerate(csv.DictReader(file)):
            clicks[row["item_id"]].append(int(row["click"]))
            said = {
                "task": "show",
                "id": f"men-{number}",
                "at": row["timestamp"].replace(" ", "T"),
                "inputs": {"position": row["position"]},
                "option": row["item_id"],
                "probability": float(row["propensity_score"]),
                "signals": {"click": row["click"] == "1"},
            }
            out.write(json.dumps(said) + "\n")
    command = [sys.executable, "-c", "from autotroph.faces.cli import main; main()", "ingest"]
    subprocess.run([*command, str(given), "-c", str(declared)], check=True, cwd=tmp_path)
    direct = {item: (len(each), fmean(each)) for item, each in clicks.items()}
    looped, whole_ = means(declared, "show")
    assert looped == near(direct)
    assert whole_ == near(direct)


@pytest.mark.skipif(
    not GSM8K.is_file(), reason="AUTOTROPH_DATA names no folder with routellm/gsm8k_responses.csv"
)
def test_what_two_models_answered_and_whether_that_was_right(declared):
    models, direct = (), defaultdict(list)
    arrivals = []
    with GSM8K.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            models = models or tuple(name for name in row if f"{name}_response" in row)
            for model in models:
                answer, right = row[f"{model}_response"], row[model] == "True"
                direct[model].append(right - 0.2 * (len(answer) > 1000))
                arrivals.append(
                    DecisionIn(
                        task="solve", id=f"{model} {number}", inputs={"question": row["prompt"]},
                        option=model, output=answer, signals={"right": right}, at=NOW - 86_400,
                    )
                )  # fmt: skip
    with autotroph.open(declared, clock=ReplayClock("seven", at=NOW)) as product:
        outcomes = product.take(arrivals)
    assert {outcome.status for outcome in outcomes} == {"stored"}
    expected = {model: (len(each), fmean(each)) for model, each in direct.items()}
    looped, whole_ = means(declared, "solve")
    assert looped == near(expected)
    assert whole_ == near(expected)
