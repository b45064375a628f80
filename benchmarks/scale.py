"""What each stage before training needs: CPU seconds, time, memory, files, bytes and SQLite.

    python benchmarks/scale.py --records 20000        prints the table of docs/scale.md, and what 3.6 million records need

Records are one question about one JPEG image of 32 x 32 pixels; all differ. Translations come from a server on this
machine, which is not counted; verifier, back-translator and screener are the miniature's models after three steps of
training, so what they say means nothing. Each stage is one command and includes its start, some seconds. CPU seconds and
memory are those of the command and all processes below it; memory is without mapped files, at its peak.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prepare import folder
from translate import server
from used import Used

WHOLE = 3_600_000
STAGES = ("collect", "screen", "translate", "verify", "back_translate", "select", "mix", "tokenize")


def words(data: Path, outputs: Path, url: str) -> list[str]:
    toys = {
        "verifier": "encoder",
        "screener": "screener",
        "back_translation": "back_translator",
        "model": "base",
    }
    keys = {"back_translation": "back_translation.translator.checkpoint"}
    trained = [f"{keys.get(group, f'{group}.checkpoint')}='miniature:{name}?steps=3'" for group, name in toys.items()]
    return [
        "source=folder",
        f"source.path={data}",
        f"output_dir={outputs}",
        "allow_toys=true",
        "tracker=disabled",
        "translator=openai_compatible",
        "translator.model=test",
        f"translator.how.base_url={url}",
        *(f"translator.how.{name}=null" for name in ("requests_per_minute", "tokens_per_minute")),
        *(f"{group}=miniature" for group in ("verifier", "screener", "back_translation", "model")),
        *trained,
        "thresholds.similarity=0",
        "thresholds.unsafe=null",
        "mixture=bilingual",
    ]


def run(stage: str, given: list[str]) -> tuple[Path, float, Used]:
    """Run one stage's command. Return (its directory, seconds, what it used)."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "ain", stage, *given]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True)
        used = Used(process.pid)
        made = process.communicate()[0]
        if process.returncode:
            said.seek(0)
            sys.exit(said.read()[-3_000:])
    return Path(made.splitlines()[-1]), time.perf_counter() - started, used


def on_disk(directory: Path) -> tuple[int, float]:
    """Return (number of files, MB)."""
    sizes = [path.stat().st_size for path in directory.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes) / 1e6


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--records", type=int, default=20_000)
    count = asked.parse_args().records
    times, made = WHOLE / count, {}
    print("| | CPU seconds | seconds | memory, MB | files | MB on disk | of 3.6 million: CPU hours, files, GB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(dir="outputs") as where, server() as url:
        data, outputs = folder(Path(where).resolve() / "data", count, (32, 32)), Path(where).resolve() / "outputs"
        given = words(data, outputs, url)
        run("tokenize", [*given, "source.limit=20"])  # trains the models
        for stage in STAGES:
            directory, seconds, used = run(stage, given)
            files, size = on_disk(directory)
            row = {"cpu": used.cpu(), "seconds": seconds, "memory": used.peak, "files": files, "mb": size}
            made[stage] = {name: round(value, 1) for name, value in row.items()}
            whole = f"{times * used.cpu() / 3600:.1f}, {times * files:,.0f}, {times * size / 1e3:.1f}"
            cells = (f"{used.cpu():.0f}", f"{seconds:.0f}", f"{used.peak:.0f}", f"{files:,}", f"{size:.1f}", whole)
            print(f"| {stage} | {' | '.join(cells)} |", flush=True)
        ledger = sum(path.stat().st_size for path in outputs.glob("ledger.sqlite*")) / 1e6
    print(f"ledger.sqlite, with the answers of translator and screener: {ledger:.1f} MB; {times * ledger / 1e3:.1f} GB")
    print(json.dumps(made | {"ledger_mb": round(ledger, 1)}))


if __name__ == "__main__":
    main()
