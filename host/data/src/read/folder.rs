//! Folders of JPEG and PNG files, one folder per class, as ImageNet is laid out.

use std::path::Path;

use super::{Format, Opened, ReadOptions, names_in};
use crate::{Classes, Colour, Content, DataError, Samples};

/// Names of the folder to evaluate on, beside `train`; the first that exists is used.
const TEST_FOLDERS: [&str; 2] = ["val", "test"];

/// Whether images are found below `dir` in the way that [`load`] reads them, as far as names tell.
pub(crate) fn is_folder_of_classes(dir: &Path) -> bool {
    folders(dir).is_ok_and(|names| !names.is_empty())
}

/// Reads `dir/train/CLASS/IMAGE` and `dir/val/CLASS/IMAGE` (or `test`), or, without a folder `train` that holds folders,
/// `dir/CLASS/IMAGE`. Classes are numbered in the order of their names. Only names are read; images are decoded later.
///
/// # Errors
/// [`DataError::EmptyClass`], [`DataError::UnknownClass`] if `val` has a class that `train` has not,
/// [`DataError::Empty`], or [`DataError::Io`].
pub fn load(dir: &Path, options: &ReadOptions) -> Result<Opened, DataError> {
    let train = dir.join("train");
    if !is_folder_of_classes(&train) {
        let train = samples(dir, folders(dir)?, options.colour)?;
        return Ok(Opened { format: Format::Folder, train, test: None });
    }
    let names = folders(&train)?;
    let train = samples(&train, names.clone(), options.colour)?;
    let mut test = None;
    if let Some(dir) = TEST_FOLDERS.map(|name| dir.join(name)).into_iter().find(|dir| dir.is_dir()) {
        if let Some(class) = folders(&dir)?.into_iter().find(|name| names.binary_search(name).is_err()) {
            return Err(DataError::UnknownClass { path: dir, class });
        }
        test = Some(samples(&dir, names, options.colour)?);
    }
    Ok(Opened { format: Format::Folder, train, test })
}

/// The images of all classes, class after class.
fn samples(dir: &Path, names: Vec<String>, colour: Colour) -> Result<Samples, DataError> {
    let (mut paths, mut labels) = (Vec::new(), Vec::new());
    for (label, class) in (0_u32..).zip(&names) {
        let folder = dir.join(class);
        let images = if folder.is_dir() { names_in(&folder)? } else { Vec::new() };
        let before = paths.len();
        paths.extend(images.iter().filter(|name| is_image(name)).map(|name| folder.join(name)));
        if paths.len() == before {
            return Err(DataError::EmptyClass { path: folder, class: class.clone() });
        }
        labels.resize(paths.len(), label);
    }
    Samples::from_file(dir, Content::Files { colour, paths }, labels, Classes::named(names))
}

fn folders(dir: &Path) -> Result<Vec<String>, DataError> {
    Ok(names_in(dir)?.into_iter().filter(|name| dir.join(name).is_dir()).collect())
}

fn is_image(name: &str) -> bool {
    let extension = Path::new(name).extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| ["jpg", "jpeg", "png"].contains(&&*extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(dir: &Path, files: &[&str]) {
        for file in files {
            let path = dir.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
    }

    fn relative(samples: &Samples, dir: &Path) -> Vec<String> {
        let Content::Files { paths, .. } = samples.content() else { panic!("not files") };
        paths.iter().map(|path| path.strip_prefix(dir).unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_layout_of_imagenet() {
        let dir = tempfile::tempdir().unwrap();
        make(
            dir.path(),
            &[
                "train/n02/b.JPEG",
                "train/n02/a.JPEG",
                "train/n02/notes.txt",
                "train/n01/x.png",
                "train/.cache/y.png",
                "train/list.png",
                "val/n01/v.jpg",
                "val/n02/w.JPG",
            ],
        );
        let opened = load(dir.path(), &ReadOptions::default()).unwrap();
        let test = opened.test.unwrap();
        assert_eq!(
            relative(&opened.train, dir.path()),
            ["train/n01/x.png", "train/n02/a.JPEG", "train/n02/b.JPEG"]
        );
        assert_eq!(opened.train.labels(), [0, 1, 1]);
        assert_eq!(relative(&test, dir.path()), ["val/n01/v.jpg", "val/n02/w.JPG"]);
        assert_eq!(test.labels(), [0, 1]);
        assert_eq!(test.classes().names().unwrap(), ["n01", "n02"]);
        assert_eq!(test.shape(), None);
    }

    #[test]
    fn one_level_even_with_a_class_called_train() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &["train/a.png", "car/b.png"]);
        let opened = load(dir.path(), &ReadOptions::default()).unwrap();
        assert_eq!(relative(&opened.train, dir.path()), ["car/b.png", "train/a.png"]);
        assert_eq!(opened.train.labels(), [0, 1]);
        assert!(opened.test.is_none());
    }

    #[test]
    fn classes_without_images_and_classes_only_to_evaluate_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), &["train/a/1.png", "train/b/1.txt", "val/a/1.png", "val/b/1.png"]);
        let message = || load(dir.path(), &ReadOptions::default()).unwrap_err().to_string();
        assert!(message().contains("train/b: class b has no images"), "{}", message());
        make(dir.path(), &["train/b/1.png", "val/c/1.png"]);
        assert!(message().contains("val: the training set has no class c"), "{}", message());
        std::fs::remove_dir_all(dir.path().join("val/c")).unwrap();
        std::fs::remove_dir_all(dir.path().join("val/b")).unwrap();
        assert!(message().contains("val/b: class b has no images"), "{}", message());
    }
}
