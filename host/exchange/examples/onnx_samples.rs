//! Writes networks as ONNX files, each with an input and the logits that it must give, for `tests/onnx/run`.
//! usage: cargo run -p cbp-exchange --example onnx_samples -- FOLDER [NETWORK.onnx ...]
//!
//! Random networks with every operation come with the logits of the reference forward pass; networks that are named
//! are imported and written again, to be compared with the logits stored beside them.

// The files of the tests may stop at once.
#![allow(clippy::unwrap_used, clippy::panic, clippy::doc_markdown)]

#[path = "../tests/common/forward.rs"]
mod forward;
#[path = "../tests/common/random.rs"]
#[allow(dead_code)]
mod random;

use std::path::{Path, PathBuf};

use cbp_exchange::onnx::{self, ExportOptions};
use cbp_exchange::{ImportOptions, import};

const RANDOM_NETWORKS: u64 = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("usage: onnx_samples FOLDER [NETWORK.onnx ...]")?;
    std::fs::create_dir_all(&folder)?;
    for seed in 0..RANDOM_NETWORKS {
        let model = random::model(seed);
        let image = random::image(&model, seed);
        let logits = forward::forward(&model, &image);
        let name = |end: &str| folder.join(format!("random{seed}.{end}"));
        std::fs::write(name("onnx"), onnx::export(&model, &ExportOptions::default())?)?;
        std::fs::write(
            name("qonnx"),
            onnx::export(&model, &ExportOptions { qonnx: true, preprocess: None })?,
        )?;
        let shape = model.graph().input();
        let planar = (0..image.len()).map(|i| {
            let (channel, position) = (i / shape.positions(), i % shape.positions());
            image[position * shape.channels + channel]
        });
        write(&name("input"), planar)?;
        write(&name("logits"), logits.into_iter().map(|logit| logit as f32))?;
    }
    for path in arguments {
        let model = import(&path, &ImportOptions::default())?.model;
        let name =
            path.file_name().and_then(|name| name.to_str()).unwrap_or_default().trim_end_matches(".gz");
        std::fs::write(folder.join(name), onnx::export(&model, &ExportOptions::default())?)?;
    }
    Ok(())
}

/// 32-bit floats, little-endian.
fn write(path: &Path, values: impl Iterator<Item = f32>) -> std::io::Result<()> {
    std::fs::write(path, values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>())
}
