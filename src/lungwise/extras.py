"""What Lungwise can do without: packages that some settings and commands need, by the extra that brings them."""

from __future__ import annotations

_EXTRAS = {
    "boto3": "s3",
    "botocore": "s3",
    "celery": "celery",
    "kombu": "celery",
    "matplotlib": "train",
    "nncf": "train",
    "onnx": "train",
    "onnxruntime": "onnxruntime",
    "redis": "celery",
    "safetensors": "train",
    "sklearn": "train",
    "torch": "train",
}


def how_to_install(module: str) -> str:
    """Say how somebody gets a module that is missing, in a checkout and where Lungwise is installed."""
    extra = _EXTRAS.get(module.partition(".")[0], "")
    setup, lock = f"bin/setup {extra}".rstrip(), f"locks/{extra or 'run'}.txt"
    return f"Run {setup} in Lungwise's folder, or what the guide says where it is installed: pip install -r {lock}."
