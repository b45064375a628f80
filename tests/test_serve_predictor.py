"""`ain serve predictor=...`: any language model of conf/predictor answers, within its cap on cost."""

import json
import subprocess
import sys
import urllib.request

import pytest
from asking import Serve, log
from commands import ain
from openai_answers import arabic


def test_a_server_behind_the_server_answers(serve: Serve) -> None:
    """What a client asks reaches the model behind `predictor`, and its answer comes back."""
    behind = serve()
    words = ["predictor=openai_compatible", "predictor.model=test", f"predictor.how.base_url={behind}", "--port", "0"]
    command = [sys.executable, "-m", "ain", "serve", *words]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert served.stdout
        url = served.stdout.readline().strip()
        body = {"model": "test", "messages": [{"role": "user", "content": "Hello there"}]}
        header = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode(), header)
        with urllib.request.urlopen(request) as answer:
            said = json.loads(answer.read())["choices"][0]["message"]["content"]
    finally:
        served.kill()
        served.communicate()
    assert arabic("Hello there") in said
    assert log(behind)["served"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "serve: no model; give a CHECKPOINT, or choose one with predictor=NAME"),
        (["predictor=local"], "serve: this predictor needs a checkpoint"),
        (["somewhere", "predictor=gpt_6_luna"], "somewhere: this predictor takes no checkpoint"),
        (["predictor=gpt_6_luna"], "this costs money: set predictor.how.max_cost_usd"),
        (["predictor=gpt_6_luna", "predictor.how.max_cost_usd=1"], "OPENAI_API_KEY is not set"),
        (["predictor=gpt_6_luna", "predictor.how.batch_api=true"], "predictor.how.batch_api=true: batches take hours"),
        (["predictor=nobody"], "predictor=nobody: choose one of answers"),
        (["predictor=openai_compatible"], "predictor.model has no value"),
        (["predictor=local", "predictor.temperatur=1"], "no such key: predictor.temperatur"),
    ],
)
def test_a_predictor_that_cannot_serve_is_refused(words: list[str], said: str) -> None:
    result = ain("serve", *words, env={"OPENAI_API_KEY": ""})
    assert result.returncode == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
