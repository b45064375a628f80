"""Where a model runs: the GPU if there is one, else the CPU; and how fast a GPU is at its best."""

from ain import UserError

# TFLOP/s in bfloat16, dense, as the makers state them; the first that a device's name contains.
TFLOPS = {"B200": 2_250, "H200": 989, "H100 PCIe": 756, "H100": 989, "A100": 312, "L40S": 362, "A40": 150}


def chosen(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device={device}: no GPU is visible here; set device=cpu or device=auto")
    return device


def tflops(name: str) -> float | None:
    """Of a GPU by its name, as "NVIDIA A100-SXM4-80GB"; None where it is not known."""
    return next((float(value) for part, value in TFLOPS.items() if part in name), None)
