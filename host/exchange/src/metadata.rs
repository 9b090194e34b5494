//! What files say of the images that their network reads: JSON among their metadata.

use cbp_nn::data::Preprocess;

use crate::error::{ExportError, ImportCause};

/// Key of the preprocessing, in the form that checkpoints have it in.
pub(crate) const PREPROCESS: &str = "cbp-preprocess";

/// The preprocessing as a text.
pub(crate) fn write(preprocess: &Preprocess) -> Result<String, ExportError> {
    serde_json::to_string(preprocess).map_err(|cause| ExportError::Layout { what: cause.to_string() })
}

/// The preprocessing that a file has, if it has one.
pub(crate) fn read(text: Option<&str>) -> Result<Option<Preprocess>, ImportCause> {
    let damaged =
        |cause| ImportCause::Damaged { what: format!("its metadata {PREPROCESS} are wrong ({cause})") };
    text.map(serde_json::from_str).transpose().map_err(damaged)
}
