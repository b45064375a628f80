"""Where a model runs: the GPU if there is one, else the CPU."""

from ain import UserError


def chosen(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"device={device}: no GPU is visible here; say device=cpu, or auto")
    return device
