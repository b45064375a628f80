"""Let lmms-eval's class for Qwen2-VL answer questions: `evaluate_peer.py CHECKPOINT QUESTIONS`, run by `evaluate.py --peer`.

The class imports torchvision, of which it uses no compiled operator. So that the package for GPUs can be imported beside a
CPU build of torch, its two operators for boxes are declared here. The last line is the seconds of its generation.
"""

import json
import sys
import time
from pathlib import Path

import torch

boxes = torch.library.Library("torchvision", "FRAGMENT")
for operator in ("nms", "qnms"):
    boxes.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from lmms_eval.api.instance import Instance  # noqa: E402
from lmms_eval.models.simple.qwen2_vl import Qwen2_VL  # noqa: E402
from PIL import Image  # noqa: E402


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
