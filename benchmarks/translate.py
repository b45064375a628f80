"""Speed and memory of translating through a chat server, compared with a plain asyncio script.

    python benchmarks/translate.py            about eight minutes on two cores
    python benchmarks/translate.py --quick    two minutes, smaller numbers
    python benchmarks/translate.py --distilabel     also compare with distilabel, in its own environment

The last line is a JSON object:
  share_of_limit  records per minute divided by the limit of 6,000 requests, after ten seconds of warm-up, 500 ms latency
  cpu_ratio       CPU time per record of our whole process over that of the plain script (openai client, semaphore of 64)
  memory_ratio    our peak memory for ten times the records divided by that for one time
The server runs in another process, whose time is not counted.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SERVER = ROOT / "tests" / "openai_server.py"

PLAIN = """
import asyncio, json, sys
import openai, yaml

rows = json.load(open(sys.argv[1]))
url, out, prompt = sys.argv[2], sys.argv[3], yaml.safe_load(open(sys.argv[4]))

async def main():
    client, room = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=2), asyncio.Semaphore(64)
    async def one(row):
        turns = row["conversations"]
        items = [{"id": 1, "question": turns[0]["value"], "answer": turns[1]["value"]}]
        messages = [{"role": "system", "content": prompt["system"]},
                    {"role": "user", "content": json.dumps(items, ensure_ascii=False)}]
        async with room:
            made = await client.chat.completions.create(model="test", messages=messages, temperature=0, max_tokens=300)
        return json.loads(made.choices[0].message.content)["translations"][0]
    made = await asyncio.gather(*(one(row) for row in rows))
    json.dump(made, open(out, "w"), ensure_ascii=False)

asyncio.run(main())
"""


def records(count: int, folder: Path) -> Path:
    """Write records that are all different, so that both scripts make the same number of requests."""
    folder.mkdir(parents=True)
    rows = []
    for i in range(count):
        turns = (f"What does the person number {i} hold in the left hand?", f"A red umbrella and ticket {i}.")
        spoken = [{"from": who, "value": text} for who, text in zip(("human", "gpt"), turns, strict=True)]
        rows.append({"id": str(i), "conversations": spoken})
    (folder / "data.json").write_text(json.dumps(rows))
    return folder


@contextmanager
def server(**settings: Any) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, str(SERVER), json.dumps(settings)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.wait()


def measured(command: list[str]) -> dict[str, float]:
    """Return the CPU seconds, wall seconds and peak memory in MB of a whole process."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    assert process.stderr
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(said.decode()[-3_000:])
    return {"cpu": usage.ru_utime + usage.ru_stime, "wall": time.monotonic() - started, "peak": usage.ru_maxrss / 1024}


def ours(data: Path, url: str, outputs: Path, *more: str) -> list[str]:
    how = [f"translator.how.{name}=null" for name in ("requests_per_minute", "tokens_per_minute")]
    chosen = ["translator=openai_compatible", "translator.model=test", f"translator.how.base_url={url}"]
    command = [
        sys.executable,
        "-m",
        "ain",
        "translate",
        "source=folder",
        f"source.path={data}",
        f"output_dir={outputs}",
    ]
    return [*command, *chosen, *how, *more]


def plain(data: Path, url: str, outputs: Path) -> list[str]:
    prompt = ROOT / "conf" / "prompt" / "arabic.yaml"
    return [sys.executable, "-c", PLAIN, str(data / "data.json"), url, str(outputs), str(prompt)]


def share_of_limit(work: Path, seconds: int) -> float:
    """Return the rate of answers after the first ten seconds, divided by the limit of 6,000 per minute."""
    count = 100 * seconds
    data = records(count, work / "limit")
    with server(latency=0.5, stamps=str(work / "stamps")) as url:
        limits = (
            "translator.how.requests_per_minute=6000",
            "translator.how.tokens_per_minute=null",
            "translator.retry_on=[]",
        )
        measured(ours(data, url, work / "limit-out", *limits))
    stamps = sorted(float(line) for line in (work / "stamps").read_text().split())
    warm = [t for t in stamps if stamps[0] + 10 <= t <= stamps[-1] - 1]
    return (len(warm) - 1) / (warm[-1] - warm[0]) * 60 / 6_000


def cpu_and_memory(work: Path, small: int, repeats: int) -> dict[str, Any]:
    """Return medians of interleaved repeats; memory for ten times the records is measured once."""
    data = records(small, work / "small")
    found: dict[str, list[float]] = {"ours": [], "plain": []}
    peaks = []
    with server() as url:
        for repeat in range(repeats):
            own = measured(ours(data, url, work / f"out-{repeat}", "translator.how.concurrency=64"))
            peaks.append(own["peak"])
            found["ours"].append(1000 * own["cpu"] / small)
            found["plain"].append(1000 * measured(plain(data, url, work / f"plain-{repeat}"))["cpu"] / small)
            shutil.rmtree(work / f"out-{repeat}")
        big = measured(ours(records(10 * small, work / "big"), url, work / "big-out", "translator.how.concurrency=64"))
    middle = {name: sorted(values)[len(values) // 2] for name, values in found.items()}
    return {
        "cpu_ratio": round(middle["ours"] / middle["plain"], 3),
        "memory_ratio": round(big["peak"] / sorted(peaks)[len(peaks) // 2], 3),
        "ms_cpu_per_record": {name: round(value, 3) for name, value in middle.items()},
        "peak_mb": {str(small): round(sorted(peaks)[len(peaks) // 2]), str(10 * small): round(big["peak"])},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller numbers, for a look")
    parser.add_argument(
        "--distilabel", action="store_true", help="beside distilabel, installed into an environment of its own"
    )
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4_096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        made: dict[str, Any] = {"share_of_limit": round(share_of_limit(work, 30 if options.quick else 60), 3)}
        made |= cpu_and_memory(work, 1_000 if options.quick else 5_000, 1 if options.quick else 3)
        if options.distilabel:
            from distilabel_peer import cpu_per_record

            with server() as url:
                made["ms_cpu_per_record"]["distilabel"] = cpu_per_record(work, url, records(2_000, work / "peer"))
    made["machine"] = (
        f"{os.cpu_count()} x {platform.processor() or platform.machine()}, Python {platform.python_version()}"
    )
    print(json.dumps(made))


if __name__ == "__main__":
    main()
