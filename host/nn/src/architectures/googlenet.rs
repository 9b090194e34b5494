use super::builder::Builder;
use crate::graph::{Graph, GraphError, Op, Shape, Source, Window};

/// Channels of one inception module: 1 × 1; 3 × 3 after its reduction; the second 3 × 3, which the paper has as 5 × 5,
/// after its reduction; after the pool.
struct Inception {
    name: &'static str,
    point: usize,
    middle: [usize; 2],
    wide: [usize; 2],
    pool: usize,
}

const fn inception(
    name: &'static str,
    point: usize,
    middle: [usize; 2],
    wide: [usize; 2],
    pool: usize,
) -> Inception {
    Inception { name, point, middle, wide, pool }
}

/// Modules between pools.
const STAGES: [&[Inception]; 3] = [
    &[
        inception("inception3a", 64, [96, 128], [16, 32], 32),
        inception("inception3b", 128, [128, 192], [32, 96], 64),
    ],
    &[
        inception("inception4a", 192, [96, 208], [16, 48], 64),
        inception("inception4b", 160, [112, 224], [24, 64], 64),
        inception("inception4c", 128, [128, 256], [24, 64], 64),
        inception("inception4d", 112, [144, 288], [32, 64], 64),
        inception("inception4e", 256, [160, 320], [32, 128], 128),
    ],
    &[
        inception("inception5a", 256, [160, 320], [32, 128], 128),
        inception("inception5b", 384, [192, 384], [48, 128], 128),
    ],
];

/// `GoogLeNet` (Szegedy et al., 2015) as torchvision has it, without auxiliary classifiers and dropout: batch norm after
/// every convolution, 3 × 3 kernels in place of 5 × 5, pools in ceil mode; 1.498 G MACs at 224 × 224.
///
/// # Errors
/// The image is empty.
pub fn googlenet(input: Shape, classes: usize) -> Result<Graph, GraphError> {
    let mut builder = Builder::new("googlenet", input);
    let pool = Window::square(3, 2, 0);
    let mut last = basic(&mut builder, "conv1", Source::Input, 64, Window::square(7, 2, 3))?;
    last = builder.ceil_max_pool("maxpool1", last, pool)?;
    last = basic(&mut builder, "conv2", last, 64, Window::square(1, 1, 0))?;
    last = basic(&mut builder, "conv3", last, 192, Window::square(3, 1, 1))?;
    last = builder.ceil_max_pool("maxpool2", last, pool)?;
    for (stage, modules) in STAGES.into_iter().enumerate() {
        match stage {
            0 => {}
            1 => last = builder.ceil_max_pool("maxpool3", last, pool)?,
            _ => last = builder.ceil_max_pool("maxpool4", last, Window::square(2, 2, 0))?,
        }
        for module in modules {
            last = add_module(&mut builder, module, last)?;
        }
    }
    last = builder.global_average("avgpool", last)?;
    builder.linear("fc", last, classes, true)?;
    Ok(builder.finish())
}

fn add_module(builder: &mut Builder, module: &Inception, input: Source) -> Result<Source, GraphError> {
    let name = |branch: &str| format!("{}.{branch}", module.name);
    let (point, conv) = (Window::square(1, 1, 0), Window::square(3, 1, 1));
    let first = basic(builder, &name("branch1"), input, module.point, point)?;
    let reduced = basic(builder, &name("branch2.0"), input, module.middle[0], point)?;
    let second = basic(builder, &name("branch2.1"), reduced, module.middle[1], conv)?;
    let reduced = basic(builder, &name("branch3.0"), input, module.wide[0], point)?;
    let third = basic(builder, &name("branch3.1"), reduced, module.wide[1], conv)?;
    let pooled = builder.ceil_max_pool(&name("branch4.0"), input, conv)?;
    let fourth = basic(builder, &name("branch4.1"), pooled, module.pool, point)?;
    builder.push(module.name, Op::Concat, &[first, second, third, fourth])
}

/// Convolution, batch norm and ReLU: torchvision's `BasicConv2d`, whose ε is 0.001.
fn basic(
    builder: &mut Builder,
    name: &str,
    input: Source,
    outputs: usize,
    window: Window,
) -> Result<Source, GraphError> {
    let name = |part: &str| format!("{name}.{part}");
    let products = builder.convolution(&name("conv"), input, outputs, window)?;
    let norm = Op::BatchNorm { channels: outputs, eps: 1e-3, momentum: 0.1 };
    let normalised = builder.push(&name("bn"), norm, &[products])?;
    builder.relu(&name("relu"), normalised)
}
