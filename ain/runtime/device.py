"""Choose where a model runs (the GPU if there is one, else the CPU) and look up the peak speed of a GPU."""

from ain import UserError

# Dense bfloat16 TFLOP/s as the vendors state them. The first key that a device's name contains applies.
TFLOPS = {"B200": 2_250, "H200": 989, "H100 PCIe": 756, "H100": 989, "A100": 312, "L40S": 362, "A40": 150}


def chosen(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device={device}: no GPU is visible here; set device=cpu or device=auto")
    return device


def tflops(name: str) -> float | None:
    """Return the peak TFLOP/s of a GPU by its name, such as "NVIDIA A100-SXM4-80GB", or None if it is not known."""
    return next((float(value) for part, value in TFLOPS.items() if part in name), None)
