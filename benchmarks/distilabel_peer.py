"""distilabel on the same task, pinned in its own environment because its requirements conflict with ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

PINS = ("distilabel[openai]==1.5.3", "openai<2", "datasets<4", "requests", "setuptools<81")

SCRIPT = """
import json, sys
import yaml
from distilabel.llms import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration

rows, url, prompt = json.load(open(sys.argv[1])), sys.argv[2], yaml.safe_load(open(sys.argv[3]))
data = []
for row in rows:
    turns = row["conversations"]
    items = [{"id": 1, "question": turns[0]["value"], "answer": turns[1]["value"]}]
    data.append({"instruction": json.dumps(items, ensure_ascii=False), "system_prompt": prompt["system"]})

if __name__ == "__main__":
    with Pipeline() as pipeline:
        load = LoadDataFromDicts(data=data, batch_size=64)
        llm = OpenAILLM(model="test", base_url=url, api_key="none", generation_kwargs={"temperature": 0.0, "max_new_tokens": 300})
        load >> TextGeneration(llm=llm, input_batch_size=64)
    made = pipeline.run(use_cache=False)
    assert len(made["default"]["train"]) == len(rows)
"""


def cpu_per_record(work: Path, url: str, data: Path) -> float:
    """Return the CPU time of all its processes in milliseconds per record."""
    environment = work / "distilabel"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PINS], check=True)
    script = work / "peer.py"
    script.write_text(SCRIPT)
    prompt = Path(__file__).resolve().parents[1] / "conf" / "prompt" / "arabic.yaml"
    before = os.times()
    subprocess.run([python, script, data / "data.json", url, prompt], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return round(1000 * spent / len(json.loads((data / "data.json").read_text())), 3)
