//! Networks of the literature, with the shapes and sizes of torchvision where it has them. Nodes of the ResNets and of
//! GoogLeNet have torchvision's names too; those of AlexNet are numbered as in its paper (conv1 … fc8), since torchvision's
//! are positions in a list. `lenet5` is this project's own, wider form.
//!
//! One file per family; [`build`] finds one by name. Every convolution and hidden fully connected layer is followed by
//! batch normalisation, since CBP folds its scales there.

mod alexnet;
mod builder;
mod googlenet;
mod lenet;
mod mlp;
mod resnet;
mod resnet20;
mod vgg7;

pub use alexnet::alexnet;
pub use googlenet::googlenet;
pub use lenet::lenet5;
pub use mlp::{Hidden, mlp};
pub use resnet::{resnet18, resnet50};
pub use resnet20::resnet20;
pub use vgg7::vgg7;

use crate::graph::{Graph, GraphError, Shape};

/// The names that [`build`] knows.
pub const NAMES: [&str; 8] =
    ["mlp", "lenet5", "vgg7", "resnet20", "resnet18", "resnet50", "alexnet", "googlenet"];

/// The network called `name` for images of `input` and `classes`; nothing if there is no such network. `mlp` has three
/// hidden layers of 256.
///
/// # Errors
/// The images are too small.
#[must_use]
pub fn build(name: &str, input: Shape, classes: usize) -> Option<Result<Graph, GraphError>> {
    Some(match name {
        "mlp" => mlp(input, &[256; 3], classes, Hidden::BatchNorm),
        "lenet5" => lenet5(input, classes),
        "vgg7" => vgg7(input, classes),
        "resnet20" => resnet20(input, classes),
        "resnet18" => resnet18(input, classes),
        "resnet50" => resnet50(input, classes),
        "alexnet" => alexnet(input, classes),
        "googlenet" => googlenet(input, classes),
        _ => return None,
    })
}

/// The image size that a network was published with.
#[must_use]
pub fn usual_input(name: &str) -> Shape {
    match name {
        "mlp" | "lenet5" => Shape::new(28, 28, 1),
        "vgg7" | "resnet20" => Shape::new(32, 32, 3),
        _ => Shape::new(224, 224, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;

    /// Results inside the networks, from their papers' tables.
    #[test]
    fn inner_shapes_are_the_published_ones() {
        let of = |name: &str, nodes: &[(&str, usize, usize)]| {
            let graph = build(name, usual_input(name), 10).unwrap().unwrap();
            for &(node, size, channels) in nodes {
                let index = graph.nodes().iter().position(|found| found.name == node).unwrap();
                assert_eq!(graph.shapes()[index], Shape::new(size, size, channels), "{name}, {node}");
            }
        };
        let stages = |name, channels: [usize; 4], last: [&str; 4]| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|stage| (last[stage], 56 >> stage, channels[stage]));
            of(name, &[("conv1", 112, 64), ("maxpool", 56, 64), a, b, c, d]);
        };
        let last = ["layer1.1.relu", "layer2.1.relu", "layer3.1.relu", "layer4.1.relu"];
        stages("resnet18", [64, 128, 256, 512], last);
        let last = ["layer1.2.relu", "layer2.3.relu", "layer3.5.relu", "layer4.2.relu"];
        stages("resnet50", [256, 512, 1024, 2048], last);
        of("alexnet", &[("conv1", 55, 64), ("pool1", 27, 64), ("conv2", 27, 192), ("pool2", 13, 192)]);
        of("alexnet", &[("conv3", 13, 384), ("conv5", 13, 256), ("pool5", 6, 256)]);
        of("googlenet", &[("conv1.conv", 112, 64), ("maxpool1", 56, 64), ("conv3.conv", 56, 192)]);
        of("googlenet", &[("maxpool2", 28, 192), ("maxpool3", 14, 480), ("maxpool4", 7, 832)]);
        of("resnet20", &[("conv1", 32, 16), ("layer1.2.relu2", 32, 16), ("layer2.0.conv1", 16, 32)]);
        of("resnet20", &[("layer2.2.relu2", 16, 32), ("layer3.2.relu2", 8, 64), ("avgpool", 1, 64)]);
        of("vgg7", &[("conv2", 32, 128), ("conv4", 16, 256), ("conv6", 8, 512), ("pool3", 4, 512)]);
    }

    /// Parameters and MACs as published, or as torchvision counts them for the networks it has (torchvision's
    /// AlexNet has no batch norm and biases in the convolutions: 61,100,840 − 1,152 − 8,192 + 2 · 9,344). `mlp` and
    /// `lenet5` are published nowhere: their figures follow from their widths.
    #[test]
    fn sizes_are_the_published_ones() {
        let lenet5 = 25 * 32 + 25 * 32 * 64 + 7 * 7 * 64 * 256 + 256 * 10 + 10 + 2 * (32 + 64 + 256);
        for (name, classes, parameters, macs) in [
            ("mlp", 10, 784 * 256 + 2 * 256 * 256 + 256 * 10 + 10 + 6 * 256, 334_336),
            ("lenet5", 10, lenet5, 28 * 28 * 25 * 32 + 14 * 14 * 25 * 32 * 64 + 7 * 7 * 64 * 256 + 256 * 10),
            ("vgg7", 10, 12_979_082, 615_917_568),
            ("resnet20", 10, 269_722, 40_551_040),
            ("resnet18", 1000, 11_689_512, 1_814_073_344),
            ("resnet50", 1000, 25_557_032, 4_089_184_256),
            ("alexnet", 1000, 61_100_840 - 1_152 - 8_192 + 2 * (1_152 + 8_192), 714_188_480),
            ("googlenet", 1000, 6_624_904, 1_498_376_192),
        ] {
            let graph = build(name, usual_input(name), classes).unwrap().unwrap();
            assert_eq!(graph.macs(), macs, "{name}");
            assert_eq!(graph.output(), Shape::vector(classes), "{name}");
            assert_eq!(Model::new(graph, 1).parameter_count(), parameters, "{name}");
        }
    }
}
