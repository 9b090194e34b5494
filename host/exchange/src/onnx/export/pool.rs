//! Pools.

use cbp_nn::graph::{Op, Window};

use super::Context;
use super::builder::{Builder, Setting, Value};
use crate::error::ExportError;

pub(super) fn write(builder: &mut Builder, node: &Context<'_>) -> Result<Value, ExportError> {
    let [input] = node.inputs else { return Err(node.refuse("it reads nothing", "give it an input")) };
    let image = builder.image(node.name, &input.value, &input.order, input.shape);
    let name = match *node.op {
        Op::MaxPool { window } => {
            let (value, window) = padded(builder, node.name, &image.name, window, f32::NEG_INFINITY);
            pool(
                builder,
                node.name,
                "MaxPool",
                &value,
                &window,
                &[("dilations", Setting::Ints(&window.dilation))],
            )
        }
        Op::AveragePool { window, .. } if window.dilation != [1, 1] => {
            let reason = format!("its dilation is {:?}, which opset 17 does not have", window.dilation);
            return Err(node.refuse(reason, "use a dilation of 1"));
        }
        Op::AveragePool { window, count_padding } => {
            if too_wide(&window) && !count_padding {
                let reason = "its padding, which does not count, is as wide as its kernel";
                return Err(node.refuse(reason, "use less padding, or padding that counts"));
            }
            let (value, window) = padded(builder, node.name, &image.name, window, 0.0);
            let counts = [("count_include_pad", Setting::Int(count_padding.into()))];
            pool(builder, node.name, "AveragePool", &value, &window, &counts)
        }
        Op::AdaptiveAveragePool { height: 1, width: 1 } => {
            builder.node(node.name, "GlobalAveragePool", &[&image.name], &[])
        }
        Op::AdaptiveAveragePool { height, width } => {
            let (rows, columns) = (input.shape.height, input.shape.width);
            if !rows.is_multiple_of(height) || !columns.is_multiple_of(width) {
                let reason = format!("{rows}×{columns} does not divide evenly into {height}×{width}");
                return Err(node.refuse(reason, "use images or a result of other sizes"));
            }
            let kernel = [rows / height, columns / width];
            let window = Window { kernel, stride: kernel, ..Window::square(1, 1, 0) };
            pool(builder, node.name, "AveragePool", &image.name, &window, &[])
        }
        _ => return Err(node.refuse("it is no pool", "leave it out")),
    };
    Ok(Value { name, is_vector: false })
}

/// Whether ONNX Runtime refuses this padding.
fn too_wide(window: &Window) -> bool {
    (0..2).any(|d| window.before[d].max(window.behind[d]) >= window.kernel[d])
}

/// Padding that is as wide as the kernel goes into a node of its own.
fn padded(builder: &mut Builder, name: &str, value: &str, window: Window, fill: f32) -> (String, Window) {
    if !too_wide(&window) {
        return (value.to_owned(), window);
    }
    let [top, left] = window.before.map(|amount| amount as i64);
    let [bottom, right] = window.behind.map(|amount| amount as i64);
    let pads = builder.ints(&format!("{name}/pads"), &[0, 0, top, left, 0, 0, bottom, right]);
    let fill = builder.floats(&format!("{name}/fill"), &[], &[fill]);
    let settings = [("mode", Setting::Text("constant"))];
    let value = builder.node(&format!("{name}/pad"), "Pad", &[value, &pads, &fill], &settings);
    (value, Window { before: [0; 2], behind: [0; 2], ..window })
}

fn pool(
    builder: &mut Builder,
    name: &str,
    operator: &str,
    value: &str,
    window: &Window,
    more: &[(&str, Setting<'_>)],
) -> String {
    let pads = [window.before, window.behind].concat();
    let mut settings = vec![
        ("kernel_shape", Setting::Ints(&window.kernel)),
        ("strides", Setting::Ints(&window.stride)),
        ("pads", Setting::Ints(&pads)),
    ];
    settings.extend(more.iter().map(|(name, setting)| {
        let setting = match setting {
            Setting::Int(value) => Setting::Int(*value),
            Setting::Float(value) => Setting::Float(*value),
            Setting::Ints(values) => Setting::Ints(values),
            Setting::Text(text) => Setting::Text(text),
        };
        (*name, setting)
    }));
    builder.node(name, operator, &[value], &settings)
}
