//! Networks with the logits that they must give: ONNX files of PyTorch's exporter.

use std::io::Read;
use std::path::PathBuf;

use cbp_exchange::{ImportOptions, Imported, import};

/// A file of the folder that `CBP_MODELS` names, else of `shared/models` beside the workspace. `None`, said on
/// standard output, where there is none; but CI must have it.
pub fn path(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/models"));
    let path = std::env::var_os("CBP_MODELS").map_or_else(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    let what =
        format!("{} is missing: set CBP_MODELS to the folder with the stored networks", path.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}");
    println!("not run: {what}");
    None
}

/// Imports a stored network.
pub fn network(name: &str) -> Option<Imported> {
    Some(import(&path(name)?, &ImportOptions::default()).unwrap_or_else(|error| panic!("{error}")))
}

/// Rows of a stored array of 32-bit floats, version 1.0 of NumPy's format.
pub fn rows(name: &str, length: usize) -> Option<Vec<Vec<f32>>> {
    let bytes = std::fs::read(path(name)?).unwrap();
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"), "{name}");
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let data = bytes[10 + header..].as_chunks::<4>().0;
    let values: Vec<f32> = data.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert!(values.len().is_multiple_of(length), "{name}");
    Some(values.chunks(length).map(<[f32]>::to_vec).collect())
}

/// Planes behind each other, to channels innermost.
pub fn interleave(planes: &[f32], channels: usize) -> Vec<f32> {
    let positions = planes.len() / channels;
    (0..planes.len()).map(|i| planes[i % channels * positions + i / channels]).collect()
}

/// The first images of the stored sample of CIFAR-10, NHWC, as the stored network wants them.
pub fn cifar_images(count: usize) -> Option<Vec<Vec<f32>>> {
    let file = path("../data/cifar10-4000/data_batch.bin.gz")?;
    let mut records = vec![0; count * 3073];
    flate2::read::GzDecoder::new(std::fs::File::open(file).unwrap()).read_exact(&mut records).unwrap();
    let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    let image = |record: &[u8]| {
        let scaled = record[1..].iter().enumerate().map(|(i, &x)| {
            let channel = i / 1024;
            ((f64::from(x) / 255.0 - mean[channel]) / deviation[channel]) as f32
        });
        interleave(&scaled.collect::<Vec<_>>(), 3)
    };
    Some(records.chunks(3073).map(image).collect())
}

/// The largest difference, and the largest magnitude of what is expected.
pub fn difference(found: &[f64], expected: &[f32]) -> (f64, f64) {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected).map(|(&a, &b)| (a - f64::from(b)).abs());
    let largest = expected.iter().map(|&b| f64::from(b).abs()).fold(0.0, f64::max);
    (differences.fold(0.0, f64::max), largest)
}
