"""ONNX Runtime on the files that examples/onnx_samples wrote: the same logits, and files that ONNX's checker takes."""

import argparse
import gzip
import pathlib

import numpy as np
import onnx
import onnxruntime as ort

# On logits, relative to the largest one; single precision here and there.
TOLERANCE = 1e-4
MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)


def run(path, images):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"input": images})[0]


def difference(found, expected):
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-30))


def random_networks(folder):
    worst = 0.0
    paths = sorted(folder.glob("random*.onnx"))
    for path in paths:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        onnx.load(path.with_suffix(".qonnx"))
        sizes = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
        image = np.fromfile(path.with_suffix(".input"), np.float32).reshape([1, *sizes])
        expected = np.fromfile(path.with_suffix(".logits"), np.float32)
        off = difference(run(path, np.concatenate([image, image])), expected)
        assert off < TOLERANCE, f"{path.name}: {off}"
        worst = max(worst, off)
    assert paths, "no networks"
    print(f"{len(paths)} random networks: largest relative difference {worst:.1e}")


def stored_networks(folder, models):
    for path in sorted(p for p in folder.glob("*.onnx") if not p.name.startswith("random")):
        name = path.stem.removesuffix("-bn")
        if name.startswith("resnet20"):
            records = gzip.open(models / "../data/cifar10-4000/data_batch.bin.gz").read(3073 * 100)
            planes = np.frombuffer(records, np.uint8).reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32)
            images = ((planes / np.float32(255) - MEAN) / DEVIATION).astype(np.float32)
        else:
            images = np.load(models / "imagenet-input.npy")
        expected = np.load(models / f"{name}-logits.npy")[: len(images)]
        off = difference(run(path, images), expected)
        assert off < TOLERANCE, f"{path.name}: {off}"
        print(f"{path.name}: {len(images)} images, relative difference {off:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path)
    arguments = parser.parse_args()
    random_networks(arguments.work)
    if arguments.models:
        stored_networks(arguments.work, arguments.models)


main()
