"""Let lmms-eval's class for Qwen2-VL answer questions: `evaluate_peer.py CHECKPOINT QUESTIONS`, run by `evaluate.py --peer`.

Never run here: the class needs torchvision. The last line is the seconds of its generation.
"""

import json
import sys
import time
from pathlib import Path

from lmms_eval.api.instance import Instance
from lmms_eval.models.simple.qwen2_vl import Qwen2_VL
from PIL import Image


def main(checkpoint: str, questions: str) -> None:
    rows = json.loads(Path(questions).read_text(encoding="utf-8"))
    model = Qwen2_VL(pretrained=checkpoint, device="cpu", device_map="cpu")
    model.task_dict = {"bench": {"test": rows}}
    requests = []
    for number, row in enumerate(rows):
        settings = {"max_new_tokens": row["tokens"], "until": []}
        asked = (row["text"], settings, lambda doc: [Image.open(doc["image"]).convert("RGB")], number, "bench", "test")
        requests.append(Instance("generate_until", asked, number, {"task": "bench", "doc_id": number, "repeats": 1}))
    started = time.perf_counter()
    model.generate_until(requests)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
