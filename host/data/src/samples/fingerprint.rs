//! What tells one data set from another.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Content, Samples};

/// The most samples whose content is looked at.
const LOOKED_AT: usize = 64;

/// What identifies samples; stored with a network that was trained on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Number of samples.
    pub images: usize,
    /// Rows, columns and channels of each; absent for image files.
    pub shape: Option<[usize; 3]>,
    /// Names of the classes, if they have any.
    pub classes: Option<Vec<String>>,
    /// Over all labels.
    pub labels: u64,
    /// Over the values, or for image files the names with their folder, of samples at equal distances.
    pub content: u64,
}

impl Fingerprint {
    /// Of samples.
    #[must_use]
    pub fn of(samples: &Samples) -> Self {
        let images = samples.len();
        let mut labels = Hash::NEW;
        samples.labels().iter().for_each(|label| labels.add(&label.to_le_bytes()));
        let mut content = Hash::NEW;
        for index in (0..images).step_by(images.div_ceil(LOOKED_AT)) {
            match samples.content() {
                Content::Bytes { shape, values } => {
                    content.add(&values[index * shape.values()..][..shape.values()]);
                }
                Content::Floats { shape, values } => {
                    let values = &values[index * shape.values()..][..shape.values()];
                    for value in values {
                        content.add(&value.to_le_bytes());
                    }
                }
                Content::Files { paths, .. } => content.add(below_folder(&paths[index]).as_bytes()),
            }
        }
        let shape = samples.shape().map(|shape| [shape.height, shape.width, shape.channels]);
        let classes = samples.classes().names().map(<[String]>::to_vec);
        Self { images, shape, classes, labels: labels.0, content: content.0 }
    }

    /// What of `found` differs from these samples, in words; nothing if they are the same.
    #[must_use]
    pub fn difference(&self, found: &Self) -> Option<String> {
        if found.images != self.images {
            return Some(format!("has {} images, not {}", found.images, self.images));
        }
        if found.shape != self.shape {
            let text = |shape: Option<[usize; 3]>| {
                shape.map_or("image files".to_owned(), |[h, w, c]| format!("images of {h}×{w}×{c}"))
            };
            return Some(format!("has {}, not {}", text(found.shape), text(self.shape)));
        }
        if found.classes != self.classes {
            return Some("has classes of other names".to_owned());
        }
        if found.labels != self.labels {
            return Some("has other labels, or the same in another order".to_owned());
        }
        (found.content != self.content).then(|| "has other images".to_owned())
    }
}

/// File name with the folder of its class: the rest changes when a data set is moved.
fn below_folder(path: &Path) -> String {
    let parts: Vec<_> = path.iter().rev().take(2).map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// FNV-1a, 64 bits: the same on all machines and in all versions.
struct Hash(u64);

impl Hash {
    const NEW: Self = Self(0xcbf2_9ce4_8422_2325);

    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use cbp_numerics::Shape;

    use super::*;
    use crate::Classes;

    fn samples(values: &[u8], labels: &[u32]) -> Samples {
        let content = Content::Bytes { shape: Shape::new(1, 2, 1), values: values.into() };
        Samples::new(content, labels.into(), Classes::numbered(2)).unwrap()
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        let mut hash = Hash::NEW;
        hash.add(b"foobar");
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
    }

    #[test]
    fn each_difference_is_named() {
        let own = Fingerprint::of(&samples(&[1, 2, 3, 4], &[0, 1]));
        let difference = |values: &[u8], labels: &[u32]| {
            own.difference(&Fingerprint::of(&samples(values, labels))).unwrap_or_default()
        };
        assert_eq!(difference(&[1, 2, 3, 4], &[0, 1]), "");
        assert_eq!(difference(&[1, 2], &[0]), "has 1 images, not 2");
        assert!(difference(&[1, 2, 3, 4], &[1, 0]).contains("labels"));
        assert_eq!(difference(&[1, 2, 3, 5], &[0, 1]), "has other images");
        let named = Fingerprint { classes: Some(vec!["cat".into()]), ..own.clone() };
        assert!(own.difference(&named).unwrap().contains("names"));
        let files = Fingerprint { shape: None, ..own.clone() };
        assert_eq!(own.difference(&files).unwrap(), "has image files, not images of 1×2×1");
    }
}
