//! Layer tables of published networks, 224×224 input, as torchvision builds them. Layers without weights (pooling,
//! residual sums) are not in them. First and last layers are int8, as CBP leaves them unconstrained.

use super::{Kind, LayerShape};

const fn conv(name: &'static str, kernel: [usize; 3], channels: [usize; 2], size: usize) -> LayerShape {
    let [kernel, stride, pad] = kernel;
    let [inputs, outputs] = channels;
    LayerShape { name, kind: Kind::Constrained, kernel, stride, pad, inputs, outputs, size, groups: 1 }
}

const fn fc(name: &'static str, inputs: usize, outputs: usize) -> LayerShape {
    conv(name, [1, 1, 0], [inputs, outputs], 1)
}

const fn int8(layer: LayerShape) -> LayerShape {
    LayerShape { kind: Kind::Int8, ..layer }
}

/// `AlexNet` (one column, 64-192-384-256-256 channels).
pub const ALEXNET: &[LayerShape] = &[
    int8(conv("conv1", [11, 4, 2], [3, 64], 224)),
    conv("conv2", [5, 1, 2], [64, 192], 27),
    conv("conv3", [3, 1, 1], [192, 384], 13),
    conv("conv4", [3, 1, 1], [384, 256], 13),
    conv("conv5", [3, 1, 1], [256, 256], 13),
    fc("fc6", 9216, 4096),
    fc("fc7", 4096, 4096),
    int8(fc("fc8", 4096, 1000)),
];

/// ResNet-18.
#[must_use]
pub fn resnet18() -> Vec<LayerShape> {
    let mut layers = vec![int8(conv("conv1", [7, 2, 3], [3, 64], 224))];
    let (mut inputs, mut size) = (64, 56);
    for (stage, outputs) in [64, 128, 256, 512].into_iter().enumerate() {
        for (block, [name1, name2, down]) in BASIC[stage].into_iter().enumerate() {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            layers.push(conv(name1, [3, stride, 1], [inputs, outputs], size));
            layers.push(conv(name2, [3, 1, 1], [outputs, outputs], size / stride));
            if stride != 1 {
                layers.push(conv(down, [1, stride, 0], [inputs, outputs], size));
            }
            (inputs, size) = (outputs, size / stride);
        }
    }
    layers.push(int8(fc("fc", 512, 1000)));
    layers
}

/// ResNet-50 (version 1.5: the stride is in the 3×3 convolution).
#[must_use]
pub fn resnet50() -> Vec<LayerShape> {
    let mut layers = vec![int8(conv("conv1", [7, 2, 3], [3, 64], 224))];
    let (mut inputs, mut size) = (64, 56);
    for (stage, (middle, blocks)) in [(64, 3), (128, 4), (256, 6), (512, 3)].into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let [name1, name2, name3, down] = BOTTLENECK[stage];
            let outputs = 4 * middle;
            layers.push(conv(name1, [1, 1, 0], [inputs, middle], size));
            layers.push(conv(name2, [3, stride, 1], [middle, middle], size));
            layers.push(conv(name3, [1, 1, 0], [middle, outputs], size / stride));
            if block == 0 {
                layers.push(conv(down, [1, stride, 0], [inputs, outputs], size));
            }
            (inputs, size) = (outputs, size / stride);
        }
    }
    layers.push(int8(fc("fc", 2048, 1000)));
    layers
}

const BASIC: [[[&str; 3]; 2]; 4] = [
    [["layer1.0.conv1", "layer1.0.conv2", ""], ["layer1.1.conv1", "layer1.1.conv2", ""]],
    [["layer2.0.conv1", "layer2.0.conv2", "layer2.0.downsample"], ["layer2.1.conv1", "layer2.1.conv2", ""]],
    [["layer3.0.conv1", "layer3.0.conv2", "layer3.0.downsample"], ["layer3.1.conv1", "layer3.1.conv2", ""]],
    [["layer4.0.conv1", "layer4.0.conv2", "layer4.0.downsample"], ["layer4.1.conv1", "layer4.1.conv2", ""]],
];

/// Names repeat from block to block of a stage.
const BOTTLENECK: [[&str; 4]; 4] = [
    ["layer1.conv1", "layer1.conv2", "layer1.conv3", "layer1.downsample"],
    ["layer2.conv1", "layer2.conv2", "layer2.conv3", "layer2.downsample"],
    ["layer3.conv1", "layer3.conv2", "layer3.conv3", "layer3.downsample"],
    ["layer4.conv1", "layer4.conv2", "layer4.conv3", "layer4.downsample"],
];
