//! Damaged files give an error, or a network; never a panic.

// Numbers are exact here; PyTorch and others are names; a test may panic.
#![allow(clippy::float_cmp, clippy::doc_markdown, clippy::unwrap_used, clippy::panic)]

mod common;

use cbp_exchange::onnx::proto::ModelProto;
use cbp_exchange::onnx::{self, ExportOptions};
use cbp_exchange::{FileKind, ImportOptions, import_content, state_dict};
use common::random::{self, Random};
use proptest::prelude::*;
use prost::Message;

fn options(seed: u64) -> ImportOptions {
    ImportOptions { graph: Some(random::model(seed).graph().clone()), ignore_unexpected: true }
}

/// Whether a content was taken. What is taken can be written again or is refused with a message.
fn taken(content: Vec<u8>, options: &ImportOptions) -> bool {
    // ONNX has a network of its own.
    let has_own = FileKind::of(&content).is_ok_and(|kind| kind == FileKind::Onnx);
    let options = if has_own { &ImportOptions::default() } else { options };
    match import_content(content, options) {
        Ok(imported) => {
            let _ =
                onnx::export(&imported.model, &ExportOptions::default()).map_err(|error| error.to_string());
            true
        }
        Err(cause) => {
            assert!(!cause.to_string().contains('\n'));
            false
        }
    }
}

/// The contents of valid files of a random network.
fn files(seed: u64) -> [Vec<u8>; 3] {
    let model = random::model(seed);
    let write = |qonnx| onnx::export(&model, &ExportOptions { qonnx, preprocess: None }).unwrap();
    [write(false), write(true), state_dict::save(&model, None).unwrap()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(content in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..3) {
        let beginning: &[u8] = [&[][..], &[0x1f, 0x8b, 8, 0], b"\x10\0\0\0\0\0\0\0{"][kind as usize];
        taken([beginning, &content].concat(), &options(1));
    }

    #[test]
    fn changed_bytes(seed in 0_u64..200, changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        for mut content in files(seed) {
            for &(at, value) in &changes {
                let at = at % content.len();
                content[at] = value;
            }
            taken(content, &options(seed));
        }
    }

    #[test]
    fn cut_files(seed in 0_u64..200, at: usize) {
        for content in files(seed) {
            prop_assert!(taken(content.clone(), &options(seed)));
            let length = at % content.len();
            prop_assert!(!taken(content[..length].to_vec(), &options(seed)) || length > content.len() / 2);
        }
    }

    /// Well-formed messages with senseless numbers.
    #[test]
    fn changed_messages(seed in 0_u64..200, random: u64) {
        let mut r = Random(random);
        let mut file = ModelProto::decode(files(seed)[r.below(2)].as_slice()).unwrap();
        let graph = file.graph.as_mut().unwrap();
        let extreme = [i64::MIN, -1, 0, 1, 2, 1 << 20, 1 << 40, i64::MAX];
        for _ in 0..=r.below(3) {
            let number = extreme[r.below(extreme.len())];
            let nodes = graph.node.len();
            let node = &mut graph.node[r.below(nodes)];
            match r.below(7) {
                0 => node.attribute.iter_mut().filter_map(|a| a.i.as_mut()).for_each(|i| *i = number),
                1 => node.attribute.iter_mut().filter_map(|a| a.ints.first_mut()).for_each(|i| *i = number),
                2 => { node.input.pop(); }
                3 => node.op_type = Some(["Slice", "Pad", "Gather", "Concat", "Reshape", "Transpose", "Squeeze"][r.below(7)].into()),
                4 => {
                    let constants = graph.initializer.len();
                    if constants > 0 {
                        let tensor = &mut graph.initializer[r.below(constants)];
                        if let Some(dim) = tensor.dims.first_mut() { *dim = number; }
                    }
                }
                5 => {
                    let shape = graph.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().shape.as_mut().unwrap();
                    let axes = shape.dim.len();
                    shape.dim[r.below(axes)].dim_value = Some(number);
                }
                _ => {
                    let other = r.below(nodes);
                    let name = graph.node[other].output[0].clone();
                    if let Some(input) = graph.node[r.below(nodes)].input.first_mut() { *input = name; }
                }
            }
        }
        taken(file.encode_to_vec(), &options(seed));
    }
}
