use cbp_data::Preprocess;
use serde::{Deserialize, Serialize};

use super::run::TrainingData;

/// What a network knows of the data that it was made for; stored with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataDescription {
    /// What happens to images before the network reads them.
    pub preprocess: Preprocess,
    /// The smallest and the largest number that it reads, 0 between them; absent before it saw data.
    pub range: Option<[f32; 2]>,
    /// Names of the classes, in the order of the outputs, if they have any.
    pub classes: Option<Vec<String>>,
}

impl DataDescription {
    /// Nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self { preprocess: Preprocess::plain(), range: None, classes: None }
    }

    /// Of data to train on.
    #[must_use]
    pub fn of(data: &TrainingData) -> Self {
        Self {
            preprocess: data.preprocess.clone(),
            range: Some(data.preprocess.evaluation.range(&data.train)),
            classes: data.train.classes().names().map(<[String]>::to_vec),
        }
    }
}
