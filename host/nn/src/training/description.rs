use cbp_data::{Fingerprint, Preprocess};
use serde::{Deserialize, Serialize};

use super::run::{HoldOut, TrainingData};

/// What a network knows of the data that it was made for; stored with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataDescription {
    /// What happens to images before the network reads them; absent if its file did not say so.
    pub preprocess: Option<Preprocess>,
    /// The smallest and the largest number that it reads, 0 between them; absent before it saw data.
    pub range: Option<[f32; 2]>,
    /// Names of the classes, in the order of the outputs, if they have any.
    pub classes: Option<Vec<String>>,
    /// What tells the data set from others; absent before it saw data.
    pub identity: Option<DataIdentity>,
}

/// What tells a data set from others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataIdentity {
    /// Of the training set.
    pub train: Fingerprint,
    /// Of the test set.
    pub test: Fingerprint,
    /// How the test set was taken from the training set, if it was.
    pub hold_out: Option<HoldOut>,
}

impl DataDescription {
    /// Of data to train on.
    #[must_use]
    pub fn of(data: &TrainingData) -> Self {
        Self {
            preprocess: Some(data.preprocess.clone()),
            range: Some(data.preprocess.evaluation.range(&data.train)),
            classes: data.train.classes().names().map(<[String]>::to_vec),
            identity: Some(DataIdentity {
                train: Fingerprint::of(&data.train),
                test: Fingerprint::of(&data.test),
                hold_out: data.hold_out,
            }),
        }
    }

    /// What of `found` differs from this data set, in words; nothing if it is the same, or this one is not known.
    #[must_use]
    pub fn difference(&self, found: &Self) -> Option<String> {
        let (own, other) = (self.identity.as_ref()?, found.identity.as_ref()?);
        if own.hold_out != other.hold_out {
            let text = |hold_out: Option<HoldOut>| match hold_out {
                Some(HoldOut { images, seed }) => format!("{images} test images set aside with seed {seed}"),
                None => "a test set of its own".to_owned(),
            };
            return Some(format!("the data set has {}, not {}", text(other.hold_out), text(own.hold_out)));
        }
        let train = own.train.difference(&other.train).map(|what| format!("the training set {what}"));
        let test = || own.test.difference(&other.test).map(|what| format!("the test set {what}"));
        let preprocess = || {
            let is_other = self.preprocess.is_some() && self.preprocess != found.preprocess;
            is_other.then(|| "images are preprocessed in another way".to_owned())
        };
        train.or_else(test).or_else(preprocess)
    }
}
